"""The life of an order: requested, accepted or rejected, held or working, closed.

An order lives in the slot `id % capacity` of the order table, so that ids are sequential and look-up is one division;
a closed order can be read until its slot is needed again. Working orders of an asset form a list, in the order in
which they became working. The live children of one parent form a ring.

Children are HELD until their parent fills, and then work for as much of it as has filled. They only reduce: they never
exceed the position, the fill of one shrinks the others, and when the position is closed they are cancelled. A bracket
that has begun to exit enters no more: with the first fill of a child, or when the position is closed, what its parent
has left is cancelled.

What a child is asked for is a part of its parent, all of it or less. When the size of the parent is changed it stays
that part: children that wait are resized with it, what works already is for what has filled and stays, and so for
their children. A child whose own size was changed keeps that, whatever size its parent has before or after, so that a
family may be changed in any order: it works for that size as far as its parent has filled, and at once if it works
already. An order cannot be changed to what it has filled or less; to fill no more of it, cancel it. A child that is
asked for when its parent is over works for what was asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import (
    AT_LIMIT,
    AT_STOP,
    CANCELLED,
    CHILD_FILLED,
    CLOSE_ONLY,
    DAY,
    FILLED,
    FREE,
    GTC,
    GTD,
    HELD,
    LIMIT,
    LOG_FULL,
    MARKET,
    MARKET_ON_CLOSE,
    NEXT_OPEN,
    NO_FAILURE,
    NO_REASON,
    NONE,
    ORDERS_FULL,
    PARENT_CLOSED,
    POSITION_CLOSED,
    REJECTED,
    REQUESTED,
    SIBLING_FILLED,
    SIGNAL,
    STOP,
    STOP_LOSS,
    TAKE_PROFIT,
    WORKING,
)
from backsweep.engine.jit import kernel, record_at
from backsweep.engine.records import State
from backsweep.engine.sizes import ROUNDING, child_units, lots_above
from backsweep.engine.triggers import acts_as, start_trail


@kernel
def slot_of(state: State, order_id: int) -> int:
    """Give the slot of an order that is still kept, or NONE."""
    if order_id <= 0 or order_id >= state.account.next_id:
        return NONE
    slot = order_id % state.account.capacity
    return slot if record_at(state.orders, slot).id == order_id else NONE


@kernel
def parent_slot_of(state: State, order: Any) -> int:
    """Give the slot of a child's parent, or NONE; a parent was asked for before its children."""
    return slot_of(state, order.parent) if order.parent < order.id else NONE


@kernel
def is_live(order: Any) -> bool:
    """Tell whether the order can still change."""
    return REQUESTED <= order.status <= WORKING


@kernel
def is_needed(order: Any) -> bool:
    """Tell whether the order's slot must be kept: it can still change, or has children that can."""
    return is_live(order) or (order.status != FREE and order.first_child != NONE)


@kernel
def remaining(order: Any) -> float:
    """Give the signed units that are not filled yet."""
    return order.quantity - order.filled


@kernel
def request_order(
    state: State,
    asset: int,
    quantity: float,
    order_type: int,
    limit_price: float,
    stop_price: float,
    parent: int,
    reduce_only: int,
) -> int:
    """Write down a request and give its id; it is accepted or rejected after `on_data`. 0: no slot is left."""
    account = state.account
    if 2 * account.live_orders >= account.capacity or account.requests >= account.capacity:
        if account.failure == NO_FAILURE:
            account.failure = ORDERS_FULL
        return 0
    while is_needed(record_at(state.orders, account.next_id % account.capacity)):
        account.next_id += 1
    order_id = account.next_id
    account.next_id += 1
    account.live_orders += 1
    slot = order_id % account.capacity
    record_at(state.requests, account.requests).slot = slot
    account.requests += 1
    order = record_at(state.orders, slot)
    order.id = order_id
    order.status = REQUESTED
    order.type = order_type
    order.acts = acts_as(order_type)
    order.at_close = int(_fills_at_close(state, order_type))
    order.asset = asset
    order.quantity = quantity
    order.filled = 0.0
    order.limit_price = limit_price
    order.stop_price = stop_price
    order.trail_amount = np.nan
    order.trail_percent = np.nan
    order.mark = np.nan
    order.tif = GTC
    order.oca_group = 0
    order.next = NONE
    order.previous = NONE
    order.reserved = 0.0
    order.reduce_only = reduce_only
    order.fill_reason = SIGNAL
    if order_type == LIMIT:
        order.fill_reason = AT_LIMIT
    elif order.acts == STOP:
        order.fill_reason = AT_STOP
    order.reject_reason = NO_REASON
    order.parent = parent
    order.first_child = NONE
    order.next_sibling = slot
    order.planned = quantity
    order.whole = np.nan
    order.doubted = NONE
    order.submitted = account.timestamp
    order.rested = 0
    order.value = 0.0
    order.fees = 0.0
    order.commission = 0.0
    if parent != 0:
        order.reduce_only = 1
        if order_type == LIMIT:
            order.fill_reason = TAKE_PROFIT
        elif order.acts == STOP:
            order.fill_reason = STOP_LOSS
        _join_family(state, order, slot)
    return order_id


@kernel
def set_trail(state: State, order_id: int, amount: float, percent: float) -> None:
    """Write down how far behind its mark a requested trailing stop stands."""
    slot = slot_of(state, order_id)
    if slot != NONE:
        order = record_at(state.orders, slot)
        order.trail_amount = amount
        order.trail_percent = percent


@kernel
def _fills_at_close(state: State, order_type: int) -> bool:
    """Tell whether an order of this type fills at closes alone, under the account's execution profile."""
    if order_type == MARKET_ON_CLOSE or state.rules.trigger == CLOSE_ONLY:
        return True
    return order_type == MARKET and state.rules.fill_at != NEXT_OPEN


@kernel
def _join_family(state: State, order: Any, slot: int) -> None:
    """Put a child at the end of its parent's ring of children."""
    parent_slot = parent_slot_of(state, order)
    if parent_slot == NONE:
        return
    parent = record_at(state.orders, parent_slot)
    order.whole = parent.planned
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
    """Give the id of a live child of this type, 0 if there is none."""
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
def _leave_family(state: State, order: Any, slot: int) -> None:
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
def resize_children(state: State, order_id: int) -> None:
    """Let the children of an order whose units were changed be the part of it that they were, and theirs of them."""
    slot = record_at(state.orders, slot_of(state, order_id)).first_child
    while slot != NONE:
        child = record_at(state.orders, slot)
        _resize_child(state, record_at(state.orders, parent_slot_of(state, child)), child)
        slot = child.first_child
        while slot == NONE and child.id != order_id:
            parent = record_at(state.orders, parent_slot_of(state, child))
            slot = child.next_sibling if child.next_sibling != parent.first_child else NONE
            child = parent


@kernel
def _resize_child(state: State, parent: Any, child: Any) -> None:
    if 0.0 < abs(child.whole) < np.inf:
        child.planned = child.planned / child.whole * parent.planned
        child.whole = parent.planned
        if child.status != WORKING:
            lot = record_at(state.assets, parent.asset).lot
            child.quantity = np.copysign(lots_above(abs(child.planned), lot), child.planned)


@kernel
def start_working(state: State, slot: int) -> None:
    """Put an order at the end of its asset's list of working orders."""
    order = record_at(state.orders, slot)
    book = record_at(state.books, order.asset)
    order.status = WORKING
    order.previous = book.last_order
    order.next = NONE
    if book.last_order == NONE:
        book.first_order = slot
    else:
        record_at(state.orders, book.last_order).next = slot
    book.last_order = slot
    book.reach_low = np.inf
    state.account.reserved += order.reserved
    state.account.at_close += order.at_close


@kernel
def _stop_working(state: State, order: Any) -> None:
    book = record_at(state.books, order.asset)
    if order.previous == NONE:
        book.first_order = order.next
    else:
        record_at(state.orders, order.previous).next = order.next
    if order.next == NONE:
        book.last_order = order.previous
    else:
        record_at(state.orders, order.next).previous = order.previous
    state.account.reserved -= order.reserved
    state.account.at_close -= order.at_close


@kernel
def close_order(state: State, slot: int, status: int, reason: int) -> None:
    """End an order's life with a terminal status and the reason for it."""
    order = record_at(state.orders, slot)
    account = state.account
    if order.status == WORKING:
        _stop_working(state, order)
    if order.parent != 0:
        _leave_family(state, order, slot)
    order.status = status
    order.reject_reason = reason
    account.live_orders -= 1
    if order.tif == DAY or order.tif == GTD:
        account.expiring -= 1
    if account.live_orders == 0:
        account.reserved = 0.0
    if status == REJECTED:
        account.rejected_orders += 1
    if account.recording == 1:
        log_order(state, order, account.timestamp)


@kernel
def end_unfilled(state: State, slot: int, status: int, reason: int) -> None:
    """Close an order that will not fill any more; children that never came to work go with it, and theirs."""
    close_order(state, slot, status, reason)
    while True:
        last = slot
        child = record_at(state.orders, last).first_child
        while child != NONE and record_at(state.orders, child).status == HELD:
            last = child
            child = record_at(state.orders, last).first_child
        if last == slot:
            return
        close_order(state, last, CANCELLED, PARENT_CLOSED)


@kernel
def note_fill(state: State, slot: int, quantity: float, price: float) -> None:
    """Follow up a fill that the ledger has entered, at market price `price`: the order, its children, its siblings."""
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
    """Take what one child filled from the others; one with nothing left is cancelled."""
    other = order.next_sibling
    while other != slot:
        sibling = record_at(state.orders, other)
        following = sibling.next_sibling
        sibling.quantity -= quantity
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
            end_orphan(state, slot)
        slot = following


@kernel
def end_orphan(state: State, slot: int) -> None:
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


@kernel
def log_order(state: State, order: Any, closed: int) -> None:
    """Log an order with its present status; `closed` is the time of its end, 0 while it lives. Recorded runs only."""
    account = state.account
    if account.orders_logged == account.log_capacity:
        if account.failure == NO_FAILURE:
            account.failure = LOG_FULL
        return
    entry = record_at(state.order_log, account.orders_logged)
    account.orders_logged += 1
    entry.order_id = order.id
    entry.parent_id = order.parent
    entry.asset = order.asset
    entry.order_type = order.type
    entry.quantity = order.quantity
    entry.status = order.status
    entry.reject_reason = order.reject_reason
    entry.submitted = order.submitted
    entry.closed = closed


@kernel
def log_live_orders(state: State) -> None:
    """Log the orders that are alive when a recorded run ends."""
    account = state.account
    for order_id in range(max(account.next_id - account.capacity, 1), account.next_id):
        slot = slot_of(state, order_id)
        if slot != NONE and is_live(record_at(state.orders, slot)):
            log_order(state, record_at(state.orders, slot), 0)
