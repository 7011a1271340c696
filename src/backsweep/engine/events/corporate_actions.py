"""Corporate actions: what a split, a cash dividend and a delisting do to the account and its orders.

They take effect in this order within a timestamp, an asset at a time:

    split       before anything trades: the position, its prices and the asset's last price are counted in new units,
                and so are its live orders: quantities are multiplied, limits, stops, trails and marks divided. With
                lots, what is no longer a whole lot of a position is paid out in cash at the last price, without costs
                (a fill with the reason `cash_in_lieu`), and orders shrink to whole lots; one with nothing left is
                cancelled. Prices move to the next tick as those of new orders do.
    dividend    right after the split of its day, on the position held overnight: cash, at once. Orders do not change.
    delisting   after `on_data` at the asset's last timestamp: its live orders are cancelled, its position is closed at
                the last price, without costs (`delisting`), and orders for it are rejected from then on.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.account.ledger import pay_dividend, split_position, value_account
from backsweep.engine.codes import (
    CANCELLED,
    CASH_IN_LIEU,
    DELISTED,
    DELISTING,
    LIMIT,
    SPLIT_AWAY,
    STOP,
    TRAILING_STOP,
)
from backsweep.engine.compile.kernel import kernel, large_kernel, record_at
from backsweep.engine.events.forced_fills import fill_at_last
from backsweep.engine.events.segment import close_positions, find_next_action
from backsweep.engine.lots import in_lots, whole_lots
from backsweep.engine.orders.lifecycle import end_unfilled
from backsweep.engine.orders.requests import on_tick
from backsweep.engine.orders.triggers import follow_mark
from backsweep.engine.slots import is_live, remaining
from backsweep.engine.state import State


@large_kernel
def apply_actions(state: State, group: Any, index: int) -> None:
    """Apply the corporate actions of group number `index`; delistings wait for its close."""
    cursor = state.cursor
    while cursor.next_action_group == index:
        action = record_at(state.actions, cursor.next_action)
        if action.split != 1.0:
            _split(state, group, action.asset, action.split)
        if action.dividend != 0.0:
            pay_dividend(state, action.asset, action.dividend)
        if action.delisting != 0.0:
            record_at(state.positions, action.asset).delisted = 1
            cursor.closing_at = index
        cursor.next_action += 1
        find_next_action(state)


@kernel
def _split(state: State, group: Any, asset: int, ratio: float) -> None:
    position = record_at(state.positions, asset)
    rates = record_at(state.assets, asset)
    split_position(position, ratio, rates.lot)
    for slot in range(min(state.cursor.next_id, state.sizes.capacity)):
        order = record_at(state.orders, slot)
        if is_live(order) and order.asset == asset:
            _split_order(state, order, slot, ratio)
    odd = position.quantity - whole_lots(position.quantity, rates.lot)
    if odd != 0.0:
        fill_at_last(state, group, asset, -odd, CASH_IN_LIEU)


@kernel
def _split_order(state: State, order: Any, slot: int, ratio: float) -> None:
    """Count an order in new units."""
    asset = record_at(state.assets, order.asset)
    left = whole_lots(in_lots(remaining(order), asset.lot, abs(order.quantity)) * ratio, asset.lot)
    order.filled *= ratio
    order.quantity = order.filled + left
    order.planned *= ratio
    order.parent_units *= ratio
    order.limit_price = on_tick(order, order.limit_price / ratio, LIMIT, asset.tick)
    order.stop_price = on_tick(order, order.stop_price / ratio, STOP, asset.tick)
    order.trail_amount /= ratio
    order.mark /= ratio
    if order.type == TRAILING_STOP:
        follow_mark(order)
    record_at(state.books, order.asset).reach_low = float("inf")
    if left == 0.0:
        end_unfilled(state, slot, CANCELLED, SPLIT_AWAY)


@large_kernel
def close_group(state: State, group: Any, index: int) -> None:
    """Close what ends with group number `index`: every position at the end of a segment, else those of delistings."""
    cursor = state.cursor
    call = state.call
    if index == call.flat_at:
        close_positions(state, group)
    cursor.closing_at = call.flat_at
    first = cursor.next_action
    while first > 0 and record_at(state.actions, first - 1).group == index:
        first -= 1
    for each in range(first, cursor.next_action):
        action = record_at(state.actions, each)
        if action.delisting != 0.0:
            _delist(state, group, action.asset)
    value_account(state)


@kernel
def _delist(state: State, group: Any, asset: int) -> None:
    for slot in range(min(state.cursor.next_id, state.sizes.capacity)):
        order = record_at(state.orders, slot)
        if is_live(order) and order.asset == asset:
            end_unfilled(state, slot, CANCELLED, DELISTED)
    quantity = record_at(state.positions, asset).quantity
    if quantity != 0.0:
        fill_at_last(state, group, asset, -quantity, DELISTING)
