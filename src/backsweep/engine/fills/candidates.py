"""The orders that a timestamp's bars would fill, in the order in which they will be tried: phase, rank, id."""

from __future__ import annotations

from typing import Any

from backsweep.engine.codes import ALL_AS_SUBMITTED, AS_SUBMITTED, IN_RANGE, LIMIT, MARKET, NEVER, STOP, STOP_FIRST
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.orders.time_in_force import ends_now
from backsweep.engine.orders.triggers import meet
from backsweep.engine.state import State

EXIT, FIRST_EXIT, OTHER_EXIT, ENTRY = range(4)


@kernel
def add_if_filled(state: State, slot: int, row: int, opened: float, high: float, low: float, start: int) -> None:
    """Add the order to the candidates, from index `start` on, if these prices of the bar at `row` fill it."""
    phase, price = meet(record_at(state.orders, slot), opened, high, low, state.rules.limit_fill)
    if not ends_now(state, slot, phase) and phase != NEVER:
        insert_candidate(state, slot, row, start, phase, price)


@kernel
def insert_candidate(state: State, slot: int, row: int, start: int, phase: int, price: float) -> None:
    """Insert a candidate at its place among those from index `start` on."""
    cursor = state.cursor
    order = record_at(state.orders, slot)
    rank = _rank(state, order, phase)
    place = cursor.candidates
    while place > start:
        before = record_at(state.candidates, place - 1)
        if before.phase < phase:
            break
        if before.phase == phase and (before.rank < rank or (before.rank == rank and before.id < order.id)):
            break
        after = record_at(state.candidates, place)
        after.slot = before.slot
        after.row = before.row
        after.phase = before.phase
        after.rank = before.rank
        after.id = before.id
        after.price = before.price
        place -= 1
    candidate = record_at(state.candidates, place)
    candidate.slot = slot
    candidate.row = row
    candidate.phase = phase
    candidate.rank = rank
    candidate.id = order.id
    candidate.price = price
    cursor.candidates += 1


@kernel
def _rank(state: State, order: Any, phase: int) -> int:
    sequence = state.rules.sequence
    if sequence == ALL_AS_SUBMITTED or (sequence == AS_SUBMITTED and order.acts_as == MARKET):
        return EXIT
    if record_at(state.positions, order.asset).quantity * order.quantity >= 0.0:
        return ENTRY
    if order.acts_as == MARKET:
        return EXIT
    first = STOP if phase != IN_RANGE or state.rules.ambiguous == STOP_FIRST else LIMIT
    return FIRST_EXIT if order.acts_as == first else OTHER_EXIT
