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

Most groups are *quiet*: their bars reach no order, and nothing else is due. What is due is known ahead (`events.due`),
so that the loop only asks whether a bar reaches an order; if not, it marks positions, which is all of steps 0 to 2,
calls `on_data`, and closes the session. The others are visited (`events.visit`), from step 4 on also those where
`on_data` asks for something, and in recorded runs all. With several currencies no group is quiet.

`make_loop` returns the loop for one strategy. It is compiled once a machine, with the kernels that it calls but for the
large ones, as a part of the function that runs many trials (`trial.chunk_loop`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backsweep.engine.account.ledger import close_session
from backsweep.engine.account.logs import log_live_orders
from backsweep.engine.codes import CONTINUED, NO_FAILURE, NONE
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.events.due import begin_ends, next_due
from backsweep.engine.events.segment import begin_segment
from backsweep.engine.events.sleep import begin_sleep, clauses_hold, next_group
from backsweep.engine.events.visit import begin_visit, end_visit, mark_group, reaches_order
from backsweep.engine.state import State, open_state


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
        begin_ends(state, first)
        call, cursor, sizes, delay = state.call, state.cursor, state.sizes, state.rules.delay
        first_seen, recorded = call.first_seen, sizes.log_capacity > 0
        wakes_always = sizes.conditions == NONE and sizes.held_conditions == NONE
        sleeps = begin_sleep(state)
        due = first
        index = first - 1
        while index + 1 < last:
            index += 1
            if sleeps:
                index = next_group(state, index, last - 1)
            group = record_at(state.groups, index)
            cursor.group = index
            cursor.timestamp = group.timestamp
            quiet = index < due and (cursor.live_orders == 0 or not reaches_order(state, group, index))
            if quiet:
                mark_group(state, group, index)
            else:
                begin_visit(state, group, index)
            seen = index - delay
            if seen >= first_seen and (wakes_always or is_awake(state, record_at(state.groups, seen))):
                decide(state, market, values, memory, record_at(state.groups, seen), seen)
            if not quiet or recorded or cursor.requests > 0:
                end_visit(state, group, index)
                due = next_due(state, index + 1, last)
            elif group.last_of_session == 1:
                close_session(state, group.session)
            if cursor.failure != NO_FAILURE:
                break
        if recorded and call.carried != CONTINUED:
            log_live_orders(state)

    return loop
