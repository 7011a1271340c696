"""Fills at bars whose path is unknown, and what the other path would have been worth.

A fill inside a bar's range is ambiguous where the range allowed another choice:

    one of a bracket's exits, or of a group    another of them was due in the same range, on the other side of the
                                               open (or of another asset): nobody knows which level came first
    the stop of a stop entry                   the entry's bar reached it, before the entry or after

`execution.ambiguous` chooses. `stop_first` takes the stop of an exit, and the stop of a stop entry fills in its
bar; `target_first` takes the target, and that stop waits for the next bar. So where the bar of a stop entry
reaches both, one of them ends it there, the stop or the target. Entries of one group fill as they were submitted,
either way.

`ambiguous_fills` counts those fills. `ambiguous_pnl` adds up what the opposite choice would have gained more, in the
account's currency: for each of them what the other orders would have gained from their fill to the close of the bar,
less what this fill gains, slippage and commission included. So final equity plus `ambiguous_pnl` is the result under
the opposite choice, exact as long as nothing that follows depends on it. Sizes by equity, re-entries and a position
that goes on do: the trial with the other `execution.ambiguous` is the opposite choice with all its consequences.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import IN_RANGE, LIMIT, WORKING
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.fills.costs import commission_due
from backsweep.engine.fills.sizes import fillable, price_paid
from backsweep.engine.orders.triggers import waits_below
from backsweep.engine.slots import remaining
from backsweep.engine.state import State


@kernel
def count_ambiguous_fill(state: State, order: Any, row: int, quantity: float, price: float, following: int) -> None:
    """Count a fill at market price `price`, about to be entered, if the candidates that follow hold another choice."""
    cursor = state.cursor
    counters = state.counters
    is_ambiguous = order.ambiguous_group == cursor.group
    share = quantity / remaining(order)
    left = quantity
    otherwise = 0.0
    for index in range(following, cursor.candidates):
        candidate = record_at(state.candidates, index)
        other = record_at(state.orders, candidate.slot)
        if left != 0.0 and candidate.phase == IN_RANGE and other.status == WORKING and excludes(order, other):
            if other.parent != 0 and other.parent == order.parent:
                spared = abs(remaining(other)) - abs(quantity - left)  # each shrinks by what the others fill
                units = np.copysign(max(min(spared, abs(left)), 0.0), quantity)
                left -= units
            else:
                units = remaining(other) * share
                left = 0.0
            otherwise += _gain(state, other, candidate.row, units, candidate.price)
    if left == quantity and not is_ambiguous:
        return
    if left != 0.0 and not is_ambiguous:
        otherwise += _gain(state, order, row, left, price)
    counters.ambiguous_fills += 1
    counters.ambiguous_pnl += otherwise - _gain(state, order, row, quantity, price)


@kernel
def count_deferred_stop(state: State, child: Any, row: int, price: float) -> None:
    """Count the entry whose stop could have filled at `price` in the same bar, but waits for the next."""
    units = remaining(child)
    if state.rules.volume_share > 0.0:
        units = fillable(state, child, row, units)
    if units != 0.0:
        state.counters.ambiguous_fills += 1
        state.counters.ambiguous_pnl += _gain(state, child, row, units, price)


@kernel
def excludes(order: Any, other: Any) -> bool:
    """Return whether the fill of one order reduces the other, which the range may have reached first."""
    siblings = order.parent != 0 and order.parent == other.parent
    group = order.oca_group != 0 and order.oca_group == other.oca_group
    return (siblings or group) and (order.asset != other.asset or waits_below(order) != waits_below(other))


@kernel
def _gain(state: State, order: Any, row: int, units: float, price: float) -> float:
    """Return what `units` of an order, filled in the range at market price `price`, gain to the close of their bar."""
    asset = record_at(state.assets, order.asset)
    paid = price_paid(state, order, row, units, price)
    commission, _ = commission_due(state, asset, order, row, units, paid, order.acts_as == LIMIT)
    return units * (record_at(state.bars, row).close - paid) * asset.multiplier - commission * asset.rate
