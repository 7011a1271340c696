"""What the children of an order meet of the bar that filled it.

If it filled at the open, they meet the whole bar. If it filled inside the range, they meet the part of the path that
lies behind the entry with certainty: from the entry's price to the bar's extreme on the side to which the price was
moving.

    filled by    the price was moving    certain after a buy    certain after a sell
    a stop       with the order          up to the high         down to the low
    a limit      against the order       down to the low        up to the high

So the target of a stop entry, and the stop of a limit entry, fill in the entry's bar where it reaches them; a trailing
stop follows the part that is certain. A child that the entry's own price has reached fills there, at once (AT_ENTRY).
The bar may have reached its other extreme before the entry or after it:

    the target of a limit entry    waits for the next bar
    the stop of a stop entry       is ambiguous: it fills in the bar or waits, as `execution.ambiguous` says

With quotes the children are on the other side, whose path lies beside that of the entry (`orders.quotes`): it counts
as moving with it, from where it stood at the entry, to its own extreme. That it stood as near as it could is certain of
a target beyond that price alone. A nearer one may have been reached before the entry, and waits for the next bar.

A market order among the children waits for the next bar, as every market order that is asked for inside a bar.
A child that fills at its parent's entry leaves its own children nothing that is certain: they wait.
Profiles may let all children wait for the next bar: `profiles`. An entry at a close is over with its bar.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.codes import (
    AT_ENTRY,
    AT_OPEN,
    BAR_AFTER,
    IN_RANGE,
    LIMIT,
    MARKET,
    NEVER,
    STOP,
    STOP_FIRST,
    STOP_LIMIT,
    SURE_ENTRY_BAR,
    WORKING,
)
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.fills.candidates import add_if_filled, insert_candidate
from backsweep.engine.fills.finer_bars import prices_met
from backsweep.engine.orders.quotes import side_prices
from backsweep.engine.orders.triggers import allows, meet, trigger_price
from backsweep.engine.state import State


@kernel
def meet_entry_bar(
    state: State, parent: Any, first: int, row: int, phase: int, price: float, acted_as: int, start: int
) -> None:
    """Match children, from slot `first` on, with the rest of the bar at `row`, in which their parent began to fill.

    It filled in this phase and acted as `acted_as`; `price` is the market's, on the side of the children. Candidates
    are added from index `start` on.
    """
    live = state.rules.children_live
    if live == BAR_AFTER or (live == SURE_ENTRY_BAR and not _is_sure(state, parent, first, row, acted_as)):
        return
    opened, high, low = prices_met(state, parent.asset, row)
    if state.rules.quotes == 1:
        opened, high, low = side_prices(state, parent.quantity < 0.0, row)
    slot = first
    while True:
        child = record_at(state.orders, slot)
        if child.status == WORKING and child.at_close == 0:
            if phase == AT_OPEN:
                add_if_filled(state, slot, row, opened, high, low, start)
            elif phase == IN_RANGE and child.acts_as != MARKET:
                _meet_rest(state, child, slot, row, high, low, price, acted_as == STOP, parent.quantity > 0.0, start)
        slot = child.next_sibling
        if slot == first:
            break


@kernel
def _is_sure(state: State, parent: Any, first: int, row: int, acted_as: int) -> bool:
    """Return whether a market order began to fill, or a stop whose bar reaches a target, and no stop, of its own."""
    if acted_as == MARKET:
        return True
    if acted_as != STOP or parent.type == STOP_LIMIT:
        return False
    bar = record_at(state.bars, row)
    bought = parent.quantity > 0.0
    reached = False
    slot = first
    while True:
        child = record_at(state.orders, slot)
        if child.acts_as == STOP and (bar.low <= child.stop_price if bought else bar.high >= child.stop_price):
            return False
        if child.acts_as == LIMIT and (bar.high >= child.limit_price if bought else bar.low <= child.limit_price):
            reached = True
        slot = child.next_sibling
        if slot == first:
            return reached


@kernel
def _meet_rest(
    state: State,
    child: Any,
    slot: int,
    row: int,
    high: float,
    low: float,
    price: float,
    by_stop: bool,
    bought: bool,
    start: int,
) -> None:
    """Match one child with the certain part of the bar after an entry in its range; a stop, with the rest too."""
    if by_stop and child.acts_as == STOP and _is_ambiguous(child, high, low, price):
        if allows(child, child.stop_price):
            child.ambiguous_group = state.cursor.group
            insert_candidate(state, slot, row, start, IN_RANGE, child.stop_price)
        elif state.rules.ambiguous == STOP_FIRST:
            child.acts_as = LIMIT
        if state.rules.ambiguous == STOP_FIRST:
            return
    rises = by_stop == bought
    if state.rules.quotes == 1 and child.acts_as == LIMIT:
        level = trigger_price(child)
        if level <= price if bought else level >= price:
            child.rested = 1
            return
    phase, level = meet(child, price, high if rises else price, price if rises else low, state.rules.limit_fill)
    if phase != NEVER:
        insert_candidate(state, slot, row, start, AT_ENTRY if phase == AT_OPEN else phase, level)


@kernel
def _is_ambiguous(child: Any, high: float, low: float, price: float) -> bool:
    """Return whether the bar reached a stop of a stop entry at `price`, before the entry or after it."""
    if child.quantity < 0.0:
        return low <= child.stop_price < price
    return price < child.stop_price <= high
