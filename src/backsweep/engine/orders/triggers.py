"""When a bar fills an order, and at which price: the levels of limits and stops, and how they change.

An order *acts* as a market order, a limit or a stop. A stop-limit order acts as a stop until its stop is reached:

    at a price within its limit, it fills there, and slips no further than its limit;
    at the open beyond its limit, it is a limit order for the rest of the bar;
    inside the range beyond its limit, it is a limit order from the next bar on.

A trailing stop keeps a water mark: the market price at which it began to work (the last close, or the price at which
its parent filled), then the highest high that it has seen since (for sells; the lowest low for buys). Each bar is
tested against the level that follows from the mark before it; only a bar that does not fill the order moves the mark.
So a level never depends on the bar that it is tested on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import (
    AT_OPEN,
    IN_RANGE,
    LIMIT,
    MARKET,
    MARKET_ON_CLOSE,
    NEVER,
    STOP,
    STOP_LIMIT,
    TOUCH,
    TRAILING_STOP,
)
from backsweep.engine.compile.kernel import kernel


@kernel
def acts_as(order_type: int) -> int:
    """Return whether an order of this type begins as a market order, a limit or a stop."""
    if order_type == MARKET_ON_CLOSE:
        return MARKET
    return min(order_type, STOP)


@kernel
def waits_below(order: Any) -> bool:
    """Return whether the order fills when the price falls to its level: buy limits and sell stops do."""
    return (order.acts_as == STOP) != (order.quantity > 0.0)


@kernel
def trigger_price(order: Any) -> float:
    """Return the level that the price must reach; a market order fills wherever the price is."""
    if order.acts_as == LIMIT:
        return order.limit_price
    if order.acts_as == STOP:
        return order.stop_price
    return np.inf if waits_below(order) else -np.inf


@kernel
def touch(order: Any, opened: float, high: float, low: float, limit_fill: int) -> tuple[int, float]:
    """Return the phase in which these prices reach the order's level, and the price that it finds there."""
    level = trigger_price(order)
    at_level = limit_fill == TOUCH or order.acts_as != LIMIT  # whether the level itself is enough
    if waits_below(order):
        if opened < level or (opened == level and at_level):
            return AT_OPEN, opened
        if low < level or (low == level and at_level):
            return IN_RANGE, level
    else:
        if opened > level or (opened == level and at_level):
            return AT_OPEN, opened
        if high > level or (high == level and at_level):
            return IN_RANGE, level
    return NEVER, 0.0


@kernel
def meet(order: Any, opened: float, high: float, low: float, limit_fill: int) -> tuple[int, float]:
    """Return the phase in which these prices fill the order, and the price before slippage; move its trail if none."""
    phase, price = touch(order, opened, high, low, limit_fill)
    if order.type == STOP_LIMIT and order.acts_as == STOP and phase != NEVER and not allows(order, price):
        order.acts_as = LIMIT
        if phase == AT_OPEN:
            phase, price = touch(order, opened, high, low, limit_fill)
        else:
            phase = NEVER
    if phase == NEVER:
        order.rested = 1
        if order.type == TRAILING_STOP:
            order.mark = max(order.mark, high) if order.quantity < 0.0 else min(order.mark, low)
            follow_mark(order)
    return phase, price


@kernel
def allows(order: Any, price: float) -> bool:
    """Return whether a stop-limit order may fill at this price; every other order may fill at any."""
    if order.type != STOP_LIMIT:
        return True
    return price <= order.limit_price if order.quantity > 0.0 else price >= order.limit_price


@kernel
def start_trail(order: Any, price: float) -> None:
    """Set the water mark of a trailing stop to this price; other orders have none."""
    if order.type == TRAILING_STOP:
        order.mark = price
        follow_mark(order)


@kernel
def follow_mark(order: Any) -> None:
    """Set a trailing stop's level to where its mark puts it."""
    distance = order.trail_amount
    if np.isnan(distance):
        distance = order.mark * order.trail_percent
    order.stop_price = order.mark - distance if order.quantity < 0.0 else order.mark + distance
