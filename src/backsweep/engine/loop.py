"""One pass over the bars. The only loop there is.

Rows are grouped by timestamp. For each group, in this order:

0. financing accrues at the first group of a session; splits and dividends enter the account
   (`events.corporate_actions`); orders that are good till an earlier time expire (`orders.time_in_force`);
1. resting orders meet the group's bars: what the open decides, then what the range decides (`fills.matching`);
2. cash in other currencies is marked to the group's rates, positions to its closes; orders that fill at a close do; at
   the end of an asset's session its DAY orders expire; positions pay or receive their funding, and where equity does
   not cover the maintenance margin then, liquidation orders are submitted (`events.liquidation`);
3. `on_data` sees these closes and everything before them, and nothing after; with a delay it sees the bars, and what
   belongs to them, of so many timestamps ago;
4. its requests are accepted or rejected (`orders.requests`); under `same_close`, its market orders fill at these
   closes;
5. positions are closed where a segment ends flat (`events.segment`) or an asset ends (`events.corporate_actions`);
6. the session is closed if this is its last group, and a run that breaks a limit ends there (`events.early_stop`).

`make_loop` returns the loop for one strategy. It is compiled once a machine, with the kernels that it calls but for the
large ones, as a part of the function that runs many trials (`trial.chunk_loop`). Rare steps are called from the loop
itself, each behind its condition: inside a kernel they would make it too large to be inlined, and every bar would pay
for a call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backsweep.engine.account.ledger import (
    accrue_financing,
    close_session,
    log_equity,
    mark_bar,
    mark_rates,
    pay_funding,
)
from backsweep.engine.account.logs import log_live_orders
from backsweep.engine.codes import CONTINUED, NO_FAILURE, NONE, SAME_CLOSE
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.events.corporate_actions import apply_actions, close_group
from backsweep.engine.events.early_stop import check_early_stop
from backsweep.engine.events.liquidation import call_margin
from backsweep.engine.events.segment import begin_segment
from backsweep.engine.events.sleep import begin_sleep, clauses_hold, next_group
from backsweep.engine.fills.matching import match_close, match_group
from backsweep.engine.orders.requests import accept_requests
from backsweep.engine.orders.time_in_force import expire_dated, expire_day
from backsweep.engine.state import State, open_state


@kernel
def mark_group(state: State, group: Any) -> None:
    """Mark positions to the closes of one timestamp."""
    if state.cursor.open_positions > 0:
        state.account.valued = 0
    for row in range(group.first_row, group.first_row + group.count):
        mark_bar(state, record_at(state.bars, row))


@kernel
def check_positions(state: State, group: Any) -> None:
    """Pay funding at these closes, then check the maintenance margin, whose cover the funding changes."""
    if state.rules.funding != 0:
        pay_funding(state, group)
    if state.rules.margin_calls == 1:
        call_margin(state)


@kernel
def is_awake(state: State, group: Any) -> bool:
    """Return whether `on_data` has something to decide: by `wake_held` while a position or an order is alive."""
    cursor, sizes = state.cursor, state.sizes
    first, count = 0, sizes.conditions
    if cursor.open_positions > 0 or cursor.live_orders > 0:
        first, count = max(sizes.conditions, 0), sizes.held_conditions
    if count == NONE:
        return True
    for row in range(group.first_row, group.first_row + group.count):
        if clauses_hold(state, first, count, row):
            return True
    return False


def make_loop(decide: Callable[..., None]) -> Callable[..., None]:
    """Return the loop for one strategy; `decide(state, market, values, memory, group, index)` calls its `on_data`."""

    def loop(handle: Any, market: Any, values: Any, memory: Any, first: int, last: int) -> None:
        state = open_state(handle)
        begin_segment(state, first)
        call, cursor, rules, sizes = state.call, state.cursor, state.rules, state.sizes
        delay, multi_currency, recorded = rules.delay, sizes.currencies > 1, sizes.log_capacity > 0
        wakes_always = sizes.conditions == NONE and sizes.held_conditions == NONE
        sleeps = begin_sleep(state, first)
        checks_positions = rules.margin_calls == 1 or rules.funding != 0
        index = first - 1
        while index + 1 < last:
            index += 1
            if sleeps:
                index = next_group(state, index, last - 1)
            group = record_at(state.groups, index)
            cursor.group = index
            cursor.timestamp = group.timestamp
            if cursor.overnight == 1:
                accrue_financing(state, group)
            if index == cursor.next_action_group:
                apply_actions(state, group, index)
            if cursor.expiring > 0 and cursor.next_expiry < group.timestamp:
                expire_dated(state)
            if cursor.live_orders > 0:
                match_group(state, group)
            if multi_currency:
                mark_rates(state, index)
            mark_group(state, group)
            if cursor.at_close > 0:
                match_close(state, group, 0)
            if cursor.expiring > 0:
                expire_day(state, group)
            if cursor.open_positions > 0 and checks_positions:
                check_positions(state, group)
            seen = index - delay
            if seen >= 0 and (wakes_always or is_awake(state, record_at(state.groups, seen))):
                decide(state, market, values, memory, record_at(state.groups, seen), seen)
            if cursor.requests > 0:
                accept_requests(state)
                if cursor.at_close > 0 and rules.fill_at == SAME_CLOSE:
                    match_close(state, group, 1)
            if index == cursor.closing_at:
                close_group(state, group, index)
            if recorded:
                log_equity(state, index)
            if group.last_of_session == 1:
                close_session(state, group.session)
                if call.early_stop == 1:
                    check_early_stop(state, group.session)
            if cursor.failure != NO_FAILURE:
                break
        if recorded and call.carried != CONTINUED:
            log_live_orders(state)

    return loop
