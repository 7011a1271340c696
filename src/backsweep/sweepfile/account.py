"""The section `account`: cash, leverage, lots, currencies and margins. Amounts are in the account's currency."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backsweep.engine.tables import SETTLEMENTS
from backsweep.sweepfile.cost_kinds import (
    Amount,
    Rate,
)
from backsweep.sweepfile.section import Section

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
