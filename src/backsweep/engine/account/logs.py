"""What a recorded run writes down of fills, trades, cash flows and orders. A full log is a failure of the run."""

from __future__ import annotations

import math
from typing import Any

from backsweep.engine.codes import LOG_FULL, NO_FAILURE, NONE
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.slots import is_live, slot_of
from backsweep.engine.state import State


@kernel
def _is_full(account: Any, logged: int) -> bool:
    """Tell whether a log with this many entries takes no more; then the run has failed."""
    if logged < account.log_capacity:
        return False
    if account.failure == NO_FAILURE:
        account.failure = LOG_FULL
    return True


@kernel
def log_fill(state: State, order: Any, quantity: float, price: float, commission: float, slippage: float) -> None:
    """Log a fill; commission and slippage in account currency."""
    account = state.account
    if _is_full(account, account.fills_logged):
        return
    entry = record_at(state.fill_log, account.fills_logged)
    account.fills_logged += 1
    entry.order_id = order.id
    entry.timestamp = account.timestamp
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
    account = state.account
    if amount == 0.0:
        return
    if _is_full(account, account.flows_logged):
        return
    entry = record_at(state.flow_log, account.flows_logged)
    account.flows_logged += 1
    entry.timestamp = account.timestamp
    entry.asset = asset
    entry.kind = kind
    entry.quantity = quantity
    entry.amount = amount
    entry.currency = currency
    entry.rate = record_at(state.balances, currency).rate


@kernel
def log_trade(state: State, order: Any, position: Any, row: int) -> None:
    """Log the round trip that `order` closed at a bar's row."""
    account = state.account
    if _is_full(account, account.trades_logged):
        return
    entry = record_at(state.trade_log, account.trades_logged)
    account.trades_logged += 1
    entry_price = position.bought_notional / position.bought
    long = order.quantity < 0.0
    entry.asset = order.asset
    entry.quantity = position.bought if long else -position.bought
    entry.entry_timestamp = position.entry_timestamp
    entry.entry_price = entry_price
    entry.exit_timestamp = account.timestamp
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
    account = state.account
    if _is_full(account, account.orders_logged):
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
    entry.limit_price = order.asked_limit
    entry.stop_price = order.asked_stop
    entry.last_price = order.close_seen


@kernel
def log_live_orders(state: State) -> None:
    """Log the orders that are alive when a recorded run ends."""
    account = state.account
    for order_id in range(max(account.next_id - account.capacity, 1), account.next_id):
        slot = slot_of(state, order_id)
        if slot != NONE and is_live(record_at(state.orders, slot)):
            log_order(state, record_at(state.orders, slot), 0)
