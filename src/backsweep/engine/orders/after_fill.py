"""What follows from a fill: for the order, its children and siblings, and whatever can only reduce.

Children are HELD until their parent fills, and then work for as much of it as has filled. They only reduce: they never
exceed the position, the fill of one shrinks the others, and when the position is closed they are cancelled. A bracket
that has begun to exit enters no more: with the first fill of a child, or when the position is closed, what its parent
has left is cancelled.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.codes import (
    CANCELLED,
    CHILD_FILLED,
    FILLED,
    HELD,
    NO_REASON,
    NONE,
    POSITION_CLOSED,
    SIBLING_FILLED,
    WORKING,
)
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.lots import ROUNDING, in_lots
from backsweep.engine.orders.brackets import child_units
from backsweep.engine.orders.lifecycle import close_order, end_unfilled, start_working
from backsweep.engine.orders.triggers import start_trail
from backsweep.engine.slots import parent_slot_of, remaining
from backsweep.engine.state import State


@kernel
def update_after_fill(state: State, slot: int, quantity: float, price: float) -> None:
    """Update an order, its children and its siblings after a fill, entered at market price `price`."""
    order = record_at(state.orders, slot)
    position = record_at(state.positions, order.asset)
    left = remaining(order)
    released = order.reserved * (quantity / (left + quantity))
    order.reserved -= released
    state.account.reserved -= released
    if order.first_child != NONE:
        _activate_children(state, order, price)
    if order.parent != 0:
        _end_parent(state, order)
        _shrink_siblings(state, order, slot, quantity)
    if left == 0.0:
        close_order(state, slot, FILLED, NO_REASON)
    if order.quantity * position.quantity >= 0.0:
        _cancel_orphans(state, order.asset)


@kernel
def _activate_children(state: State, parent: Any, price: float) -> None:
    """Set the children to work for as much of their parent as has filled."""
    slot = parent.first_child
    while True:
        child = record_at(state.orders, slot)
        if child.status == HELD or child.status == WORKING:
            child.quantity = child_units(state, parent, child)
        if child.status == HELD:
            start_trail(child, price)
            start_working(state, slot)
        slot = child.next_sibling
        if slot == parent.first_child:
            break


@kernel
def _shrink_siblings(state: State, order: Any, slot: int, quantity: float) -> None:
    """Reduce the other children by what one of them filled; one with nothing left is cancelled."""
    other = order.next_sibling
    while other != slot:
        sibling = record_at(state.orders, other)
        following = sibling.next_sibling
        lot = record_at(state.assets, order.asset).lot
        sibling.quantity = in_lots(sibling.quantity - quantity, lot, abs(sibling.quantity) + abs(quantity))
        left = remaining(sibling)
        if left * order.quantity <= 0.0 or abs(left) <= ROUNDING * abs(sibling.planned):
            end_unfilled(state, other, CANCELLED, SIBLING_FILLED)
        other = following


@kernel
def _cancel_orphans(state: State, asset: int) -> None:
    """Cancel what can only reduce and has nothing left to reduce."""
    position = record_at(state.positions, asset)
    slot = record_at(state.books, asset).first_order
    while slot != NONE:
        order = record_at(state.orders, slot)
        following = order.next
        if order.status == WORKING and order.reduce_only == 1 and order.quantity * position.quantity >= 0.0:
            cancel_orphan(state, slot)
        slot = following


@kernel
def cancel_orphan(state: State, slot: int) -> None:
    """Cancel an order that has nothing left to reduce, and what is left of its parent."""
    order = record_at(state.orders, slot)
    if order.parent != 0:
        _end_parent(state, order)
    end_unfilled(state, slot, CANCELLED, POSITION_CLOSED)


@kernel
def _end_parent(state: State, order: Any) -> None:
    """Cancel what is left to fill of a child's parent."""
    slot = parent_slot_of(state, order)
    if slot != NONE and record_at(state.orders, slot).status == WORKING:
        end_unfilled(state, slot, CANCELLED, CHILD_FILLED)
