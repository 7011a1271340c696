"""The life of an order: requested, accepted or rejected, held or working, closed.

Working orders of an asset form a list, in the order in which they became working. An order with a parent, a child, is
HELD until that fills (`brackets`, `after_fill`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.logs import log_order
from backsweep.engine.codes import (
    AT_LIMIT,
    AT_STOP,
    CANCELLED,
    CLOSE_ONLY,
    DAY,
    GTC,
    GTD,
    HELD,
    LIMIT,
    MARKET,
    MARKET_ON_CLOSE,
    NEXT_OPEN,
    NO_FAILURE,
    NO_REASON,
    NONE,
    ORDERS_FULL,
    PARENT_CLOSED,
    REJECTED,
    REQUESTED,
    SIGNAL,
    STOP,
    STOP_LOSS,
    TAKE_PROFIT,
    WORKING,
)
from backsweep.engine.compile.kernel import kernel, large_kernel, record_at
from backsweep.engine.orders.brackets import link_child, unlink_child
from backsweep.engine.orders.triggers import acts_as
from backsweep.engine.slots import is_needed, slot_of
from backsweep.engine.state import State


@large_kernel
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
    """Record a request and return its id, 0 if no slot is left; it is accepted or rejected after `on_data`."""
    cursor = state.cursor
    sizes = state.sizes
    if 2 * cursor.live_orders >= sizes.capacity or cursor.requests >= sizes.capacity:
        if cursor.failure == NO_FAILURE:
            cursor.failure = ORDERS_FULL
        return 0
    while is_needed(record_at(state.orders, cursor.next_id % sizes.capacity)):
        cursor.next_id += 1
    order_id = cursor.next_id
    cursor.next_id += 1
    cursor.live_orders += 1
    slot = order_id % sizes.capacity
    record_at(state.requests, cursor.requests).slot = slot
    cursor.requests += 1
    order = record_at(state.orders, slot)
    order.id = order_id
    order.status = REQUESTED
    order.type = order_type
    order.acts_as = acts_as(order_type)
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
    elif order.acts_as == STOP:
        order.fill_reason = AT_STOP
    order.reject_reason = NO_REASON
    order.parent = parent
    order.first_child = NONE
    order.next_sibling = slot
    order.planned = quantity
    order.parent_units = np.nan
    order.ambiguous_group = NONE
    order.submitted = cursor.timestamp
    order.rested = 0
    order.value = 0.0
    order.fees = 0.0
    order.commission = 0.0
    if sizes.log_capacity > 0:
        order.asked_limit = order.asked_stop = order.close_seen = np.nan
    if parent != 0:
        order.reduce_only = 1
        if order_type == LIMIT:
            order.fill_reason = TAKE_PROFIT
        elif order.acts_as == STOP:
            order.fill_reason = STOP_LOSS
        link_child(state, order, slot)
    return order_id


@kernel
def set_trail(state: State, order_id: int, amount: float, percent: float) -> None:
    """Set how far behind its mark a requested trailing stop follows."""
    slot = slot_of(state, order_id)
    if slot != NONE:
        order = record_at(state.orders, slot)
        order.trail_amount = amount
        order.trail_percent = percent


@kernel
def _fills_at_close(state: State, order_type: int) -> bool:
    """Return whether an order of this type fills only at closes, under the account's execution profile."""
    if order_type == MARKET_ON_CLOSE or state.rules.trigger == CLOSE_ONLY:
        return True
    return order_type == MARKET and state.rules.fill_at != NEXT_OPEN


@kernel
def start_working(state: State, slot: int) -> None:
    """Add an order at the end of its asset's list of working orders."""
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
    state.cursor.at_close += order.at_close


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
    state.cursor.at_close -= order.at_close


@large_kernel
def close_order(state: State, slot: int, status: int, reason: int) -> None:
    """End an order's life with a terminal status and the reason for it."""
    order = record_at(state.orders, slot)
    cursor = state.cursor
    if order.status == WORKING:
        _stop_working(state, order)
    if order.parent != 0:
        unlink_child(state, order, slot)
    order.status = status
    order.reject_reason = reason
    cursor.live_orders -= 1
    if order.tif == DAY or order.tif == GTD:
        cursor.expiring -= 1
    if cursor.live_orders == 0:
        state.account.reserved = 0.0
    if status == REJECTED:
        state.counters.rejected_orders += 1
    if state.sizes.log_capacity > 0:
        log_order(state, order, cursor.timestamp)


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
