"""Where a run begins and ends within the bars: with a new account or the one at hand, and without positions if asked.

Five fields of the call rule it: `carried` (FRESH, CARRIED, CONTINUED), `earlier_assets` (how many assets have a bar
before the first one), `flat_at` (the group at whose close every position is closed, or NONE), `next_action` (the first
corporate action that is not before it) and `first_action` (the first of all, which is not 0 where many accounts share a
table).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.ledger import mark_bar, mark_rates, value_account
from backsweep.engine.codes import CONTINUED, FRESH, NONE, SEGMENT_END
from backsweep.engine.compile.kernel import clear, kernel, large_kernel, record_at
from backsweep.engine.events.forced_fills import fill_at_last
from backsweep.engine.state import State, reset


@large_kernel
def begin_segment(state: State, first: int) -> None:
    """Prepare the account for a run that begins with group `first`.

    A fresh account has the last closes before it. A carried one keeps cash, positions and orders; counters begin anew,
    unless the run is continued.
    """
    call, cursor = state.call, state.cursor
    if call.carried == CONTINUED:
        return
    if call.carried == FRESH:
        reset(state)
        if state.sizes.currencies > 1:
            mark_rates(state, first)
        for index in range(call.first_action, call.next_action):
            action = record_at(state.actions, index)
            if action.delisting != 0.0:
                record_at(state.positions, action.asset).delisted = 1
        if call.earlier_assets > 0:
            _mark_before(state, record_at(state.groups, first).first_row)
    else:
        value_account(state)
        clear(state.counters)
        state.counters.initial_equity = state.account.equity
    cursor.closing_at = call.flat_at
    cursor.next_action = call.next_action
    find_next_action(state)


@kernel
def find_next_action(state: State) -> None:
    """Set the group of the next corporate action, NONE after the last."""
    cursor = state.cursor
    cursor.next_action_group = NONE
    if cursor.next_action < state.sizes.actions:
        cursor.next_action_group = record_at(state.actions, cursor.next_action).group


@kernel
def _mark_before(state: State, row: int) -> None:
    """Mark every asset to its last close before `row`."""
    waiting = state.call.earlier_assets
    while waiting > 0:
        row -= 1
        bar = record_at(state.bars, row)
        if np.isnan(record_at(state.positions, bar.asset).last_price):
            mark_bar(state, record_at(state.positions, bar.asset), bar)
            waiting -= 1


@kernel
def close_positions(state: State, group: Any) -> None:
    """Close every position at its last close, as market orders would: slippage and commission are charged.

    Orders that are still alive stay so, but those that can only reduce a position go with it.
    """
    asset = 0
    while asset < state.sizes.assets and state.cursor.open_positions > 0:
        if record_at(state.positions, asset).quantity != 0.0:
            fill_at_last(state, group, asset, -record_at(state.positions, asset).quantity, SEGMENT_END)
        asset += 1
    value_account(state)
