"""The words of the oracle: orders as objects, in fractions, and their fills."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite, isnan

TOLERANCE = Fraction(1, 10**12)
AT_OPEN, AT_ENTRY, IN_RANGE, AT_CLOSE = range(4)
TYPES = MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, MARKET_ON_CLOSE = (
    "market",
    "limit",
    "stop",
    "stop_limit",
    "trailing_stop",
    "market_on_close",
)
TIFS = GTC, DAY, GTD, IOC, FOK = ("gtc", "day", "gtd", "ioc", "fok")
STOPS = (STOP, STOP_LIMIT, TRAILING_STOP)
UNCONDITIONAL = (MARKET, MARKET_ON_CLOSE)


def exact(number):
    """Return a float as the fraction that it is; None for NaN."""
    return None if isnan(number) else Fraction(number) if isfinite(number) else number


@dataclass(eq=False)
class Order:
    """One order and its state; `total` units are requested, all signed."""

    id: int
    asset: str
    type: str
    total: Fraction
    limit: Fraction | None
    stop: Fraction | None
    parent: Order | None
    reduces: bool
    known_parent: bool = True
    tif: str = GTC
    till: Fraction | None = None  # hours since the start
    group: int = 0
    trail: Fraction | None = None
    percent: Fraction | None = None
    best: Fraction | None = None  # the price that a trailing stop follows
    planned: Fraction | None = None  # a child's units for the whole of its parent
    asked: Fraction | None = None  # units that were asked for last
    own: bool = False  # was itself given its size
    triggered: bool = False  # a stop-limit order that is a limit order now
    rested: bool = False  # has met a bar that did not fill it whole
    released: bool = False  # a stop that is a market order now
    status: str = "requested"
    reason: str = ""
    filled: Fraction = Fraction(0)
    value: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    paid: Fraction = Fraction(0)
    reserved: Fraction = Fraction(0)
    number: int = 0  # the place of its coming to life: resting orders are looked at in this order
    doubted: int = -1  # the moment at which its level was reached before its entry, or after
    children: list[Order] = field(default_factory=list)

    @property
    def left(self):
        return self.total - self.filled

    @property
    def live(self):
        return self.status in {"requested", "held", "working"}

    @property
    def is_stop(self):
        return self.type in STOPS and not self.triggered and not self.released

    @property
    def unconditional(self):
        return self.type in UNCONDITIONAL or self.released

    @property
    def level(self):
        if self.type == TRAILING_STOP:
            distance = self.trail if self.trail is not None else self.best * self.percent
            return self.best - distance if self.total < 0 else self.best + distance
        return self.stop if self.is_stop else self.limit

    def within_limit(self, price):
        return self.type != STOP_LIMIT or (price <= self.limit if self.total > 0 else price >= self.limit)

    @property
    def siblings(self):
        return [order for order in self.parent.children if order is not self and order.live] if self.parent else []


@dataclass
class Fill:
    """One fill; price after slippage, commission and slippage in the account's currency."""

    order: Order
    timestamp: int
    quantity: Fraction
    price: Fraction
    commission: Fraction
    slippage: Fraction
    rate: Fraction = Fraction(1)  # of its currency
