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
    """What bounds the commission of an order, over all its fills.

    At least `minimum`, in currency; at most the fraction `maximum` of what it traded (0: no bound).
    """

    minimum: Amount = 0.0
    maximum: Rate = 0.0


class PercentageCommission(_Commission):
    """A fraction of the fill's notional; `maker_rate` where a limit order rested before it filled (below 0: rebate)."""

    kind: Literal["percentage"]
    rate: Rate
    maker_rate: MakerRate | None = None


class PerShareCommission(_Commission):
    """An amount per unit; `maker_rate` where a limit order rested before it filled (below 0: rebate)."""

    kind: Literal["per_share"]
    rate: Amount
    maker_rate: float | None = None


class PerOrderCommission(Section):
    """The same amount for every filled order."""

    kind: Literal["per_order"]
    amount: Amount


class CombinedCommission(_Commission):
    """A fraction of the notional, and an amount for every filled order."""

    kind: Literal["combined"]
    rate: Rate
    maker_rate: MakerRate | None = None
    amount: Amount


class Tier(Section):
    """The rate of what lies above a total, up to the next tier's."""

    above: Amount
    rate: Amount
    maker_rate: float | None = None


class TieredCommission(_Commission):
    """Rates in tiers: each part of a fill pays the rate of the tier that it falls into.

    by : monthly_volume, the units that the account has traded in the calendar month (UTC), charged a unit;
        monthly_value, their value, charged as fractions of value; order_value, the value of the order so far, charged
        as fractions.

    """

    kind: Literal["tiered"]
    by: Literal["monthly_volume", "monthly_value", "order_value"]
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        starts = [tier.above for tier in tiers]
        if starts[0] != 0.0 or any(one >= other for one, other in itertools.pairwise(starts)):
            raise ValueError("tiers begin above 0 and ascend: {above: 0, rate: ...}, then {above: 300000, rate: ...}")
        return tiers


class _Custom(Section):
    """A cost model of the user's own: `model` names its class, further keys give the class's parameters.

    What it answers counts `times` as much.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | int | bool] = Field(init=False)

    kind: Literal["custom"]
    model: str
    times: Amount = 1.0

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
    """What a `CommissionModel` charges, within the order's bounds (`backsweep.strategy.models`)."""

    model_config = ConfigDict(extra="allow")


class CustomSlippage(_Custom):
    """By how much a `SlippageModel` moves the price against the trader (`backsweep.strategy.models`)."""


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


class VolumeShareSlippage(Section):
    """Quadratic impact: price x rate x share^2, the share of the bar's volume counted up to `limit`."""

    kind: Literal["volume_share"]
    rate: Amount = 0.1
    limit: Annotated[float, Field(gt=0.0, le=1.0)] = 0.025


class SquareRootSlippage(Section):
    """Square-root impact: price x rate x sqrt(share of the bar's volume)."""

    kind: Literal["square_root"]
    rate: Amount


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
