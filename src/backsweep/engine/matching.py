"""How working orders meet a bar: which fill, in which order, at which price.

Everything that a timestamp's bars would fill is collected first, sorted, and then filled one by one:

    moment   what the open decides comes before what the range decides
    rank     exits by the strategy, then protective stops, then other exits, then entries; inside the range other
             exits come before protective stops where `execution.ambiguous` is `target_first`
    id       order of submission

What fills at a close comes after that, by the same ranks, when positions have been marked to it: `match_close`.
Under some profiles market orders have one rank, whether they exit or enter, or all orders have.

A gap fills at the open, for stops and for targets. If a stop and a target are both inside the range, the stop is
taken, and the fill is counted as ambiguous (`ambiguity`). Children of a parent that fills at the open meet the rest of
the same bar. Children of a parent that fills inside the range: only the protective stop meets the rest of the bar,
because the path to it leads through the entry (or, for a stop entry, may have: ambiguous, too); the target waits for
the next bar.
An entry at a close is over with its bar. Profiles may let children wait for the next bar: `profiles`.
Where volume bounds what fills, an order fills in parts: `sizes`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.ambiguity import note_choice, note_passed_stop
from backsweep.engine.codes import (
    ALL_AS_SUBMITTED,
    AS_SUBMITTED,
    AT_CLOSE,
    AT_OPEN,
    BAR_AFTER,
    EXPIRED,
    FOK,
    IN_RANGE,
    IOC,
    LIMIT,
    MARKET,
    MARKET_ENTRY_BAR,
    MARKET_ON_CLOSE,
    NEVER,
    NO_REASON,
    NONE,
    REJECTED,
    STOP,
    STOP_FIRST,
    STOP_LIMIT,
    TRAILING_STOP,
    WORKING,
)
from backsweep.engine.costs import commission_due
from backsweep.engine.followup import end_orphan, note_fill
from backsweep.engine.jit import kernel, record_at
from backsweep.engine.ledger import apply_fill
from backsweep.engine.margin import refuses_fill
from backsweep.engine.orders import end_unfilled
from backsweep.engine.records import State
from backsweep.engine.sizes import ROUNDING, fillable, price_paid, take
from backsweep.engine.slots import remaining
from backsweep.engine.terms import end_group, ends_now
from backsweep.engine.triggers import allows, meet, trigger_price, waits_below

EXIT, FIRST_EXIT, OTHER_EXIT, ENTRY = range(4)


@kernel
def match_group(state: State, group: Any) -> None:
    """Let every working order meet its asset's bar of this timestamp, and fill what the bar fills."""
    account = state.account
    account.candidates = 0
    for row in range(group.first_row, group.first_row + group.count):
        bar = record_at(state.bars, row)
        book = record_at(state.books, bar.asset)
        if (bar.low <= book.reach_low or bar.high >= book.reach_high) and trades(state, bar, row):
            _visit(state, book, bar, row)
    _execute_candidates(state)


@kernel
def match_close(state: State, group: Any, after_decision: int) -> None:
    """Fill at this timestamp's closes what fills there; after `on_data`, only the market orders that it asked for."""
    account = state.account
    account.candidates = 0
    for row in range(group.first_row, group.first_row + group.count):
        bar = record_at(state.bars, row)
        slot = record_at(state.books, bar.asset).first_order if trades(state, bar, row) else NONE
        while slot != NONE:
            order = record_at(state.orders, slot)
            waits = order.at_close == 0 or (after_decision == 1 and order.type != MARKET)
            waits = waits or (order.type == MARKET_ON_CLOSE and group.last_of_session == 0)
            if not waits:
                moment, price = meet(order, bar.close, bar.close, bar.close, state.rules.limit_fill)
                if not ends_now(state, slot, moment) and moment != NEVER:
                    _insert(state, slot, row, 0, AT_CLOSE, price)
            slot = order.next
    _execute_candidates(state)


@kernel
def _execute_candidates(state: State) -> None:
    account = state.account
    index = 0
    while index < account.candidates:
        index += 1
        _execute(state, record_at(state.candidates, index - 1), index)


@kernel
def trades(state: State, bar: Any, row: int) -> bool:
    """Tell whether orders can meet this bar: once an asset's data has shown volume, a bar without it did not trade."""
    return bar.volume > 0.0 or row < record_at(state.assets, bar.asset).volume_from


@kernel
def _visit(state: State, book: Any, bar: Any, row: int) -> None:
    """Collect the orders of one asset that this bar fills, and note how far a later bar must reach to fill any."""
    book.reach_low = -np.inf
    book.reach_high = np.inf
    slot = book.first_order
    while slot != NONE:
        order = record_at(state.orders, slot)
        if order.at_close == 1:
            slot = order.next
            continue
        _consider(state, slot, bar, row, 0)
        if order.type == TRAILING_STOP:
            book.reach_low = np.inf  # every bar may move its mark
        elif waits_below(order):
            book.reach_low = max(book.reach_low, trigger_price(order))
        else:
            book.reach_high = min(book.reach_high, trigger_price(order))
        slot = order.next


@kernel
def _consider(state: State, slot: int, bar: Any, row: int, start: int) -> None:
    """Add the order to the candidates, from index `start` on, if this bar fills it."""
    moment, price = meet(record_at(state.orders, slot), bar.open, bar.high, bar.low, state.rules.limit_fill)
    if not ends_now(state, slot, moment) and moment != NEVER:
        _insert(state, slot, row, start, moment, price)


@kernel
def _rank(state: State, order: Any, moment: int) -> int:
    sequence = state.rules.sequence
    if sequence == ALL_AS_SUBMITTED or (sequence == AS_SUBMITTED and order.acts == MARKET):
        return EXIT
    if record_at(state.positions, order.asset).quantity * order.quantity >= 0.0:
        return ENTRY
    if order.acts == MARKET:
        return EXIT
    first = STOP if moment != IN_RANGE or state.rules.ambiguous == STOP_FIRST else LIMIT
    return FIRST_EXIT if order.acts == first else OTHER_EXIT


@kernel
def _insert(state: State, slot: int, row: int, start: int, moment: int, price: float) -> None:
    """Insert a candidate at its place among those from index `start` on."""
    account = state.account
    order = record_at(state.orders, slot)
    rank = _rank(state, order, moment)
    place = account.candidates
    while place > start:
        before = record_at(state.candidates, place - 1)
        if before.moment < moment:
            break
        if before.moment == moment and (before.rank < rank or (before.rank == rank and before.id < order.id)):
            break
        after = record_at(state.candidates, place)
        after.slot = before.slot
        after.row = before.row
        after.moment = before.moment
        after.rank = before.rank
        after.id = before.id
        after.price = before.price
        place -= 1
    candidate = record_at(state.candidates, place)
    candidate.slot = slot
    candidate.row = row
    candidate.moment = moment
    candidate.rank = rank
    candidate.id = order.id
    candidate.price = price
    account.candidates += 1


@kernel
def _execute(state: State, candidate: Any, following: int) -> None:
    """Fill one candidate if it still can be; what its fill sets to work is considered from index `following` on."""
    order = record_at(state.orders, candidate.slot)
    if order.status != WORKING:
        return
    slot = candidate.slot
    row = candidate.row
    moment = candidate.moment
    price = candidate.price
    if order.reduce_only == 1 and not _clip(state, order):
        end_orphan(state, slot)
        return
    _close_exactly(state, order)
    asked = quantity = remaining(order)
    if state.rules.volume_share > 0.0:
        quantity = fillable(state, order, row, asked)
        if quantity == 0.0 or (quantity != asked and order.tif == FOK):
            _leave_rest(state, slot)
            return
    asset = record_at(state.assets, order.asset)
    fill_price = price_paid(state, order, row, quantity, price)
    maker = order.acts == LIMIT and (moment == IN_RANGE or order.rested == 1)
    commission, fees = commission_due(state, asset, order, row, quantity, fill_price, maker)
    reason = refuses_fill(state, order, quantity, fill_price, commission)
    if reason != NO_REASON:
        end_unfilled(state, slot, REJECTED, reason)
        return
    if moment == IN_RANGE and (order.parent != 0 or order.oca_group != 0):
        note_choice(state, order, row, quantity, price, following)
    entered_by_stop = order.acts == STOP
    slippage = abs(fill_price - price) * abs(quantity) * asset.multiplier
    child = order.first_child if order.filled == 0.0 else NONE
    apply_fill(state, order, row, quantity, fill_price, commission, slippage)
    order.fees = fees
    take(state, order.asset, row, quantity)
    if quantity == asked:
        order.quantity = order.filled
    note_fill(state, slot, quantity, price)
    if order.oca_group != 0:
        end_group(state, order, quantity)
    if order.status == WORKING:
        _leave_rest(state, slot)
    if child != NONE and moment != AT_CLOSE:
        _consider_children(state, order, child, row, moment, price, entered_by_stop, following)


@kernel
def _leave_rest(state: State, slot: int) -> None:
    """Let an order go on with what its bar's volume did not fill, or expire if it lives for one moment."""
    order = record_at(state.orders, slot)
    if order.tif >= IOC:
        end_unfilled(state, slot, EXPIRED, NO_REASON)
        return
    order.rested = 1
    if order.acts == STOP:
        order.acts = LIMIT if order.type == STOP_LIMIT else MARKET
        record_at(state.books, order.asset).reach_low = np.inf


@kernel
def _clip(state: State, order: Any) -> bool:
    """Shrink a reducing order to the position; False if there is nothing to reduce."""
    held = record_at(state.positions, order.asset).quantity
    if held * order.quantity >= 0.0:
        return False
    if abs(remaining(order)) > abs(held):
        order.quantity = order.filled - held
    return True


@kernel
def _close_exactly(state: State, order: Any) -> None:
    """Let an order that closes the position but for rounding close it: 0.3 sells what three times 0.1 bought."""
    held = record_at(state.positions, order.asset).quantity
    if held * order.quantity < 0.0 and abs(remaining(order) + held) <= ROUNDING * abs(held):
        order.quantity = order.filled - held


@kernel
def _consider_children(
    state: State, parent: Any, first: int, row: int, moment: int, price: float, by_stop: bool, start: int
) -> None:
    """Let children that have just started to work meet the rest of the bar that filled their parent."""
    live = state.rules.children_live
    if live == BAR_AFTER or (live == MARKET_ENTRY_BAR and parent.acts != MARKET):
        return
    bar = record_at(state.bars, row)
    slot = first
    while True:
        child = record_at(state.orders, slot)
        if child.status == WORKING and child.at_close == 0:
            if moment == AT_OPEN:
                _consider(state, slot, bar, row, start)
            elif child.acts == STOP:
                sell = child.quantity < 0.0
                reached = bar.low <= child.stop_price if sell else bar.high >= child.stop_price
                if reached:
                    level = min(child.stop_price, price) if sell else max(child.stop_price, price)
                    if by_stop and state.rules.ambiguous != STOP_FIRST:
                        note_passed_stop(state, child, row, level)
                    elif allows(child, level):
                        child.doubted = state.account.group if by_stop else NONE
                        _insert(state, slot, row, start, IN_RANGE, level)
                    else:
                        child.acts = LIMIT
        slot = child.next_sibling
        if slot == first:
            break
