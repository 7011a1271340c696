"""The kinds of commission and slippage, by the `kind` that names them.

Rates are fractions (0.0005 = 5 basis points) of the traded notional; amounts are in the asset's currency.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from backsweep.sweepfile.section import Section

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Amount = Annotated[float, Field(ge=0.0)]
MakerRate = Annotated[float, Field(gt=-1.0, lt=1.0)]


class NoCommission(Section):
    """No commission at all."""

    kind: Literal["none"] = "none"


class _Commission(Section):
    """What bounds the commission of an order, over all its fills."""

    minimum: Amount = 0.0
    """In the asset's currency, for an order over all its fills."""
    maximum: Rate = 0.0
    """Fraction of what the order traded, over all its fills; 0: no bound."""


class PercentageCommission(_Commission):
    """A fraction of what a fill trades."""

    kind: Literal["percentage"]
    rate: Rate
    """Fraction of the value; 0.0005 is 5 basis points."""
    maker_rate: MakerRate | None = None
    """The rate where a limit order rested before it filled; below 0 a rebate. Left out: `rate`."""


class PerShareCommission(_Commission):
    """An amount for each unit."""

    kind: Literal["per_share"]
    rate: Amount
    """The asset's currency for each unit."""
    maker_rate: float | None = None
    """The rate where a limit order rested before it filled; below 0 a rebate. Left out: `rate`."""


class PerOrderCommission(Section):
    """The same amount for every filled order."""

    kind: Literal["per_order"]
    amount: Amount
    """The asset's currency for each order, once it fills."""


class CombinedCommission(_Commission):
    """A fraction of what a fill trades, and an amount for every filled order."""

    kind: Literal["combined"]
    rate: Rate
    """Fraction of the value."""
    maker_rate: MakerRate | None = None
    """The rate where a limit order rested before it filled; below 0 a rebate. Left out: `rate`."""
    amount: Amount
    """The asset's currency for each order, once it fills."""


class Tier(Section):
    """The rate of what lies above a total, up to the next tier's."""

    above: Amount
    """The total above which the rate holds: units or value, as `by` says."""
    rate: Amount
    """The asset's currency for each unit with `by: monthly_volume`, else a fraction of the value."""
    maker_rate: float | None = None
    """The rate where a limit order rested before it filled; below 0 a rebate. Left out: `rate`."""


class TieredCommission(_Commission):
    """Rates in tiers: each part of a fill pays the rate of the tier that it falls into."""

    kind: Literal["tiered"]
    by: Literal["monthly_volume", "monthly_value", "order_value"]
    """What places a fill: the units that the account has traded in the calendar month (UTC), charged a unit; their
    value, or the value of the order so far, charged as fractions of value."""
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    """In ascending order; the first is above 0."""

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        """Refuse tiers that do not begin above 0 and ascend."""
        starts = [tier.above for tier in tiers]
        if starts[0] != 0.0 or any(one >= other for one, other in itertools.pairwise(starts)):
            raise ValueError("tiers begin above 0 and ascend: {above: 0, rate: ...}, then {above: 300000, rate: ...}")
        return tiers


class _Custom(Section):
    """A cost model of the user's own; further keys give its class's parameters."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | int | bool] = Field(init=False)

    kind: Literal["custom"]
    model: str
    """The model's class, `file.py:Class` or `package.module:Class`."""
    times: Amount = 1.0
    """What its answers are multiplied by."""

    @field_validator("model", mode="before")
    @classmethod
    def _reference(cls, model: object) -> object:
        """Take the class itself, too, as Python code has it."""
        return f"{model.__module__}:{model.__qualname__}" if isinstance(model, type) else model

    @property
    def params(self) -> dict[str, float | int | bool]:
        """The parameters that are given."""
        return dict(self.__pydantic_extra__)


class CustomCommission(_Commission, _Custom):
    """What a `CommissionModel` charges, within the order's bounds; further keys give its parameters."""

    model_config = ConfigDict(extra="allow")


class CustomSlippage(_Custom):
    """By how much a `SlippageModel` moves the price against the trader; further keys give its parameters."""


class NoSlippage(Section):
    """Fills at the rule's own price."""

    kind: Literal["none"] = "none"


class FixedSlippage(Section):
    """An amount per unit against the trader."""

    kind: Literal["fixed"]
    amount: Amount
    """The asset's currency for each unit."""


class PercentageSlippage(Section):
    """A fraction of the price against the trader."""

    kind: Literal["percentage"]
    rate: Rate
    """Fraction of the price."""


class VolumeShareSlippage(Section):
    """Quadratic impact: price x rate x share^2, the share of the bar's volume counted up to `limit`."""

    kind: Literal["volume_share"]
    rate: Amount = 0.1
    """Fraction of the price at a share of one."""
    limit: Annotated[float, Field(gt=0.0, le=1.0)] = 0.025
    """The largest share that counts."""


class SquareRootSlippage(Section):
    """Square-root impact: price x rate x sqrt(share of the bar's volume)."""

    kind: Literal["square_root"]
    rate: Amount
    """Fraction of the price at a share of one."""


Commission = Annotated[
    NoCommission
    | PercentageCommission
    | PerShareCommission
    | PerOrderCommission
    | CombinedCommission
    | TieredCommission
    | CustomCommission,
    Field(discriminator="kind"),
]
Slippage = Annotated[
    NoSlippage | FixedSlippage | PercentageSlippage | VolumeShareSlippage | SquareRootSlippage | CustomSlippage,
    Field(discriminator="kind"),
]
