"""The section `account`: cash, leverage, lots, currencies and margins. Amounts are in the account's currency."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backsweep.engine.tables import SETTLEMENTS
from backsweep.sweepfile.cost_kinds import Amount, Rate
from backsweep.sweepfile.section import Section

Share = Annotated[float, Field(gt=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Currency = Annotated[str, Field(min_length=1)]


class AssetSpec(Section):
    """What one asset is: money per unit and point of price, and how it may be ordered."""

    multiplier: Positive = 1.0
    """What a point of price is worth for each unit, in the asset's currency: a future's contract size. One unit at
    price p is worth p x `multiplier`."""
    currency: Currency | None = None
    """That of its price, tick, costs and dividends: one of `account.rates`. Left out: the account's."""
    lot: Amount | None = None
    """Units; quantities are whole multiples. Left out: the account's."""
    tick: Amount | None = None
    """Currency; order prices are whole multiples. Left out: the account's."""
    shortable: bool = True
    """Whether more can be sold than is held, in a margin account."""
    initial_margin: Share | None = None
    """Fraction of value that equity must cover when an order is accepted. Left out: one over `account.leverage`."""
    maintenance_margin: Share | None = None
    """Fraction of value that equity must cover at every close. Left out: the account's."""


class LimitSpec(Section):
    """What no order may go beyond, whatever the strategy asks for; what is left out has no limit.

    Orders that can only reduce a position are never refused. A number that stands here can be searched, as
    `account.limits.positions`.
    """

    positions: Annotated[int, Field(ge=1)] | None = None
    """Assets that may be held at the same time. An order for one more is rejected while as many are held, or may be by
    orders that work; a market order that closes a position makes room at once."""
    exposure: Positive | None = None
    """Multiple of equity that the gross value of positions may reach when an order is accepted, in either kind of
    account. What prices do afterwards sells nothing."""
    daily_loss: Share | None = None
    """Fraction of equity at the end of the session before. Once more is lost, at a close or before a fill, orders that
    could add are cancelled, market orders close all positions, and nothing is accepted that could add, to the end of
    the session."""
    drawdown: Share | None = None
    """Fraction of the highest equity at a session's end. Once more is lost, the same, and for good: to the end of the
    run, with `walk_forward` of the segment, or of all tests where `state: continuous` carries the account on."""


class AccountSpec(Section):
    """The account that a trial begins with, and what it may do.

    In `mode: sleeves` a trial is the sum of its sleeves: its equity, returns and counts are theirs added, its metrics
    those of the sums.
    """

    cash: Positive = 1_000_000.0
    """At the start, in the account's currency."""
    mode: Literal["shared", "sleeves"] = "shared"
    """`shared`: one account trades every asset. `sleeves`: every asset has an account of its own with an equal part of
    the cash, and no other asset is seen or paid from it; leverage, lots and limits are each account's."""
    kind: Literal["cash", "margin"] = "cash"
    """`cash` owes neither money nor units; `margin` borrows both."""
    leverage: Positive = 1.0
    """Multiple of equity that exposure may reach when an order is accepted; one over it is the initial margin."""
    lot: Amount = 0.0
    """Units; quantities are rounded towards zero to whole multiples. 0: fractional."""
    tick: Amount = 0.0
    """Currency; order prices are moved to a multiple, away from the market. 0: left as they are."""
    minimum_order: Amount = 0.0
    """Value in account currency; smaller orders are rejected unless they can only reduce a position. 0: none is."""
    settlement: Annotated[int, Field(ge=0, lt=SETTLEMENTS)] = 0
    """Sessions until the proceeds of a sale in a cash account can be used: 0 at once, 1 for T+1."""
    maintenance_margin: Rate = 0.0
    """Fraction of the value of all positions that equity must cover at every close, or positions are liquidated.
    0: they never are."""
    limits: LimitSpec | None = None
    """Positions, exposure and losses at most. Left out: none."""
    currency: Currency | None = None
    """The account's own; all that it reports is in it. Needed with `rates`."""
    rates: dict[Currency, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """The other currencies, and for each the context column with its rate: what one of it is worth in the account's
    own. Cash is then held by currency."""
    per_asset: dict[str, AssetSpec] = Field(default_factory=dict)
    """What is different for some assets, by name."""

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
        """Refuse `rates` without `currency`, a rate of that currency itself, and an asset's currency without a rate."""
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
        """Refuse margins of `kind: cash`, settlement of `kind: margin`, and `limits.positions` of sleeves."""
        margins = self.calls_margin or any(own.initial_margin for own in self.per_asset.values())
        if self.kind == "cash" and margins:
            raise ValueError("margins need `kind: margin`: a cash account owes nothing")
        if self.mode == "sleeves" and self.limits is not None and self.limits.positions is not None:
            raise ValueError("limits.positions needs `mode: shared`: a sleeve never holds more than its one asset")
        if self.kind == "margin" and self.settlement:
            raise ValueError("settlement needs `kind: cash`: a margin account lends what has not settled")
        return self
