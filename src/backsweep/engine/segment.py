"""Where a run begins and ends within the bars: from a fresh account or the one at hand, and flat if it is asked for.

Three fields of the account say so, and are set before each call of the loop: `carried` (1: go on with the account as
the last call left it), `earlier_assets` (how many assets have a bar before the first one), `flat_at` (the group at
whose close every position is closed, or NONE).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import MARKET, SEGMENT_END
from backsweep.engine.costs import commission_due, slipped_price
from backsweep.engine.jit import kernel, record_at
from backsweep.engine.ledger import apply_fill, mark_bar, value_account
from backsweep.engine.orders import note_fill, request_order, slot_of, start_working
from backsweep.engine.records import State, reset
from backsweep.engine.sizes import taken_at


@kernel
def begin_segment(state: State, first: int) -> None:
    """Make the account ready for a run that begins with group `first`.

    A fresh account knows the last closes before it. A carried one keeps cash, positions and orders; what is counted
    over a run begins anew.
    """
    account = state.account
    if account.carried == 0:
        reset(state)
        if account.earlier_assets > 0:
            _mark_before(state, record_at(state.groups, first).first_row)
        return
    value_account(state)
    account.initial_cash = account.equity
    account.trades = 0
    account.wins = 0
    account.gross_profit = 0.0
    account.gross_loss = 0.0
    account.commission = 0.0
    account.slippage = 0.0
    account.financing = 0.0
    account.traded_notional = 0.0
    account.fills = 0
    account.ambiguous_fills = 0
    account.rejected_orders = 0


@kernel
def _mark_before(state: State, row: int) -> None:
    """Mark every asset to its last close before `row`."""
    waiting = state.account.earlier_assets
    while waiting > 0:
        row -= 1
        bar = record_at(state.bars, row)
        position = record_at(state.positions, bar.asset)
        if np.isnan(position.last_price):
            mark_bar(position, bar, 0)
            waiting -= 1


@kernel
def close_positions(state: State, group: Any) -> None:
    """Close every position at its last close, as market orders would: slippage and commission are charged.

    Orders that are still alive stay so, but those that can only reduce a position go with it.
    """
    account = state.account
    asset = 0
    while asset < account.assets and account.open_positions > 0:
        if record_at(state.positions, asset).quantity != 0.0:
            _close(state, asset, _last_row(state, group, asset))
        asset += 1
    value_account(state)


@kernel
def _last_row(state: State, group: Any, asset: int) -> int:
    """Give the row of the asset's last bar; one that has a position has one."""
    row = group.first_row + group.count - 1
    while record_at(state.bars, row).asset != asset:
        row -= 1
    return row


@kernel
def _close(state: State, asset: int, row: int) -> None:
    position = record_at(state.positions, asset)
    rates = record_at(state.assets, asset)
    quantity = -position.quantity
    price = position.last_price
    order_id = request_order(state, asset, quantity, MARKET, np.nan, np.nan, 0, 1)
    state.account.requests = 0
    if order_id == 0:
        return
    slot = slot_of(state, order_id)
    order = record_at(state.orders, slot)
    order.fill_reason = SEGMENT_END
    start_working(state, slot)
    volume, taken = record_at(state.bars, row).volume, taken_at(state, asset, row)
    fill_price = slipped_price(rates, quantity, price, volume, taken, False)
    commission, _ = commission_due(state, rates, order, quantity, fill_price, False)
    slippage = abs(fill_price - price) * abs(quantity) * rates.multiplier
    apply_fill(state, order, row, quantity, fill_price, commission, slippage)
    note_fill(state, slot, quantity, price)
