"""A visit to a group at which something may be due: all that comes before `on_data`, and all that comes after it.

A quiet group needs none of that: see `loop` and `due`.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.account.ledger import (
    accrue_financing,
    close_session,
    log_equity,
    mark_bar,
    mark_rates,
    pay_funding,
)
from backsweep.engine.codes import SAME_CLOSE
from backsweep.engine.compile.kernel import large_kernel, record_at, small_kernel
from backsweep.engine.events.corporate_actions import apply_actions, close_group
from backsweep.engine.events.early_stop import check_early_stop
from backsweep.engine.events.liquidation import call_margin
from backsweep.engine.fills.matching import match_close, match_group
from backsweep.engine.orders.quotes import range_met
from backsweep.engine.orders.requests import accept_requests
from backsweep.engine.orders.time_in_force import expire_dated, expire_day
from backsweep.engine.state import State


@small_kernel
def reaches_order(state: State, group: Any, index: int) -> bool:
    """Return whether a bar of group number `index` reaches an order of its asset."""
    if state.sizes.reaches > 0:
        return _reaches(state, record_at(state.books, 0), index)
    for row in range(group.first_row, group.first_row + group.count):
        if _reaches(state, record_at(state.books, record_at(state.bars, row).asset), row):
            return True
    return False


@small_kernel
def _reaches(state: State, book: Any, row: int) -> bool:
    bar = record_at(state.bars, row)
    low, high = range_met(state, bar, row)
    return low <= book.reach_low or high >= book.reach_high


@small_kernel
def mark_group(state: State, group: Any, index: int) -> None:
    """Mark positions to the closes of group number `index`."""
    if state.sizes.reaches > 0:
        mark_bar(state, record_at(state.positions, 0), record_at(state.bars, index))
    else:
        for row in range(group.first_row, group.first_row + group.count):
            bar = record_at(state.bars, row)
            mark_bar(state, record_at(state.positions, bar.asset), bar)


@large_kernel
def begin_visit(state: State, group: Any, index: int) -> None:
    """Do what comes before `on_data` at group number `index`: steps 0 to 2 of the loop."""
    cursor, rules = state.cursor, state.rules
    if cursor.overnight == 1:
        accrue_financing(state, group)
    if index == cursor.next_action_group:
        apply_actions(state, group, index)
    if cursor.expiring > 0 and cursor.next_expiry < group.timestamp:
        expire_dated(state)
    if cursor.live_orders > 0:
        match_group(state, group)
    if state.sizes.currencies > 1:
        mark_rates(state, index)
    mark_group(state, group, index)
    if cursor.at_close > 0:
        match_close(state, group, 0)
    if cursor.expiring > 0:
        expire_day(state, group)
    if cursor.open_positions > 0:
        if rules.funding != 0:
            pay_funding(state, group)
        if rules.margin_calls == 1:  # after the funding, which changes what covers the margin
            call_margin(state)


@large_kernel
def end_visit(state: State, group: Any, index: int) -> None:
    """Do what comes after `on_data` at group number `index`: steps 4 to 6 of the loop."""
    cursor = state.cursor
    if cursor.requests > 0:
        accept_requests(state)
        if cursor.at_close > 0 and state.rules.fill_at == SAME_CLOSE:
            match_close(state, group, 1)
    if index == cursor.closing_at:
        close_group(state, group, index)
    if state.sizes.log_capacity > 0:
        log_equity(state, index)
    if group.last_of_session == 1:
        close_session(state, group.session)
        if state.call.early_stop == 1:
            check_early_stop(state, group.session)
