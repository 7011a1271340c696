"""What a trial is, apart from its parameters: data, strategy, account, execution and costs.

Rates are fractions (0.0005 = 5 basis points) of the traded notional; amounts are in the account's currency.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from backsweep.dataset.spec import DataSpec
from backsweep.engine.profiles import PROFILES
from backsweep.section import Section
from backsweep.trial.folds import FoldSpec

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Amount = Annotated[float, Field(ge=0.0)]


class AccountSpec(Section):
    """The account at the start: cash in currency, leverage as a multiple of equity, lot in units (0 = fractional)."""

    cash: Annotated[float, Field(gt=0.0)] = 1_000_000.0
    mode: Literal["shared", "sleeves"] = "shared"
    kind: Literal["cash", "margin"] = "cash"
    leverage: Annotated[float, Field(gt=0.0)] = 1.0
    lot: Amount = 0.0


class ExecutionSpec(Section):
    """The named set of execution rules; `backsweep.engine.profiles` says what each name stands for."""

    profile: str = "next_open"

    @field_validator("profile")
    @classmethod
    def _known(cls, profile: str) -> str:
        if profile not in PROFILES:
            *names, last = map(repr, PROFILES)
            raise PydanticCustomError(
                "literal_error", "Input should be {names}", {"names": f"{', '.join(names)} or {last}"}
            )
        return profile


class NoCommission(Section):
    """No commission at all."""

    kind: Literal["none"] = "none"


class PercentageCommission(Section):
    """A fraction of the fill's notional."""

    kind: Literal["percentage"]
    rate: Rate


class PerShareCommission(Section):
    """An amount per unit, and at least `minimum` per order."""

    kind: Literal["per_share"]
    rate: Amount
    minimum: Amount = 0.0


class PerOrderCommission(Section):
    """The same amount for every filled order."""

    kind: Literal["per_order"]
    amount: Amount


class NoSlippage(Section):
    """Fills at the rule's own price."""

    kind: Literal["none"] = "none"


class FixedSlippage(Section):
    """An amount per unit against the trader."""

    kind: Literal["fixed"]
    amount: Amount


class PercentageSlippage(Section):
    """A fraction of the price against the trader."""

    kind: Literal["percentage"]
    rate: Rate


Commission = Annotated[
    NoCommission | PercentageCommission | PerShareCommission | PerOrderCommission, Field(discriminator="kind")
]
Slippage = Annotated[NoSlippage | FixedSlippage | PercentageSlippage, Field(discriminator="kind")]


class AssetCosts(Section):
    """One asset's own costs; what is left out holds as for every asset."""

    commission: Commission | None = None
    slippage: Slippage | None = None


class CostsSpec(Section):
    """What trading costs, for every asset and for some in particular."""

    commission: Commission = NoCommission()
    slippage: Slippage = NoSlippage()
    per_asset: dict[str, AssetCosts] = Field(default_factory=dict)


class TrialSpec(Section):
    """Everything that a trial depends on besides its values.

    `strategy` is `file.py:Class` with an absolute path, or `module:Class`. `params` names the columns of
    the value arrays: parameters of the strategy, and dotted keys such as `costs.slippage.rate`; so do `fixed`'s keys.
    With `folds`, a trial runs on their segments.
    """

    data: DataSpec
    strategy: str
    account: AccountSpec = AccountSpec()
    execution: ExecutionSpec = ExecutionSpec()
    costs: CostsSpec = CostsSpec()
    fixed: dict[str, float | int | bool] = Field(default_factory=dict)
    params: tuple[str, ...] = ()
    folds: FoldSpec | None = None
