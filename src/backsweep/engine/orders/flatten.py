"""The order that closes a position at its asset's last close of the session."""

from __future__ import annotations

import numpy as np

from backsweep.engine.codes import MARKET_ON_CLOSE, NONE
from backsweep.engine.compile.kernel import large_kernel, record_at
from backsweep.engine.orders.lifecycle import request_order
from backsweep.engine.orders.requests import cancel_order
from backsweep.engine.slots import remaining
from backsweep.engine.state import State


@large_kernel
def flatten_position(state: State, asset: int) -> int:
    """Request that order, or return the one that works already for as much as is held; return its id, 0 for none."""
    held = record_at(state.positions, asset).quantity
    slot = record_at(state.books, asset).first_order
    while slot != NONE:
        order = record_at(state.orders, slot)
        if order.type == MARKET_ON_CLOSE and order.reduce_only == 1 and order.parent == 0:
            if held != 0.0 and remaining(order) == -held:
                return order.id
            cancel_order(state, order.id)
            break
        slot = order.next
    if held == 0.0:
        return 0
    return request_order(state, asset, -held, MARKET_ON_CLOSE, np.nan, np.nan, 0, 1)
