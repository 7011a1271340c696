"""What is due at a group whatever its bars are like: what makes the loop visit it whole.

    financing, funding or a margin call; an order that fills at a close, or expires
    a corporate action; the close of positions; the end of a session at which one of these, or an early stop, may follow

All of it is known before its group comes. Between two such groups a bar that reaches no order changes nothing but the
marks of positions, and may close a session: it is *quiet* (`loop`), and where `on_data` has nothing to decide the loop
passes it (`sleep`).
"""

from __future__ import annotations

from backsweep.engine.compile.kernel import kernel, large_kernel, record_at
from backsweep.engine.orders.time_in_force import NO_EXPIRY
from backsweep.engine.state import State


@large_kernel
def begin_ends(state: State, first: int) -> None:
    """Find the first session end that a run from group `first` on meets."""
    low, high = 0, state.sizes.session_ends
    while low < high:
        middle = (low + high) // 2
        if record_at(state.session_ends, middle).group < first:
            low = middle + 1
        else:
            high = middle
    state.cursor.next_end = low


@large_kernel
def next_due(state: State, index: int, last: int) -> int:
    """Return the first group from `index` to `last` at which something is due, or `last`."""
    return index if state.sizes.sleeps == 0 or is_always_due(state) else next_event(state, index, last)


@kernel
def is_always_due(state: State) -> bool:
    """Return whether something is due at every group, until the account or its orders change."""
    cursor, rules = state.cursor, state.rules
    if cursor.overnight == 1 or cursor.at_close > 0:
        return True
    if cursor.open_positions > 0 and (rules.margin_calls == 1 or rules.funding != 0):
        return True
    return cursor.expiring > 0 and (cursor.next_expiry != NO_EXPIRY or state.sizes.reaches == 0)


@kernel
def next_event(state: State, index: int, last: int) -> int:
    """Return the first group from `index` to `last` at which something is due that is not due at every group."""
    cursor = state.cursor
    while cursor.next_end < state.sizes.session_ends and record_at(state.session_ends, cursor.next_end).group < index:
        cursor.next_end += 1
    accrues = state.rules.financing == 1 and (cursor.open_positions > 0 or state.account.cash < 0.0)
    stops = accrues or cursor.expiring > 0 or state.call.early_stop == 1
    if stops and cursor.next_end < state.sizes.session_ends:
        last = min(last, record_at(state.session_ends, cursor.next_end).group)
    if cursor.next_action_group >= index:
        last = min(last, cursor.next_action_group)
    if cursor.closing_at >= index:
        last = min(last, cursor.closing_at)
    return last
