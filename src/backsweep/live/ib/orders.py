"""Requests as a strategy makes them, and as Interactive Brokers wants them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isnan

from ib_async import Order, OrderStatus

from backsweep.engine.codes import (
    CANCELLED,
    DAY,
    FILLED,
    LIMIT,
    MARKET,
    MARKET_ON_CLOSE,
    NO_REASON,
    REJECTED,
    REQUESTED,
    STOP,
    STOP_LIMIT,
    TIFS,
    TRAILING_STOP,
)

ORDER_TYPES = {
    MARKET: "MKT",
    LIMIT: "LMT",
    STOP: "STP",
    STOP_LIMIT: "STP LMT",
    TRAILING_STOP: "TRAIL",
    MARKET_ON_CLOSE: "MOC",
}
"""Names at https://interactivebrokers.github.io/tws-api/available_orders.html."""

ENDED = {
    OrderStatus.Filled: FILLED,
    OrderStatus.Cancelled: CANCELLED,
    OrderStatus.ApiCancelled: CANCELLED,
    OrderStatus.Inactive: REJECTED,
}


@dataclass
class Request:
    """One order as the strategy asked for it; prices and trails that were not given are NaN."""

    id: int
    asset: int
    quantity: float
    order_type: int
    limit_price: float
    stop_price: float
    trail_amount: float
    trail_percent: float
    tif: int
    good_till: int
    parent: int
    oca_group: int
    reduces: bool = False  # a bracket's child, or an order of `flatten`: never more than the position
    sized: bool = False  # the strategy changed its size: it no longer follows its parent's
    status: int = REQUESTED  # until it is sent: then the broker tells
    reject_reason: int = NO_REASON
    planned: float = field(init=False)  # the quantity before it is rounded to lots, as its parent's changes

    def __post_init__(self) -> None:
        self.planned = self.quantity


def make_order(request: Request, *, parent: int, transmit: bool, reference: str, account: str) -> Order:
    """Translate a request; `parent` is the id of an order that has yet to fill, or 0."""
    order = Order(
        orderId=request.id,
        action="BUY" if request.quantity > 0 else "SELL",
        totalQuantity=abs(request.quantity),
        orderType=ORDER_TYPES[request.order_type],
        tif=TIFS[DAY if request.order_type == MARKET_ON_CLOSE else request.tif].upper(),
        parentId=parent,
        transmit=transmit,
        orderRef=reference,
        account=account,
    )
    if request.good_till:
        order.goodTillDate = datetime.fromtimestamp(request.good_till / 1e9, UTC).strftime("%Y%m%d-%H:%M:%S")
    if request.oca_group:
        order.ocaGroup, order.ocaType = f"{reference}-{request.oca_group}", 1  # cancel the others, with block
    set_prices(order, request)
    return order


def set_prices(order: Order, request: Request) -> None:
    """Write the request's prices into an order; a trailing stop's distance stands where a stop's price does."""
    if request.order_type in {LIMIT, STOP_LIMIT}:
        order.lmtPrice = request.limit_price
    if request.order_type in {STOP, STOP_LIMIT}:
        order.auxPrice = request.stop_price
    if request.order_type == TRAILING_STOP:
        if isnan(request.trail_percent):
            order.auxPrice = request.trail_amount
        else:
            order.trailingPercent = 100.0 * request.trail_percent
