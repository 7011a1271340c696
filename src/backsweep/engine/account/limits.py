"""The account's limits: what no strategy can go beyond, whatever it asks for.

    positions    how many assets may be held, or be about to be opened
    exposure     multiple of equity that gross exposure may reach when an order is accepted
    daily_loss   fraction of equity at the last session's end that may be lost before trading ends for the session
    drawdown     fraction of the highest equity at a session's end that may be lost before trading ends for good

An order that is sure only to reduce a position is never refused. Any other is judged when it is accepted or enlarged,
and, by what is lost, once more when it fills: at the latest closes, with the fills before it. Positions and orders
count as they do for buying power: market orders that work are sure to fill, so one that closes makes room.
`events.liquidation` closes what is held where too much is lost.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.account.ledger import margin_weight, value_account
from backsweep.engine.account.margin import pending_units, reduces
from backsweep.engine.codes import (
    DAILY_LOSS,
    DRAWDOWN,
    EXPOSURE_LIMIT,
    MARKET,
    NO_REASON,
    NONE,
    POSITIONS_LIMIT,
)
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.lots import ROUNDING, in_lots
from backsweep.engine.state import State


@kernel
def check_limits(state: State, order: Any, added: float) -> int:
    """Return the reason to refuse an order that would add exposure `added`, or NO_REASON."""
    if order.reduce_only == 1 or reduces(state, order):
        return NO_REASON
    reason = find_halt(state)
    if reason != NO_REASON:
        return reason
    if not _has_place(state, order):
        return POSITIONS_LIMIT
    return EXPOSURE_LIMIT if added > 0.0 and _exceeds(state, order, added) else NO_REASON


@kernel
def check_halt(state: State, order: Any, quantity: float) -> int:
    """Return the reason to refuse a fill that does more than reduce a position, or NO_REASON."""
    held = record_at(state.positions, order.asset).quantity
    if order.reduce_only == 1 or (held * quantity < 0.0 and abs(quantity) <= abs(held) * (1.0 + ROUNDING)):
        return NO_REASON
    return find_halt(state)


@kernel
def find_halt(state: State) -> int:
    """Return the limit that what is lost goes beyond, DRAWDOWN or DAILY_LOSS, or NO_REASON.

    Once found it holds: the first for good, the second to the end of the session.
    """
    account, rules = state.account, state.rules
    value_account(state)
    if account.halted != DRAWDOWN:
        if _lost(account.best_equity, account.equity, rules.drawdown):
            account.halted = DRAWDOWN
        elif _lost(account.session_equity, account.equity, rules.daily_loss):
            account.halted = DAILY_LOSS
    return account.halted


@kernel
def _lost(before: float, now: float, limit: float) -> bool:
    """Return whether more than a fraction `limit` is lost; infinity is no limit."""
    return before > 0.0 and before - now > limit * before * (1.0 + ROUNDING)


@kernel
def _has_place(state: State, order: Any) -> bool:
    """Return whether the order is for an asset that counts already, or there is room for one more."""
    if _counts(state, order.asset, order.id):
        return True
    others = 0
    for asset in range(state.sizes.assets):
        others += asset != order.asset and _counts(state, asset, order.id)
    return others < state.rules.most_positions


@kernel
def _counts(state: State, asset: int, but: int) -> bool:
    """Return whether an asset will be held once market orders have filled, or may be by another order than `but`."""
    held = record_at(state.positions, asset).quantity
    pending = pending_units(state, asset, but)
    if in_lots(held + pending, record_at(state.assets, asset).lot, abs(held) + abs(pending)) != 0.0:
        return True
    slot = record_at(state.books, asset).first_order
    while slot != NONE:
        order = record_at(state.orders, slot)
        if order.acts_as != MARKET and order.reduce_only == 0 and order.id != but:
            return True
        slot = order.next
    return False


@kernel
def _exceeds(state: State, order: Any, added: float) -> bool:
    """Return whether gross exposure, with what working orders would add, goes beyond the limit."""
    value_account(state)
    gross = state.account.gross + added / margin_weight(state, order.asset)
    for asset in range(state.sizes.assets):
        weight = margin_weight(state, asset)
        slot = record_at(state.books, asset).first_order
        while slot != NONE:
            other = record_at(state.orders, slot)
            if other.id != order.id:
                gross += other.reserved / weight
            slot = other.next
    return gross > state.rules.most_exposure * max(state.account.equity, 0.0) * (1.0 + ROUNDING)
