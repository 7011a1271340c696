"""How many units an order may fill: whole lots, and what a bar's volume leaves; and at which price they do.

With `execution.volume_share`, the orders of an asset together fill at most that share of a bar's volume, one after the
other as they come due. What an order cannot fill it leaves working for the next bar:

    a market order stays a market order, a limit stays at its price;
    a stop that has been reached is a market order from then on, a stop-limit order a limit order;
    IOC takes what there is and expires, FOK takes all or expires.

A bar without volume at which orders fill all the same has no known share, and limits nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import LIMIT
from backsweep.engine.costs import slipped_price
from backsweep.engine.jit import kernel, record_at
from backsweep.engine.records import State
from backsweep.engine.triggers import allows

ROUNDING = 1e-12  # relative; an order sized to use or to close everything must not fail by the last bit
TRACE = 1e-6  # of a lot; what a strategy's own arithmetic may be off by where it closes a position


@kernel
def whole_lots(quantity: float, lot: float) -> float:
    """Round towards zero to whole lots; a lot of 0 leaves fractional units as they are.

    A quantity within one part in 10^12 of a whole lot counts as whole: 0.3 is three lots of 0.1.
    """
    if lot == 0.0 or not np.isfinite(quantity):
        return quantity
    lots = abs(quantity) / lot
    return np.copysign(np.floor(lots * (1.0 + ROUNDING)) * lot, quantity)


@kernel
def in_lots(units: float, lot: float, scale: float) -> float:
    """Return a sum of whole lots without the rounding of that sum: n x lot, as an order of n lots has it.

    `scale` is what the sum's terms come to without their signs. What is further than rounding from whole lots, because
    the lot was another when it was bought, and a lot of 0 stay as they are.
    """
    if lot == 0.0 or not np.isfinite(units):
        return units
    whole = np.rint(units / lot) * lot
    return whole if abs(units - whole) <= ROUNDING * scale else units


@kernel
def whole_order(quantity: float, held: float, lot: float) -> float:
    """Round an order to whole lots, towards zero; one that closes what is held, but for a trace of a lot, closes it."""
    if abs(quantity + held) <= TRACE * lot and held * quantity < 0.0:
        return -held
    return whole_lots(quantity, lot)


@kernel
def lots_above(units: float, lot: float) -> float:
    """Round units without a sign up to whole lots; one part in 10^12 above a whole lot counts as whole."""
    return units if lot == 0.0 else np.ceil(units / lot * (1.0 - ROUNDING)) * lot


@kernel
def fillable(state: State, order: Any, row: int, quantity: float) -> float:
    """Give how many of `quantity` signed units the bar at `row` still has for the order."""
    volume = record_at(state.bars, row).volume
    if volume == 0.0:
        return quantity
    share = state.rules.volume_share * volume
    room = share - taken_at(state, order.asset, row)
    if room <= ROUNDING * share:
        return 0.0
    if abs(quantity) <= room * (1.0 + ROUNDING):
        return quantity
    return np.copysign(whole_lots(room, record_at(state.assets, order.asset).lot), quantity)


@kernel
def taken_at(state: State, asset: int, row: int) -> float:
    """Give the units that the asset's orders have filled at the bar at `row` so far."""
    book = record_at(state.books, asset)
    return book.taken if book.taken_row == row else 0.0


@kernel
def price_paid(state: State, order: Any, row: int, quantity: float, price: float) -> float:
    """Give the price of a fill of `quantity` signed units at market price `price`: slipped, but within a limit."""
    if order.acts != LIMIT:
        price = slipped_price(state, order, row, quantity, price, taken_at(state, order.asset, row))
    return price if allows(order, price) else order.limit_price


@kernel
def take(state: State, asset: int, row: int, quantity: float) -> None:
    """Count the units of a fill against the bar at `row`."""
    book = record_at(state.books, asset)
    book.taken = taken_at(state, asset, row) + abs(quantity)
    book.taken_row = row
