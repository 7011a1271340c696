"""Requests become orders: each is checked in the order of submission, and starts to work, waits, or is rejected."""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.limits import check_limits
from backsweep.engine.account.margin import check_order, exposure_added, reduces
from backsweep.engine.codes import (
    BAD_ASSET,
    BAD_PARENT,
    BAD_PRICE,
    BAD_QUANTITY,
    BAD_TIME_IN_FORCE,
    BAD_TYPE,
    BELOW_MINIMUM,
    BY_STRATEGY,
    CANCELLED,
    DELISTED,
    FILLED,
    HELD,
    LIMIT,
    LIQUIDATION,
    MARKET,
    MARKET_ON_CLOSE,
    NO_REASON,
    NONE,
    PARENT_CLOSED,
    REJECTED,
    REQUESTED,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    WORKING,
)
from backsweep.engine.compile.kernel import kernel, large_kernel, record_at
from backsweep.engine.lots import ROUNDING, whole_lots, whole_order
from backsweep.engine.orders.brackets import child_units, resize_children
from backsweep.engine.orders.lifecycle import close_order, end_unfilled, start_working
from backsweep.engine.orders.quotes import last_side_close
from backsweep.engine.orders.time_in_force import has_valid_tif
from backsweep.engine.orders.triggers import follow_mark, start_trail
from backsweep.engine.slots import is_live, parent_slot_of, slot_of
from backsweep.engine.state import State


@kernel
def accept_requests(state: State) -> None:
    """Turn the requests of one `on_data` into orders, in the order in which they were made."""
    cursor = state.cursor
    for index in range(cursor.requests):
        slot = record_at(state.requests, index).slot
        if record_at(state.orders, slot).status == REQUESTED:
            _accept(state, slot)
    cursor.requests = 0


@large_kernel
def _accept(state: State, slot: int) -> None:
    order = record_at(state.orders, slot)
    if order.asset < 0 or order.asset >= state.sizes.assets:
        close_order(state, slot, REJECTED, BAD_ASSET)
        return
    asset = record_at(state.assets, order.asset)
    order.quantity = whole_order(order.quantity, record_at(state.positions, order.asset).quantity, asset.lot)
    order.planned = order.quantity
    if state.sizes.log_capacity > 0:
        order.asked_limit = order.limit_price
        order.asked_stop = order.stop_price
        order.close_seen = record_at(state.positions, order.asset).last_price
    order.limit_price = on_tick(order, order.limit_price, LIMIT, asset.tick)
    order.stop_price = on_tick(order, order.stop_price, STOP, asset.tick)
    reason = _check_request(state, order)
    if reason != NO_REASON:
        close_order(state, slot, REJECTED, reason)
        return
    if order.parent != 0:
        _accept_child(state, slot)
        return
    added = exposure_added(state, order, reference_price(state, order))
    reason = _check_account(state, order, added)
    if reason != NO_REASON:
        close_order(state, slot, REJECTED, reason)
        return
    order.reserved = added
    _begin_trail(state, order)
    start_working(state, slot)


@kernel
def _check_account(state: State, order: Any, added: float) -> int:
    """Return the reason why the account does not allow an order that would add exposure `added`, or NO_REASON."""
    reason = check_order(state, order, added)
    if reason == NO_REASON and state.rules.limits == 1:
        return check_limits(state, order, added)
    return reason


@kernel
def _check_request(state: State, order: Any) -> int:
    """Return the reason why the order makes no sense, or NO_REASON."""
    if record_at(state.positions, order.asset).delisted == 1:
        return DELISTED
    if order.quantity == 0.0 or not np.isfinite(order.quantity):
        return BAD_QUANTITY
    if order.type < MARKET or order.type > MARKET_ON_CLOSE:
        return BAD_TYPE
    if not has_valid_tif(order):
        return BAD_TIME_IN_FORCE
    if (order.type == LIMIT or order.type == STOP_LIMIT) and not is_price(order.limit_price):
        return BAD_PRICE
    if (order.type == STOP or order.type == STOP_LIMIT) and not is_price(order.stop_price):
        return BAD_PRICE
    if order.type == TRAILING_STOP and not is_trail(order.trail_amount, order.trail_percent):
        return BAD_PRICE
    if not _is_priced(state, order):
        return BAD_PRICE
    if order.reduce_only == 0 and state.rules.minimum_order > 0.0:
        value = abs(order.quantity * reference_price(state, order)) * record_at(state.assets, order.asset).multiplier
        if value < state.rules.minimum_order:
            return BELOW_MINIMUM
    return NO_REASON


@kernel
def _is_priced(state: State, order: Any) -> bool:
    """Return whether the order's reference price is above zero, which a market order that reduces does not need."""
    price = reference_price(state, order)
    if is_price(price):
        return True
    unpriced = order.type == MARKET or order.type == MARKET_ON_CLOSE
    return unpriced and np.isfinite(price) and reduces(state, order)


@kernel
def _accept_child(state: State, slot: int) -> None:
    """Hold a child until its parent fills; start it at once if that has filled, end it if that is over."""
    order = record_at(state.orders, slot)
    parent_slot = parent_slot_of(state, order)
    if parent_slot == NONE:
        close_order(state, slot, REJECTED, BAD_PARENT)
        return
    parent = record_at(state.orders, parent_slot)
    if np.isfinite(order.parent_units):
        order.parent_units = parent.planned if is_live(parent) else np.nan
    if parent.asset != order.asset or parent.quantity * order.quantity >= 0.0:
        close_order(state, slot, REJECTED, BAD_PARENT)
    elif parent.filled != 0.0:
        if is_live(parent):
            order.quantity = child_units(state, parent, order)
        _begin_trail(state, order)
        start_working(state, slot)
    elif is_live(parent):
        order.status = HELD
    elif parent.status != FILLED:
        close_order(state, slot, CANCELLED, PARENT_CLOSED)


@kernel
def _begin_trail(state: State, order: Any) -> None:
    """Set the water mark of a trailing stop to the last close, with quotes to that of its side."""
    if order.type == TRAILING_STOP:
        price = record_at(state.positions, order.asset).last_price
        if state.rules.quotes == 1:
            price = last_side_close(
                state, record_at(state.groups, state.cursor.group), order.asset, order.quantity > 0.0
            )
        start_trail(order, price)


@kernel
def on_tick(order: Any, price: float, kind: int, tick: float) -> float:
    """Move a limit (or a stop: `kind`) to a multiple of the tick, away from the market, so that it fills no sooner.

    A tick of 0 leaves prices as they are; so does a price within one part in 10^12 of a multiple.
    """
    if tick == 0.0 or not np.isfinite(price):
        return price
    ticks = price / tick
    nearest = np.rint(ticks)
    if abs(ticks - nearest) <= ROUNDING * abs(ticks):
        return price
    down = (kind == STOP) != (order.quantity > 0.0)
    return (np.floor(ticks) if down else np.ceil(ticks)) * tick


@kernel
def is_price(price: float) -> bool:
    """Return whether an order can stand at this price."""
    return np.isfinite(price) and price > 0.0


@kernel
def is_trail(amount: float, percent: float) -> bool:
    """Return whether a trailing stop can follow at this distance: an amount or a fraction of the price, not both."""
    if np.isnan(percent):
        return is_price(amount)
    return np.isnan(amount) and 0.0 < percent < 1.0


@kernel
def reference_price(state: State, order: Any) -> float:
    """Return the price that values an order before it fills: its own, else the last close."""
    if order.type == LIMIT or order.type == STOP_LIMIT:
        return order.limit_price
    if order.type == STOP:
        return order.stop_price
    return record_at(state.positions, order.asset).last_price


@kernel
def update_order(
    state: State,
    order_id: int,
    quantity: float,
    limit_price: float,
    stop_price: float,
    trail_amount: float,
    trail_percent: float,
) -> bool:
    """Change what is not NaN of a live order; False, and nothing done, if it is over or the change makes no sense.

    What a new size means for children: `brackets`.
    """
    slot = slot_of(state, order_id)
    if slot == NONE:
        return False
    order = record_at(state.orders, slot)
    if not is_live(order) or order.fill_reason == LIQUIDATION:
        return False
    if order.asset < 0 or order.asset >= state.sizes.assets:
        return False
    asset = record_at(state.assets, order.asset)
    limit_price = on_tick(order, limit_price, LIMIT, asset.tick)
    stop_price = on_tick(order, stop_price, STOP, asset.tick)
    if (not np.isnan(limit_price) and not is_price(limit_price)) or (
        not np.isnan(stop_price) and not is_price(stop_price)
    ):
        return False
    trails = not np.isnan(trail_amount) or not np.isnan(trail_percent)
    if trails and (order.type != TRAILING_STOP or not is_trail(trail_amount, trail_percent)):
        return False
    if order.type == TRAILING_STOP and not np.isnan(stop_price):
        return False
    wanted = order.quantity
    if not np.isnan(quantity):
        wanted = whole_lots(quantity, asset.lot)
        if not np.isfinite(wanted) or wanted * order.quantity <= 0.0 or abs(wanted) <= abs(order.filled):
            return False
    limit_before, stop_before = order.limit_price, order.stop_price
    if not np.isnan(limit_price):
        order.limit_price = limit_price
    if not np.isnan(stop_price):
        order.stop_price = stop_price
    if order.status == WORKING and not _resize(state, order, wanted):
        order.limit_price = limit_before
        order.stop_price = stop_before
        return False
    order.quantity = wanted
    if trails:
        order.trail_amount = trail_amount
        order.trail_percent = trail_percent
        follow_mark(order)
    if not np.isnan(quantity):
        order.planned = wanted
        order.parent_units = np.nan
        if order.first_child != NONE:
            resize_children(state, order_id)
    return True


@kernel
def _resize(state: State, order: Any, wanted: float) -> bool:
    """Check a working order again, for `wanted` units at its new prices; one that adds no exposure is accepted."""
    before = order.quantity
    account = state.account
    account.reserved -= order.reserved
    order.quantity = wanted
    added = exposure_added(state, order, reference_price(state, order))
    smaller = abs(wanted) <= abs(before)
    accepted = smaller and added <= order.reserved
    if accepted or ((smaller or _is_priced(state, order)) and _check_account(state, order, added) == NO_REASON):
        order.reserved = added
        account.reserved += added
        record_at(state.books, order.asset).reach_low = np.inf
        return True
    order.quantity = before
    account.reserved += order.reserved
    return False


@kernel
def cancel_order(state: State, order_id: int) -> bool:
    """Cancel a live order and the children that wait for it; False if it is over, or not the strategy's."""
    slot = slot_of(state, order_id)
    if slot == NONE or not is_live(record_at(state.orders, slot)):
        return False
    if record_at(state.orders, slot).fill_reason == LIQUIDATION:
        return False
    end_unfilled(state, slot, CANCELLED, BY_STRATEGY)
    return True
