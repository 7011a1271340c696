"""How long an order lives, and which orders end together.

    GTC   until it fills or is cancelled
    DAY   to the end of its asset's session: the one of the asset's next bar after the request
    GTD   as long as bars are stamped at or before `good_till`
    IOC   for one phase of a bar: the open of its asset's next bar, or the close for what fills at a close alone
    FOK   as IOC, but all of it or nothing

An order whose time is over is EXPIRED, and its waiting children go with it. When one order of an OCA group fills, the
others of the group are cancelled, whatever their assets; when it fills in part, they lose the same part of what they
have left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import (
    AT_OPEN,
    CANCELLED,
    DAY,
    EXPIRED,
    FOK,
    GROUP_FILLED,
    GTC,
    GTD,
    IOC,
    NO_REASON,
    WORKING,
)
from backsweep.engine.compile.kernel import kernel, large_kernel, record_at
from backsweep.engine.lots import in_lots, whole_lots
from backsweep.engine.orders.lifecycle import end_unfilled
from backsweep.engine.slots import is_live, remaining, slot_of
from backsweep.engine.state import State

NO_EXPIRY = np.iinfo(np.int64).max


@kernel
def set_time_in_force(state: State, order_id: int, tif: int, good_till: int, oca_group: int) -> None:
    """Write down how long a requested order lives, in nanoseconds UTC for GTD, and its group."""
    if order_id == 0 or (tif == GTC and oca_group == 0):
        return
    cursor = state.cursor
    order = record_at(state.orders, slot_of(state, order_id))
    order.tif = tif
    order.oca_group = oca_group
    if tif == DAY:
        cursor.expiring += 1
    elif tif == GTD:
        order.expires = good_till
        cursor.expiring += 1
        cursor.next_expiry = min(cursor.next_expiry, good_till)


@kernel
def has_valid_tif(order: Any) -> bool:
    """Return whether an order's time in force is possible: GTD needs its time, and a child cannot be IOC or FOK."""
    if order.tif == GTD:
        return order.expires > 0
    return GTC <= order.tif < IOC if order.parent != 0 else GTC <= order.tif <= FOK


@large_kernel
def expire_dated(state: State) -> None:
    """End the orders that are good till a time before this timestamp's."""
    cursor = state.cursor
    cursor.next_expiry = NO_EXPIRY
    for slot in range(min(cursor.next_id, state.sizes.capacity)):
        order = record_at(state.orders, slot)
        if is_live(order) and order.tif == GTD:
            if order.expires < cursor.timestamp:
                end_unfilled(state, slot, EXPIRED, NO_REASON)
            else:
                cursor.next_expiry = min(cursor.next_expiry, order.expires)


@large_kernel
def expire_day(state: State, group: Any) -> None:
    """End the DAY orders of the assets whose session is over with their bar of this timestamp."""
    cursor = state.cursor
    over = 0
    for row in range(group.first_row, group.first_row + group.count):
        bar = record_at(state.bars, row)
        if bar.last_of_session == 1:
            record_at(state.books, bar.asset).ended = cursor.group
            over += 1
    if over == 0:
        return
    for slot in range(min(cursor.next_id, state.sizes.capacity)):
        order = record_at(state.orders, slot)
        if is_live(order) and order.tif == DAY and record_at(state.books, order.asset).ended == cursor.group:
            end_unfilled(state, slot, EXPIRED, NO_REASON)


@kernel
def ends_now(state: State, slot: int, phase: int) -> bool:
    """End an IOC or FOK order that did not fill in its phase; return whether it ended."""
    if record_at(state.orders, slot).tif < IOC or phase == AT_OPEN:
        return False
    end_unfilled(state, slot, EXPIRED, NO_REASON)
    return True


@kernel
def end_group(state: State, filled: Any, quantity: float) -> None:
    """Reduce the other orders of an order's group by the share that this fill of `quantity` units had of it."""
    left = remaining(filled)
    share = left / (left + quantity)
    for slot in range(min(state.cursor.next_id, state.sizes.capacity)):
        order = record_at(state.orders, slot)
        if is_live(order) and order.oca_group == filled.oca_group and order.id != filled.id:
            _reduce(state, slot, share)


@kernel
def _reduce(state: State, slot: int, share: float) -> None:
    """Reduce what an order has left to this share, in whole lots; with nothing left it is cancelled."""
    order = record_at(state.orders, slot)
    lot = record_at(state.assets, order.asset).lot
    before = in_lots(remaining(order), lot, abs(order.quantity))
    left = whole_lots(before * share, lot)
    if left == 0.0:
        end_unfilled(state, slot, CANCELLED, GROUP_FILLED)
        return
    order.quantity = order.filled + left
    if order.parent != 0:
        order.planned *= share
    if order.status == WORKING:
        released = order.reserved * (1.0 - left / before)
        order.reserved -= released
        state.account.reserved -= released
