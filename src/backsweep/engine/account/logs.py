"""The logs of a recorded run: fills, trades, cash flows and orders. A full log is a failure of the run."""

from __future__ import annotations

import math
from typing import Any

from backsweep.engine.codes import LOG_FULL, NO_FAILURE, NONE
from backsweep.engine.compile.kernel import kernel, large_kernel, record_at
from backsweep.engine.slots import is_live, slot_of
from backsweep.engine.state import State


@kernel
def _is_full(state: State, logged: int) -> bool:
    """Return whether a log of this many entries is full, which is a failure of the run."""
    if logged < state.sizes.log_capacity:
        return False
    if state.cursor.failure == NO_FAILURE:
        state.cursor.failure = LOG_FULL
    return True


@kernel
def log_fill(state: State, order: Any, quantity: float, price: float, commission: float, slippage: float) -> None:
    """Log a fill; commission and slippage in account currency."""
    cursor = state.cursor
    if _is_full(state, cursor.fills_logged):
        return
    entry = record_at(state.fill_log, cursor.fills_logged)
    cursor.fills_logged += 1
    entry.order_id = order.id
    entry.timestamp = cursor.timestamp
    entry.asset = order.asset
    entry.quantity = quantity
    entry.price = price
    entry.commission = commission
    entry.slippage = slippage
    entry.rate = record_at(state.assets, order.asset).rate
    entry.reason = order.fill_reason


@kernel
def log_flow(state: State, asset: int, kind: int, quantity: float, amount: float, currency: int) -> None:
    """Log what cash of a currency came or went: for a position, or, with NONE as its asset, for the whole account."""
    cursor = state.cursor
    if amount == 0.0:
        return
    if _is_full(state, cursor.flows_logged):
        return
    entry = record_at(state.flow_log, cursor.flows_logged)
    cursor.flows_logged += 1
    entry.timestamp = cursor.timestamp
    entry.asset = asset
    entry.kind = kind
    entry.quantity = quantity
    entry.amount = amount
    entry.currency = currency
    entry.rate = record_at(state.balances, currency).rate


@kernel
def log_trade(state: State, order: Any, position: Any, row: int) -> None:
    """Log the round trip that `order` closed at a bar's row."""
    cursor = state.cursor
    if _is_full(state, cursor.trades_logged):
        return
    entry = record_at(state.trade_log, cursor.trades_logged)
    cursor.trades_logged += 1
    entry_price = position.bought_notional / position.bought
    long = order.quantity < 0.0
    entry.asset = order.asset
    entry.quantity = position.bought if long else -position.bought
    entry.entry_timestamp = position.entry_timestamp
    entry.entry_price = entry_price
    entry.exit_timestamp = cursor.timestamp
    entry.exit_price = position.sold_notional / position.sold
    entry.pnl = position.trade_cash
    entry.commission = position.trade_commission
    entry.slippage = position.trade_slippage
    entry.bars_held = position.bars_held
    entry.exit_reason = order.fill_reason
    entry.max_favourable = entry.max_adverse = math.nan  # as fractions of nothing, where slippage ate the whole price
    if entry_price > 0.0:
        up = position.high / entry_price - 1.0
        down = 1.0 - position.low / entry_price
        entry.max_favourable = max(up if long else down, 0.0)
        entry.max_adverse = max(down if long else up, 0.0)
    entry.entry_row = position.entry_row
    entry.exit_row = row


@kernel
def log_order(state: State, order: Any, closed: int) -> None:
    """Log an order with its present status; `closed` is the time of its end, 0 while it lives. Recorded runs only."""
    cursor = state.cursor
    if _is_full(state, cursor.orders_logged):
        return
    entry = record_at(state.order_log, cursor.orders_logged)
    cursor.orders_logged += 1
    entry.order_id = order.id
    entry.parent_id = order.parent
    entry.asset = order.asset
    entry.order_type = order.type
    entry.quantity = order.quantity
    entry.status = order.status
    entry.reject_reason = order.reject_reason
    entry.submitted = order.submitted
    entry.closed = closed
    entry.limit_price = order.asked_limit
    entry.stop_price = order.asked_stop
    entry.last_price = order.close_seen


@large_kernel
def log_live_orders(state: State) -> None:
    """Log the orders that are alive when a recorded run ends."""
    cursor = state.cursor
    for order_id in range(max(cursor.next_id - state.sizes.capacity, 1), cursor.next_id):
        slot = slot_of(state, order_id)
        if slot != NONE and is_live(record_at(state.orders, slot)):
            log_order(state, record_at(state.orders, slot), 0)
