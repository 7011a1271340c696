"""Finer bars decide what comes first inside a bar: which bars are played on them, and how a group walks them.

A bar has four prices and no path. Where more than one thing can happen inside it to the orders of its asset, these
orders meet its finer bars (`data.detail`) in its place, one after the other, by the same rules. Of a bar that reaches
one order alone the finer bars are not read: it fills at the same level whatever the path. These are things that can
happen, each of them one, but where it says two:

    an order is reached inside the range, not at the open: its level lies there
        two for a trailing stop whose mark the bar moves as far as the bar then reaches the level that follows
        two for a stop-limit order whose limit forbids the price at which it is reached, at the open as well
        two for an order of a group (OCA), whose others may be another asset's
    the level of a child that waits for an order which the bar reaches, at the open or inside
        two if it has children of its own, for a stop-limit child whose limit forbids its stop, and for a trailing stop
        as above, its mark at the open
    a child that is a trailing stop or a market order, where its parent is reached inside the range

The finer bars of one bar have together its open, its high and its low (`dataset.finer_bars`). So what the bar reaches
they reach, and what it does not they do not. At a gap between two of them orders fill as at every gap, at the open of
the second. What is not decided by the order of events stays that of the bar: its timestamp, the volume that bounds and
prices fills, its close. What remains ambiguous inside one finer bar is decided and counted as in any bar (`ambiguity`).

Assets of one timestamp whose bars are walked are walked together, in order of time, so that orders that concern several
of them and the account's cash see fills in their order. The others' bars come with the first of these moments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import AT_OPEN, HELD, IN_RANGE, MARKET, NEVER, NONE, STOP, STOP_LIMIT, TRAILING_STOP
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.orders.triggers import allows, touch, trigger_price
from backsweep.engine.state import State

OVER = np.iinfo(np.int64).max
"""The moment after the last."""

SEVERAL = 2
"""So many things that can happen to an asset's orders are more than a bar can put in order."""


@kernel
def prices_met(state: State, asset: int, row: int) -> tuple[float, float, float]:
    """Return open, high and low of what the asset's orders are matched with: the bar at `row`, or a finer one of it."""
    finer = record_at(state.books, asset).finer
    if finer == NONE:
        bar = record_at(state.bars, row)
        return bar.open, bar.high, bar.low
    part = record_at(state.finer_bars, finer)
    return part.open, part.high, part.low


@kernel
def needs_finer_bars(state: State, book: Any, bar: Any, row: int) -> bool:
    """Return whether the bar at `row` has finer bars, and more than one thing can happen inside it."""
    if record_at(state.finer_ranges, row).count == 0:
        return False
    things = 0
    slot = book.first_order
    while slot != NONE and things < SEVERAL:
        order = record_at(state.orders, slot)
        if order.at_close == 0:
            things += _count_things(state, order, bar)
        slot = order.next
    return things >= SEVERAL


@kernel
def _count_things(state: State, order: Any, bar: Any) -> int:
    """Return how many things can happen inside the bar to a working order and the children that wait for it."""
    phase, price = touch(order, bar.open, bar.high, bar.low, state.rules.limit_fill)
    if order.type == TRAILING_STOP and order.acts_as == STOP and phase != AT_OPEN:
        things = _count_trail(order, order.mark, bar)
        phase = NEVER if things == 0 else IN_RANGE
    else:
        things = int(phase == IN_RANGE)
    if phase == NEVER:
        return 0
    if things > 0 and order.oca_group != 0:
        return SEVERAL
    if order.acts_as == STOP and not allows(order, price):
        return SEVERAL
    first = order.first_child
    slot = first
    while slot != NONE:
        child = record_at(state.orders, slot)
        if child.status == HELD and child.at_close == 0:
            things += _count_child(child, bar, phase)
        slot = child.next_sibling if child.next_sibling != first else NONE
    return things


@kernel
def _count_child(child: Any, bar: Any, phase: int) -> int:
    """Return how many things can happen to a child inside the bar that reaches its parent in this phase."""
    if child.acts_as == MARKET:
        return int(phase == IN_RANGE)
    if child.type == TRAILING_STOP:
        return 1 if phase == IN_RANGE else _count_trail(child, bar.open, bar)
    level = trigger_price(child)
    if not bar.low <= level <= bar.high:
        return 0
    forbidden = child.type == STOP_LIMIT and not allows(child, level)
    return SEVERAL if child.first_child != NONE or forbidden else 1


@kernel
def _count_trail(order: Any, mark: float, bar: Any) -> int:
    """Return 1 for a trailing stop that the bar reaches at the level of this mark, 2 if the bar may move it before."""
    sells = order.quantity < 0.0
    best = max(mark, bar.high) if sells else min(mark, bar.low)
    distance = best * order.trail_percent if np.isnan(order.trail_amount) else order.trail_amount
    reached = bar.low <= best - distance if sells else bar.high >= best + distance
    if not reached:
        return 0
    return 1 if best == mark else SEVERAL


@kernel
def begin_walk(state: State, row: int, number: int) -> None:
    """Enter the bar at `row` as number `number` of those that this group walks."""
    walk = record_at(state.walks, number)
    own = record_at(state.finer_ranges, row)
    walk.row = row
    walk.next = own.first
    walk.end = own.first + own.count


@kernel
def next_moment(state: State, walks: int) -> int:
    """Return the timestamp of the next finer bar of all walks; OVER after the last."""
    moment = OVER
    for index in range(walks):
        walk = record_at(state.walks, index)
        if walk.next < walk.end:
            moment = min(moment, record_at(state.finer_bars, walk.next).timestamp)
    return moment


@kernel
def end_moment(state: State, walks: int) -> None:
    """End a moment, whose candidates have been tried; an asset without a working order walks no further."""
    for index in range(state.cursor.candidates):
        record_at(state.orders, record_at(state.candidates, index).slot).ambiguous_group = NONE
    state.cursor.candidates = 0
    for index in range(walks):
        walk = record_at(state.walks, index)
        book = record_at(state.books, record_at(state.bars, walk.row).asset)
        book.finer = NONE
        if book.first_order == NONE:
            walk.next = walk.end
