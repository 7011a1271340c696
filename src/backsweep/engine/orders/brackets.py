"""The children of an order: which they are, and how many units each is for.

The live children of one parent form a ring.

A child is asked for as a part of its parent, and works for that part of what its parent has filled. When the size of
the parent is changed it stays that part: a child that waits is resized, one that works already stays as it is until
more has filled, and the same holds for their own children. A child whose own size was changed keeps that, whatever
its parent's becomes, so that both may be changed in any order: it works for that size as far as its parent has filled,
or at once if it works already. An order cannot be changed to what it has filled or less; what is left of it can be
cancelled. A child that is asked for when its parent is over works for what was asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import NONE, WORKING
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.lots import lots_above
from backsweep.engine.slots import parent_slot_of, slot_of
from backsweep.engine.state import State


@kernel
def link_child(state: State, order: Any, slot: int) -> None:
    """Add a child at the end of its parent's ring of children."""
    parent_slot = parent_slot_of(state, order)
    if parent_slot == NONE:
        return
    parent = record_at(state.orders, parent_slot)
    order.parent_units = parent.planned
    if parent.first_child == NONE:
        parent.first_child = slot
        return
    last = record_at(state.orders, parent.first_child)
    while last.next_sibling != parent.first_child:
        last = record_at(state.orders, last.next_sibling)
    last.next_sibling = slot
    order.next_sibling = parent.first_child


@kernel
def find_child(state: State, parent_id: int, order_type: int) -> int:
    """Return the id of a live child of this type, 0 if there is none."""
    parent_slot = slot_of(state, parent_id)
    if parent_slot == NONE:
        return 0
    first = record_at(state.orders, parent_slot).first_child
    slot = first
    while slot != NONE:
        child = record_at(state.orders, slot)
        if child.type == order_type:
            return child.id
        slot = child.next_sibling if child.next_sibling != first else NONE
    return 0


@kernel
def unlink_child(state: State, order: Any, slot: int) -> None:
    """Remove a child from its ring."""
    parent_slot = parent_slot_of(state, order)
    if parent_slot != NONE:
        parent = record_at(state.orders, parent_slot)
        if parent.first_child == slot:
            parent.first_child = NONE if order.next_sibling == slot else order.next_sibling
    before = record_at(state.orders, order.next_sibling)
    while before.next_sibling != slot:
        before = record_at(state.orders, before.next_sibling)
    before.next_sibling = order.next_sibling
    order.next_sibling = slot


@kernel
def child_units(state: State, parent: Any, child: Any) -> float:
    """Return a child's signed units for as much of its parent as has filled, rounded up to lots: none is unprotected.

    A child with a size of its own works for it as far as its parent has filled; one that works already never shrinks.
    """
    lot = record_at(state.assets, child.asset).lot
    if np.isfinite(child.parent_units):
        units = lots_above(abs(child.planned / child.parent_units * parent.filled), lot)
    else:
        units = lots_above(min(abs(child.planned), abs(parent.filled)), lot)
        if child.status == WORKING:
            units = max(units, abs(child.quantity))
    return np.copysign(units, child.planned)


@kernel
def resize_children(state: State, order_id: int) -> None:
    """Scale the children of an order whose units were changed, and their children, in proportion."""
    slot = record_at(state.orders, slot_of(state, order_id)).first_child
    while slot != NONE:
        child = record_at(state.orders, slot)
        resized = _resize_child(state, record_at(state.orders, parent_slot_of(state, child)), child)
        slot = child.first_child if resized else NONE
        while slot == NONE and child.id != order_id:
            parent = record_at(state.orders, parent_slot_of(state, child))
            slot = child.next_sibling if child.next_sibling != parent.first_child else NONE
            child = parent


@kernel
def _resize_child(state: State, parent: Any, child: Any) -> bool:
    """Scale one child to its parent's units; return whether that changed anything."""
    if child.parent_units == parent.planned or not 0.0 < abs(child.parent_units) < np.inf:
        return False
    child.planned = child.planned / child.parent_units * parent.planned
    child.parent_units = parent.planned
    if child.status != WORKING:
        lot = record_at(state.assets, parent.asset).lot
        child.quantity = np.copysign(lots_above(abs(child.planned), lot), child.planned)
    return True
