"""Where orders are kept.

An order lives in the slot `id % capacity` of the order table, so that ids are sequential and look-up is one division;
a closed order can be read until its slot is needed again.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.codes import FREE, NONE, REQUESTED, WORKING
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.state import State


@kernel
def slot_of(state: State, order_id: int) -> int:
    """Return the slot of an order that is still kept, or NONE."""
    if order_id <= 0 or order_id >= state.cursor.next_id:
        return NONE
    slot = order_id % state.sizes.capacity
    return slot if record_at(state.orders, slot).id == order_id else NONE


@kernel
def parent_slot_of(state: State, order: Any) -> int:
    """Return the slot of a child's parent, or NONE; a parent was asked for before its children."""
    return slot_of(state, order.parent) if order.parent < order.id else NONE


@kernel
def is_live(order: Any) -> bool:
    """Return whether the order can still change."""
    return REQUESTED <= order.status <= WORKING


@kernel
def is_needed(order: Any) -> bool:
    """Return whether the order's slot must be kept: it can still change, or has children that can."""
    return is_live(order) or (order.status != FREE and order.first_child != NONE)


@kernel
def remaining(order: Any) -> float:
    """Return the signed units that are not filled yet."""
    return order.quantity - order.filled
