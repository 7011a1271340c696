"""How working orders meet a bar: which fill, in which order, at which price.

Everything that a timestamp's bars would fill is collected first, sorted, and then filled one by one:

    phase    what the open decides comes before what the range decides
    rank     exits by the strategy, then protective stops, then other exits, then entries; inside the range other
             exits come before protective stops where `execution.ambiguous` is `target_first`
    id       order of submission

What fills at a close comes after that, by the same ranks, when positions have been marked to it: `match_close`.
Under some profiles market orders have one rank, whether they exit or enter, or all orders have.

A gap fills at the open, for stops and for targets. If a stop and a target are both inside the range, the stop is
taken, and the fill is counted as ambiguous (`ambiguity`), but where finer bars say what comes first: `finer_bars`. What
children meet of the bar that fills their parent: `entry_bar`.
Where volume bounds what fills, an order fills in parts: `sizes`. With quotes an order meets those of its side in the
place of the bar: `orders.quotes`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.ledger import apply_fill
from backsweep.engine.account.limits import check_halt
from backsweep.engine.account.margin import check_fill
from backsweep.engine.codes import (
    AT_CLOSE,
    AT_OPEN,
    EXPIRED,
    FOK,
    IN_RANGE,
    IOC,
    LIMIT,
    MARKET,
    MARKET_ON_CLOSE,
    NEVER,
    NO_REASON,
    NONE,
    OPEN_DECIDES,
    REJECTED,
    STOP,
    STOP_FIRST,
    STOP_LIMIT,
    TRAILING_STOP,
    WORKING,
)
from backsweep.engine.compile.kernel import kernel, large_kernel, record_at
from backsweep.engine.fills.ambiguity import count_ambiguous_fill, count_deferred_stop, excludes
from backsweep.engine.fills.candidates import OTHER_EXIT, add_if_filled, insert_candidate
from backsweep.engine.fills.costs import commission_due
from backsweep.engine.fills.entry_bar import meet_entry_bar
from backsweep.engine.fills.finer_bars import OVER, begin_walk, end_moment, needs_finer_bars, next_moment
from backsweep.engine.fills.sizes import count_filled, fillable, price_paid
from backsweep.engine.lots import ROUNDING, in_lots
from backsweep.engine.orders.after_fill import cancel_orphan, update_after_fill
from backsweep.engine.orders.lifecycle import end_unfilled
from backsweep.engine.orders.quotes import price_for_children, range_met, side_close, side_prices
from backsweep.engine.orders.time_in_force import end_group, ends_now
from backsweep.engine.orders.triggers import meet, trigger_price, waits_below
from backsweep.engine.slots import remaining
from backsweep.engine.state import State


@large_kernel
def match_group(state: State, group: Any) -> None:
    """Match every working order with its asset's bar of this timestamp, and fill what the bar fills."""
    state.cursor.candidates = 0
    walks = 0
    for row in range(group.first_row, group.first_row + group.count):
        bar = record_at(state.bars, row)
        book = record_at(state.books, bar.asset)
        low, high = range_met(state, bar, row)
        if (low <= book.reach_low or high >= book.reach_high) and is_traded(state, bar, row):
            if state.sizes.finer_bars > 0 and needs_finer_bars(state, book, bar, row):
                begin_walk(state, row, walks)
                walks += 1
            else:
                _collect_fills(state, book, row, bar.open, bar.high, bar.low)
    if walks > 0:
        _match_finer_bars(state, walks)
    else:
        _execute_candidates(state)
        _narrow_reach(state)


@kernel
def _match_finer_bars(state: State, walks: int) -> None:
    """Match the orders of some assets with the finer bars of their bars, in order of time.

    What fills at the other bars of this timestamp, collected already, is filled with what fills at the first of them.
    """
    moment = next_moment(state, walks)
    while moment != OVER:
        for index in range(walks):
            walk = record_at(state.walks, index)
            if walk.next < walk.end and record_at(state.finer_bars, walk.next).timestamp == moment:
                finer = record_at(state.finer_bars, walk.next)
                book = record_at(state.books, record_at(state.bars, walk.row).asset)
                book.finer = walk.next
                walk.next += 1
                if finer.low <= book.reach_low or finer.high >= book.reach_high:
                    _collect_fills(state, book, walk.row, finer.open, finer.high, finer.low)
        _execute_candidates(state)
        _narrow_reach(state)
        end_moment(state, walks)
        moment = next_moment(state, walks)


@kernel
def _narrow_reach(state: State) -> None:
    """Note for the assets of the candidates, which have been tried, how far a bar must reach now."""
    for index in range(state.cursor.candidates):
        filled = record_at(state.orders, record_at(state.candidates, index).slot)
        _set_reach(state, record_at(state.books, filled.asset))


@large_kernel
def match_close(state: State, group: Any, after_decision: int) -> None:
    """Fill at this timestamp's closes what fills there; after `on_data`, only the market orders that it asked for."""
    state.cursor.candidates = 0
    for row in range(group.first_row, group.first_row + group.count):
        bar = record_at(state.bars, row)
        slot = record_at(state.books, bar.asset).first_order if is_traded(state, bar, row) else NONE
        while slot != NONE:
            order = record_at(state.orders, slot)
            waits = order.at_close == 0 or (after_decision == 1 and order.type != MARKET)
            waits = waits or (order.type == MARKET_ON_CLOSE and bar.last_of_session == 0)
            if not waits:
                close = side_close(state, order.quantity > 0.0, row) if state.rules.quotes == 1 else bar.close
                phase, price = meet(order, close, close, close, state.rules.limit_fill)
                if not ends_now(state, slot, phase) and phase != NEVER:
                    insert_candidate(state, slot, row, 0, AT_CLOSE, price)
            slot = order.next
    _execute_candidates(state)


@kernel
def _execute_candidates(state: State) -> None:
    index = 0
    while index < state.cursor.candidates:
        index += 1
        _execute(state, record_at(state.candidates, index - 1), index)


@kernel
def is_traded(state: State, bar: Any, row: int) -> bool:
    """Return whether the bar traded: from an asset's first bar with volume on, one without volume did not."""
    return bar.volume > 0.0 or row < record_at(state.assets, bar.asset).volume_from


@kernel
def _collect_fills(state: State, book: Any, row: int, opened: float, high: float, low: float) -> None:
    """Collect the orders of one asset that these prices of the bar at `row` fill, or its quotes where there are any."""
    slot = book.first_order
    while slot != NONE:
        order = record_at(state.orders, slot)
        if order.at_close == 0:
            if state.rules.quotes == 1:
                opened, high, low = side_prices(state, order.quantity > 0.0, row)
            add_if_filled(state, slot, row, opened, high, low, 0)
        slot = order.next
    _set_reach(state, book)


@kernel
def _set_reach(state: State, book: Any) -> None:
    """Note how far a bar must reach to concern an order of one asset: any does that has met none so far."""
    book.reach_low = -np.inf
    book.reach_high = np.inf
    slot = book.first_order
    while slot != NONE:
        order = record_at(state.orders, slot)
        if order.at_close == 0:
            if order.type == TRAILING_STOP or order.rested == 0:
                book.reach_low = np.inf  # every bar may move its mark
            elif waits_below(order):
                book.reach_low = max(book.reach_low, trigger_price(order))
            else:
                book.reach_high = min(book.reach_high, trigger_price(order))
        slot = order.next


@kernel
def _execute(state: State, candidate: Any, following: int) -> None:
    """Fill one candidate if it still can be; what its fill sets to work is considered from index `following` on."""
    order = record_at(state.orders, candidate.slot)
    if order.status != WORKING:
        return
    slot = candidate.slot
    row = candidate.row
    phase = candidate.phase
    price = candidate.price
    if phase == AT_OPEN and candidate.rank == OTHER_EXIT and _stop_decides(state, order, following):
        insert_candidate(state, slot, row, following, IN_RANGE, price)
        return
    if order.reduce_only == 1 and record_at(state.positions, order.asset).quantity * order.quantity >= 0.0:
        cancel_orphan(state, slot)
        return
    asked = quantity = _units_to_fill(state, order)
    if order.ambiguous_group == state.cursor.group and state.rules.ambiguous != STOP_FIRST:
        count_deferred_stop(state, order, row, price)
        return
    if state.rules.volume_share > 0.0:
        quantity = fillable(state, order, row, asked)
        if quantity == 0.0 or (quantity != asked and order.tif == FOK):
            _keep_remainder(state, slot)
            return
    asset = record_at(state.assets, order.asset)
    fill_price = price_paid(state, order, row, quantity, price)
    maker = order.acts_as == LIMIT and (phase == IN_RANGE or order.rested == 1)
    commission, fees = commission_due(state, asset, order, row, quantity, fill_price, maker)
    reason = check_fill(state, order, quantity, fill_price, commission)
    if reason == NO_REASON and state.rules.limits == 1:
        reason = check_halt(state, order, quantity)
    if reason != NO_REASON:
        end_unfilled(state, slot, REJECTED, reason)
        return
    if phase == IN_RANGE and (order.parent != 0 or order.oca_group != 0):
        count_ambiguous_fill(state, order, row, quantity, price, following)
    acted_as = order.acts_as
    slippage = abs(fill_price - price) * abs(quantity) * asset.multiplier
    child = order.first_child if order.filled == 0.0 else NONE
    apply_fill(state, order, row, quantity, fill_price, commission, slippage)
    order.fees = fees
    count_filled(state, order.asset, row, quantity)
    if quantity == asked:
        order.quantity = order.filled
    if state.rules.quotes == 1:
        price = price_for_children(state, order, row, phase, price)
    update_after_fill(state, slot, quantity, price)
    if order.oca_group != 0:
        end_group(state, order, quantity)
    if order.status == WORKING:
        _keep_remainder(state, slot)
    if child != NONE and phase != AT_CLOSE:
        meet_entry_bar(state, order, child, row, phase, price, acted_as, following)


@kernel
def _stop_decides(state: State, order: Any, following: int) -> bool:
    """Return whether, under this profile, a stop among the candidates that follow decides what becomes of a target."""
    if state.rules.target_at_open == OPEN_DECIDES:
        return False
    for index in range(following, state.cursor.candidates):
        candidate = record_at(state.candidates, index)
        other = record_at(state.orders, candidate.slot)
        if candidate.phase == IN_RANGE and other.status == WORKING and other.acts_as == STOP and excludes(order, other):
            return True
    return False


@kernel
def _keep_remainder(state: State, slot: int) -> None:
    """Keep an order working for what its bar's volume did not fill, or expire it if it is IOC or FOK."""
    order = record_at(state.orders, slot)
    if order.tif >= IOC:
        end_unfilled(state, slot, EXPIRED, NO_REASON)
        return
    order.rested = 1
    if order.acts_as == STOP:
        order.acts_as = LIMIT if order.type == STOP_LIMIT else MARKET
        record_at(state.books, order.asset).reach_low = np.inf


@kernel
def _units_to_fill(state: State, order: Any) -> float:
    """Return the signed units that an order has left: whole lots, and no more than is held if it can only reduce.

    One that closes the position but for rounding closes it: 0.3 sells what three times 0.1 bought.
    """
    held = record_at(state.positions, order.asset).quantity
    left = in_lots(remaining(order), record_at(state.assets, order.asset).lot, abs(order.quantity))
    if held * left < 0.0:
        too_much = order.reduce_only == 1 and abs(left) > abs(held)
        if too_much or abs(left + held) <= ROUNDING * max(abs(held), abs(order.quantity)):
            order.quantity = order.filled - held
            return -held
    return left
