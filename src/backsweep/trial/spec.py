"""What a trial is, apart from its parameters: data, strategy, account, execution and costs.

Amounts of the account are in its currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from backsweep.dataset.spec import DataSpec
from backsweep.engine.profiles import PROFILES
from backsweep.engine.tables import SETTLEMENTS
from backsweep.errors import BadInput
from backsweep.section import Section
from backsweep.trial.cost_kinds import (
    Amount,
    Commission,
    CustomCommission,
    CustomSlippage,
    NoCommission,
    NoSlippage,
    Rate,
    Slippage,
)
from backsweep.trial.folds import FoldSpec

Share = Annotated[float, Field(gt=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Currency = Annotated[str, Field(min_length=1)]


class AssetSpec(Section):
    """What one asset is: money per unit and point of price, and how it may be ordered; see AccountSpec.

    One unit at price p is worth p x `multiplier` (a future's contract size), in its `currency`, which is also that of
    its price, tick, costs and dividends: the account's, unless it is one of `account.rates`. A `lot` or `tick` that is
    left out is the account's. An asset that is not `shortable` can be sold only as far as it is held, in a margin
    account too.
    `initial_margin` and `maintenance_margin` are fractions of value; see AccountSpec for those that are left out.
    """

    multiplier: Positive = 1.0
    currency: Currency | None = None
    lot: Amount | None = None
    tick: Amount | None = None
    shortable: bool = True
    initial_margin: Share | None = None
    maintenance_margin: Share | None = None


class AccountSpec(Section):
    """The account: cash at the start in currency, leverage as a multiple of equity, lot in units (0 = fractional).

    Order prices are moved to a multiple of `tick`, away from the market (0: they are left as they are); orders of less
    value than `minimum_order`, in currency, are rejected unless they can only reduce a position. `per_asset` says what
    is different for some assets.

    `rates` name the other currencies, and for each the context column with its rate: how much of the account's own
    `currency` one of it is worth. Cash is then held by currency (`backsweep.engine.account.balances`); what the
    account reports is in its own, and so are `cash` and `minimum_order`.

    The proceeds of a sale in a cash account can be used `settlement` sessions later: 0 at once, 1 for T+1.

    The initial margin of a position is one over the leverage. Where equity at a close is less than `maintenance_margin`
    of the value of all positions, positions are liquidated (`backsweep.engine.events.liquidation`); 0 never does.

    In `mode: shared` one account trades every asset. In `sleeves` every asset of the data has an account of its own
    with an equal part of the cash, and no other asset is seen or paid from it; leverage, lots and limits are each
    account's. A trial is the sum of its sleeves: its equity, returns and counts are theirs added, its metrics those of
    the sums.
    """

    cash: Positive = 1_000_000.0
    mode: Literal["shared", "sleeves"] = "shared"
    kind: Literal["cash", "margin"] = "cash"
    leverage: Positive = 1.0
    lot: Amount = 0.0
    tick: Amount = 0.0
    minimum_order: Amount = 0.0
    settlement: Annotated[int, Field(ge=0, lt=SETTLEMENTS)] = 0
    maintenance_margin: Rate = 0.0
    currency: Currency | None = None
    rates: dict[Currency, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    per_asset: dict[str, AssetSpec] = Field(default_factory=dict)

    @property
    def calls_margin(self) -> bool:
        """Whether a maintenance margin is set, for all or for some assets."""
        return self.maintenance_margin > 0.0 or any(own.maintenance_margin for own in self.per_asset.values())

    @property
    def currencies(self) -> tuple[str, ...]:
        """The account's currency, then the others; one without a name where there is only one."""
        return (self.currency or "", *self.rates)

    @property
    def rate_columns(self) -> tuple[str, ...]:
        """The columns of the context that have rates."""
        return tuple(self.rates.values())

    @model_validator(mode="after")
    def _has_rates(self) -> Self:
        if self.rates and self.currency is None:
            raise ValueError("rates need the account's own currency, for example `currency: USD`")
        if self.currency in self.rates:
            raise ValueError(f"the account's own currency has no rate: take {self.currency} out of `rates`")
        for asset, own in self.per_asset.items():
            if own.currency is not None and own.currency not in self.currencies:
                message = (
                    f"{asset} is in {own.currency}, which has no rate: `rates: {{{own.currency}: COLUMN}}` with a "
                )
                raise ValueError(message + "column of data.context, and `currency` with the account's own")
        return self

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        margins = self.calls_margin or any(own.initial_margin for own in self.per_asset.values())
        if self.kind == "cash" and margins:
            raise ValueError("margins need `kind: margin`: a cash account owes nothing")
        if self.kind == "margin" and self.settlement:
            raise ValueError("settlement needs `kind: cash`: a margin account lends what has not settled")
        return self


class ExecutionSpec(Section):
    """How orders fill; `backsweep.engine.profiles` says what the name of a profile stands for.

    limit_fill : a limit fills when the price touches it, or only when the price goes beyond it.
    ambiguous : where a bar's range has a stop and a target, the stop fills, or the target; a stop whose entry is a stop
        in the same bar fills there, or waits. The rules, and the metrics that count, are in
        `backsweep.engine.fills.ambiguity`.
    untraded : at a bar without volume orders wait, or fill all the same. Until an asset's first bar with volume its
        data counts as data without volume, and orders fill.
    delay : how many timestamps later the strategy sees bars, signals and context; its account it sees as it is.
    volume_share : the orders of an asset together fill at most this share of a bar's volume, and leave the rest of
        what they ask for working; 0 for no bound. What `untraded: fill` fills without volume has none either.

    """

    profile: str = "next_open"
    limit_fill: Literal["touch", "penetration"] = "touch"
    ambiguous: Literal["stop_first", "target_first"] = "stop_first"
    untraded: Literal["wait", "fill"] = "wait"
    delay: Annotated[int, Field(ge=0, le=1000)] = 0
    volume_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    @field_validator("profile")
    @classmethod
    def _known(cls, profile: str) -> str:
        if profile not in PROFILES:
            *names, last = map(repr, PROFILES)
            raise PydanticCustomError(
                "literal_error", "Input should be {names}", {"names": f"{', '.join(names)} or {last}"}
            )
        return profile


COST_PARTS = ("commission", "slippage")


def custom_models(costs: object) -> list[dict[str, Any]]:
    """Give the mappings in a plain `costs` section that name a model of the user's own; what is no section has none."""
    if not isinstance(costs, dict):
        return []
    own = costs.get("per_asset")
    owners = [costs, *(own.values() if isinstance(own, dict) else ())]
    parts = [owner.get(part) for owner in owners if isinstance(owner, dict) for part in COST_PARTS]
    return [part for part in parts if isinstance(part, dict) and isinstance(part.get("model"), str)]


class Financing(Section):
    """Annual rates, accrued from one session to the next by actual days over 365; and funding, bar by bar.

    margin_interest : on negative cash; short_borrow : on the value held short, at the last close; short_credit : what
    the proceeds of short sales earn, on the same value. funding : a column of rates, fractions of the value held at the
    bar's close that longs pay to shorts (the other way round below zero); null for a bar without a payment.
    """

    margin_interest: Amount = 0.0
    short_borrow: Amount = 0.0
    short_credit: Amount = 0.0
    funding: str | None = None


class AssetCosts(Section):
    """One asset's own costs; what is left out holds as for every asset."""

    short_borrow: Amount | None = None
    commission: Commission | None = None
    slippage: Slippage | None = None


class CostsSpec(Section):
    """What trading costs, for every asset and for some; stops slip by a further `stop_slippage`, a fraction."""

    commission: Commission = NoCommission()
    slippage: Slippage = NoSlippage()
    stop_slippage: Rate = 0.0
    financing: Financing | None = None
    per_asset: dict[str, AssetCosts] = Field(default_factory=dict)

    @property
    def custom(self) -> dict[str, CustomCommission | CustomSlippage]:
        """The user's own models by their places, such as `commission` and `per_asset.SPY.slippage`."""
        owners = {"": self} | {f"per_asset.{asset}.": own for asset, own in self.per_asset.items()}
        parts = {f"{place}{part}": getattr(owner, part) for place, owner in owners.items() for part in COST_PARTS}
        return {place: part for place, part in parts.items() if isinstance(part, CustomCommission | CustomSlippage)}


class PruningSpec(Section):
    """When a hopeless run ends early: looked at once a session, in trainings or without folds, never in tests.

    max_drawdown : once equity at a session's end is farther below its peak than this fraction. As a run that has passed
        a bound on `max_drawdown` cannot come back, the same bound here ends only runs that break the constraint.
    min_trades : unless so many trades are closed when the fraction `checkpoint` of the run's sessions is over.
    Equity of zero or below always ends the run.
    """

    max_drawdown: Annotated[float | None, Field(gt=0.0, le=1.0)] = None
    min_trades: Annotated[int | None, Field(ge=1)] = None
    checkpoint: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5


class TrialSpec(Section):
    """Everything that a trial depends on besides its values.

    `strategy` is `file.py:Class` with an absolute path, or `module:Class`. `params` names the columns of
    the value arrays: parameters of the strategy, and dotted keys such as `costs.slippage.rate`; so do `fixed`'s keys.
    With `folds`, a trial runs on their segments. `code` has what `code_digests` returned when the run
    began; empty where nothing is compared.
    """

    data: DataSpec
    strategy: str
    account: AccountSpec = AccountSpec()
    execution: ExecutionSpec = ExecutionSpec()
    costs: CostsSpec = CostsSpec()
    fixed: dict[str, float | int | bool] = Field(default_factory=dict)
    params: tuple[str, ...] = ()
    folds: FoldSpec | None = None
    pruning: PruningSpec | None = None
    code: tuple[dict[str, str], ...] = ()


Kind = TypeVar("Kind", bound=Section)


def read_section(kind: type[Kind], name: str, given: Kind | Mapping[str, Any] | None) -> Kind:
    """Validate one mapping of settings, such as `account`; raises BadInput that names the key."""
    if isinstance(given, kind):
        return given
    try:
        return kind.model_validate(dict(given or {}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join([name, *(str(part) for part in first["loc"])])
        raise BadInput(
            first["msg"], where=key, found=repr(first["input"])[:100], remedy=f"correct {key}; see README.md"
        ) from error
