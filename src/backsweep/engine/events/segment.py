"""Where a run begins and ends within the bars: from a fresh account or the one at hand, and flat if it is asked for.

Five fields of the account say so, and are set before each call of the loop: `carried` (FRESH, CARRIED, CONTINUED),
`earlier_assets` (how many assets have a bar before the first one), `flat_at` (the group at whose close every position
is closed, or NONE), `next_action` (the first corporate action that is not before it) and `first_action` (the first of
all, which is not 0 where many accounts share a table).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.ledger import mark_bar, mark_rates, value_account
from backsweep.engine.codes import CONTINUED, FRESH, NONE, SEGMENT_END
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.events.forced_fills import fill_at_last
from backsweep.engine.state import State, reset


@kernel
def begin_segment(state: State, first: int) -> None:
    """Make the account ready for a run that begins with group `first`.

    A fresh account knows the last closes before it. A carried one keeps cash, positions and orders; what is counted
    over a run begins anew, unless the run is continued.
    """
    account = state.account
    if account.carried == CONTINUED:
        return
    account.closing_at = account.flat_at
    account.next_action_group = NONE
    if account.next_action < account.actions:
        account.next_action_group = record_at(state.actions, account.next_action).group
    if account.carried == FRESH:
        reset(state)
        if account.currencies > 1:
            mark_rates(state, first)
        for index in range(account.first_action, account.next_action):
            action = record_at(state.actions, index)
            if action.delisting != 0.0:
                record_at(state.positions, action.asset).delisted = 1
        if account.earlier_assets > 0:
            _mark_before(state, record_at(state.groups, first).first_row)
        return
    value_account(state)
    account.initial_cash = account.equity
    account.trades = 0
    account.wins = 0
    account.gross_profit = 0.0
    account.gross_loss = 0.0
    account.currency_pnl = 0.0
    account.commission = 0.0
    account.slippage = 0.0
    account.financing = 0.0
    account.dividends = 0.0
    account.traded_notional = 0.0
    account.fills = 0
    account.ambiguous_fills = 0
    account.ambiguous_pnl = 0.0
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
            fill_at_last(state, group, asset, -record_at(state.positions, asset).quantity, SEGMENT_END)
        asset += 1
    value_account(state)
