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
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.orders.brackets import link_child, unlink_child
from backsweep.engine.orders.triggers import acts_as
from backsweep.engine.slots import is_needed, slot_of
from backsweep.engine.state import State


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
    order.submitted = account.timestamp
    order.rested = 0
    order.value = 0.0
    order.fees = 0.0
    order.commission = 0.0
    if account.recording == 1:
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
        unlink_child(state, order, slot)
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
