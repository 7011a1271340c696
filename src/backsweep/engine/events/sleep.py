"""Sleep: groups that a run passes without a visit, because nothing can happen there.

`wake` and `wake_held` say where `on_data` has something to decide. Where it has not, a group can still matter:

    a bar reaches a working order; an order fills at the close, or may expire before the session's end
    a corporate action is due, or positions close
    financing, funding or a margin call is due while a position is open

The next group for which one of these, or a clause, holds is visited. All that those before it would have done is to
mark the position to their closes, to count them, and to close sessions: `_pass_groups` does that, so that a run leaves
the same bits as one that visits every group. It does not sleep where it is recorded, delayed or has several currencies,
nor over several assets while one is held and a clause counts its bars, or while an order is good for its asset's day.

Bars are passed in blocks: one whose extremes reach no order and meet no comparison needs no look at its bars. Where
several assets are held, or have orders, each bar that is passed is looked at once for its orders and once for its mark.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.ledger import close_session, mark_bar, mark_bars
from backsweep.engine.blocks import BLOCK
from backsweep.engine.codes import ABOVE, HELD_FOR, NONE
from backsweep.engine.compile.kernel import kernel, large_kernel, load, record_at
from backsweep.engine.events.due import is_always_due, next_event
from backsweep.engine.orders.quotes import range_met
from backsweep.engine.state import State

STRETCH = 16 * BLOCK
"""Bars in which every clause is looked for before any is looked for behind them."""


@kernel
def clauses_hold(state: State, first: int, count: int, row: int) -> bool:
    """Evaluate `count` comparisons from number `first` on, a disjunction of conjunctions, on one bar."""
    position = first
    while position < first + count:
        after = position + 1 + record_at(state.conditions, position).following
        while position < after and _holds(state, record_at(state.conditions, position), row):
            position += 1
        if position == after:
            return True
        position = after
    return False


@kernel
def _holds(state: State, condition: Any, row: int) -> bool:
    """Evaluate one comparison on a bar that the account is marked to."""
    if condition.kind == HELD_FOR:
        position = record_at(state.positions, record_at(state.bars, row).asset)
        return position.quantity != 0.0 and position.bars_held >= condition.threshold
    return _is_beyond(condition, load(condition.column, row))


@kernel
def _is_beyond(condition: Any, value: float) -> bool:
    return value > condition.threshold if condition.kind == ABOVE else value < condition.threshold


@large_kernel
def begin_sleep(state: State) -> bool:
    """Return whether a run can sleep."""
    sizes = state.sizes
    if sizes.sleeps == 0 or sizes.log_capacity > 0 or state.rules.delay > 0:
        return False
    return sizes.conditions != NONE or sizes.held_conditions != NONE


@large_kernel
def next_group(state: State, index: int, last: int) -> int:
    """Return the first group from `index` to `last` that must be visited, with everything before it passed."""
    cursor, sizes = state.cursor, state.sizes
    first, count = 0, sizes.conditions
    if cursor.open_positions > 0 or cursor.live_orders > 0:
        first, count = max(sizes.conditions, 0), sizes.held_conditions
        if sizes.reaches == 0 and _counts_bars(state, first, count):
            return index
    if count == NONE or is_always_due(state):
        return index
    if sizes.reaches > 0 and cursor.live_orders > 0 and record_at(state.books, 0).reach_low == np.inf:
        return index
    stop = next_event(state, index, last)
    if sizes.reaches == 0:
        row, end = record_at(state.groups, index).first_row, record_at(state.groups, stop).first_row
        group = _group_of(state, _scan(state, first, count, row, end), index, stop)
        if group > index:
            _pass_groups_of_all(state, index, group)
        return group
    group = _scan(state, first, count, index, stop)
    if group > index:
        _pass_groups(state, index, group)
    return group


@kernel
def _counts_bars(state: State, first: int, count: int) -> bool:
    """Return whether one of these comparisons is of how long an asset has been held."""
    for position in range(first, first + count):
        if record_at(state.conditions, position).kind == HELD_FOR:
            return True
    return False


@kernel
def _group_of(state: State, row: int, low: int, high: int) -> int:
    """Return the group, of those from `low` to `high`, that a row is in."""
    while low < high:
        middle = (low + high + 1) // 2
        if record_at(state.groups, middle).first_row > row:
            high = middle - 1
        else:
            low = middle
    return low


@kernel
def _pass_groups_of_all(state: State, index: int, group: int) -> None:
    """Mark assets to the closes from `index` to before `group`, and close the sessions that end there.

    Without a position, an asset with a bar in `group` is marked to it there, and needs no other mark.
    """
    cursor, visited = state.cursor, record_at(state.groups, group)
    marks = cursor.open_positions > 0 or visited.count < state.sizes.assets
    row = record_at(state.groups, index).first_row
    while cursor.next_end < state.sizes.session_ends:
        end = record_at(state.session_ends, cursor.next_end)
        if end.group >= group:
            break
        if marks:
            row = _mark_rows(state, row, record_at(state.groups, end.group + 1).first_row)
        close_session(state, end.session)
        cursor.next_end += 1
    if marks:
        _mark_rows(state, row, visited.first_row)


@kernel
def _mark_rows(state: State, row: int, end: int) -> int:
    """Mark assets to the bars from `row` to before `end`; returns `end`."""
    for each in range(row, end):
        bar = record_at(state.bars, each)
        mark_bar(state, record_at(state.positions, bar.asset), bar)
    return end


@kernel
def _pass_groups(state: State, index: int, group: int) -> None:
    """Mark the position to the closes from `index` to before `group`, and close the sessions that end there."""
    cursor = state.cursor
    while cursor.next_end < state.sizes.session_ends:
        end = record_at(state.session_ends, cursor.next_end)
        if end.group >= group:
            break
        mark_bars(state, record_at(state.bars, end.group), end.group + 1 - index)
        close_session(state, end.session)
        index = end.group + 1
        cursor.next_end += 1
    if index < group:
        mark_bars(state, record_at(state.bars, group - 1), group - index)


@kernel
def _scan(state: State, first: int, count: int, index: int, stop: int) -> int:
    """Return the first bar from `index` on that reaches an order or for which a clause holds, or `stop`.

    Of one asset, bars have the numbers of their groups.
    """
    start = index
    while start < stop:
        end = min(stop, start + STRETCH)
        found = end
        if state.cursor.live_orders > 0:
            found = _first_reached(state, start, found)
        position = first
        while position < first + count:
            after = position + 1 + record_at(state.conditions, position).following
            found = _first_of_clause(state, position, after, index, start, found)
            position = after
        if found < end:
            return found
        start = end
    return stop


@kernel
def _first_reached(state: State, row: int, end: int) -> int:
    """Return the first bar from `row` on that reaches an order, or `end`."""
    if state.sizes.reaches == 0:
        return _first_reached_of_all(state, row, end)
    book = record_at(state.books, 0)
    low, high = book.reach_low, book.reach_high
    while row < end:
        reach = record_at(state.reaches, row // BLOCK)
        after = min(end, (row // BLOCK + 1) * BLOCK)
        if reach.low <= low or reach.high >= high:
            while row < after:
                least, most = range_met(state, record_at(state.bars, row), row)
                if least <= low or most >= high:
                    return row
                row += 1
        row = after
    return end


@kernel
def _first_reached_of_all(state: State, row: int, end: int) -> int:
    """Return the first bar from `row` on, of any asset, that reaches an order of its asset, or `end`."""
    while row < end:
        bar = record_at(state.bars, row)
        book = record_at(state.books, bar.asset)
        low, high = range_met(state, bar, row)
        if low <= book.reach_low or high >= book.reach_high:
            return row
        row += 1
    return end


@kernel
def _first_of_clause(state: State, position: int, after: int, index: int, row: int, end: int) -> int:
    """Return the first bar from `row` on for which a clause holds, or `end`; the account is marked before `index`."""
    scanned = NONE
    for each in range(position, after):
        condition = record_at(state.conditions, each)
        if condition.kind == HELD_FOR:
            row = _first_held(state, condition.threshold, index, row, end)
        elif scanned == NONE:
            scanned = each
    if scanned == NONE:
        return row
    while row < end:
        row = _first_beyond(record_at(state.conditions, scanned), row, end)
        holds = row < end
        for each in range(scanned + 1, after):
            condition = record_at(state.conditions, each)
            holds = holds and (condition.kind == HELD_FOR or _is_beyond(condition, load(condition.column, row)))
        if holds:
            return row
        row += 1
    return end


@kernel
def _first_held(state: State, bars: float, index: int, row: int, end: int) -> int:
    """Return the first bar from `row` on at whose close the position is held for so many bars, or `end`."""
    held = record_at(state.positions, record_at(state.bars, index).asset)
    ahead = bars - held.bars_held - 1  # of the bar at `index`, whose close the position has not seen
    if held.quantity == 0.0 or not ahead < end - index:
        return end
    return max(row, index + int(np.ceil(ahead)))


@kernel
def _first_beyond(condition: Any, row: int, end: int) -> int:
    """Return the first bar from `row` on for which a comparison of a column holds, or `end`."""
    while row < end:
        after = min(end, (row // BLOCK + 1) * BLOCK)
        if _is_beyond(condition, load(condition.extremes, row // BLOCK)):
            while row < after:
                if _is_beyond(condition, load(condition.column, row)):
                    return row
                row += 1
        row = after
    return end
