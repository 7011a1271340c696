"""How many units of an order fill within a bar's volume, and at which price.

With `execution.volume_share`, the orders of an asset together fill at most that share of a bar's volume, one after the
other as they come due. What an order cannot fill it leaves working for the next bar:

    a market order stays a market order, a limit stays at its price;
    a stop that has been reached is a market order from then on, a stop-limit order a limit order;
    IOC fills what there is and expires, FOK fills all or expires.

A bar without volume at which orders fill all the same has no known share, and limits nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import LIMIT
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.fills.costs import slipped_price
from backsweep.engine.lots import ROUNDING, whole_lots
from backsweep.engine.orders.triggers import allows
from backsweep.engine.state import State


@kernel
def fillable(state: State, order: Any, row: int, quantity: float) -> float:
    """Return how many of `quantity` signed units the volume of the bar at `row` still allows."""
    volume = record_at(state.bars, row).volume
    if volume == 0.0:
        return quantity
    share = state.rules.volume_share * volume
    room = share - filled_at(state, order.asset, row)
    if room <= ROUNDING * share:
        return 0.0
    if abs(quantity) <= room * (1.0 + ROUNDING):
        return quantity
    return np.copysign(whole_lots(room, record_at(state.assets, order.asset).lot), quantity)


@kernel
def filled_at(state: State, asset: int, row: int) -> float:
    """Return the units that the asset's orders have filled at the bar at `row` so far, those of all parts."""
    book = record_at(state.books, _first_part(state, asset))
    return book.filled_units if book.filled_row == _first_part(state, row) else 0.0


@kernel
def price_paid(state: State, order: Any, row: int, quantity: float, price: float) -> float:
    """Return the price of a fill of `quantity` signed units at market price `price`: slipped, but within a limit."""
    if order.acts_as != LIMIT:
        price = slipped_price(state, order, row, quantity, price, filled_at(state, order.asset, row))
    return price if allows(order, price) else order.limit_price


@kernel
def count_filled(state: State, asset: int, row: int, quantity: float) -> None:
    """Count the units of a fill against the bar at `row`."""
    book = record_at(state.books, _first_part(state, asset))
    book.filled_units = filled_at(state, asset, row) + abs(quantity)
    book.filled_row = _first_part(state, row)


@kernel
def _first_part(state: State, number: int) -> int:
    """Return the asset or row, of those that parts have of the same asset, that is the first part's."""
    parts = state.sizes.parts
    return number if parts == 1 else number - number % parts  # a division would slow every fill
