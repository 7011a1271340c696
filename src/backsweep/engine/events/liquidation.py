"""Maintenance margin: what positions need at a close, and what is closed where equity does not cover it.

At every close each position needs its maintenance rate times the size of its value, less what market orders that
already work will close. Where equity is less than all of that together,

    every order that could add a position is cancelled, and the children that wait for it;
    market orders with the reason `liquidation` reduce positions: the one that needs the most first (of equals, the
    first asset), as far as needed, in lots rounded up, then the next, until equity covers what is left.

Where the account has lost more than its limits allow (`account.limits`), the same is done with all that is held.

They are ordinary orders that fill at the next bar by the profile's rules, at the usual costs; a strategy sees them, and
can neither cancel nor change them. An account without equity closes everything, has no buying power then, and goes on
with what the fills leave.
"""

from __future__ import annotations

import numpy as np

from backsweep.engine.account.ledger import value_account
from backsweep.engine.account.limits import find_halt
from backsweep.engine.account.margin import units_kept
from backsweep.engine.codes import CANCELLED, LIQUIDATION, MARGIN_CALL, MARKET, NO_REASON, NONE
from backsweep.engine.compile.kernel import kernel, large_kernel, record_at
from backsweep.engine.lots import ROUNDING, lots_above
from backsweep.engine.orders.lifecycle import end_unfilled, request_order, start_working
from backsweep.engine.slots import is_live, slot_of
from backsweep.engine.state import State


@large_kernel
def call_margin(state: State) -> None:
    """Check the account at this timestamp's closes, and submit the liquidation orders of a breach."""
    if state.rules.limits == 1:
        reason = find_halt(state)
        if reason != NO_REASON:
            _close_all(state, reason)
            return
    value_account(state)
    sizes = state.sizes
    needed = 0.0
    for asset in range(sizes.assets):
        needed += units_kept(state, asset, 0) * _need(state, asset)
    missing = needed - state.account.equity
    if needed == 0.0 or missing <= ROUNDING * needed:
        return
    _cancel_entries(state, MARGIN_CALL)
    while missing > ROUNDING * needed:
        asset = _neediest(state)
        if asset == NONE:
            return
        missing -= _liquidate(state, asset, missing)


@kernel
def _close_all(state: State, reason: int) -> None:
    """Cancel what could add a position, and submit the orders that close all that no other will."""
    _cancel_entries(state, reason)
    for asset in range(state.sizes.assets):
        units = units_kept(state, asset, 0)
        if units > 0.0:
            _submit(state, asset, units)


@kernel
def _cancel_entries(state: State, reason: int) -> None:
    for slot in range(min(state.cursor.next_id, state.sizes.capacity)):
        order = record_at(state.orders, slot)
        if is_live(order) and order.reduce_only == 0:
            end_unfilled(state, slot, CANCELLED, reason)


@kernel
def _need(state: State, asset: int) -> float:
    """Return what one unit of a position needs, at a price below zero as at one above."""
    rates = record_at(state.assets, asset)
    return abs(record_at(state.positions, asset).last_price) * rates.multiplier * rates.maintenance_margin


@kernel
def _neediest(state: State) -> int:
    """Return the asset whose position needs the most margin, or NONE."""
    found = NONE
    most = 0.0
    for asset in range(state.sizes.assets):
        need = units_kept(state, asset, 0) * _need(state, asset)
        if need > most:
            found = asset
            most = need
    return found


@kernel
def _liquidate(state: State, asset: int, missing: float) -> float:
    """Submit the order that closes as much of a position as is missing, or all of it; return what that releases."""
    need = _need(state, asset)
    kept = units_kept(state, asset, 0)
    units = min(lots_above(missing / need, record_at(state.assets, asset).lot), kept)
    return units * need if _submit(state, asset, units) else missing


@kernel
def _submit(state: State, asset: int, units: float) -> bool:
    """Submit the order that closes so many units of a position; False where there is no room for it."""
    held = record_at(state.positions, asset).quantity
    requests = state.cursor.requests
    order_id = request_order(state, asset, np.copysign(units, -held), MARKET, np.nan, np.nan, 0, 1)
    state.cursor.requests = requests
    if order_id == 0:
        return False
    slot = slot_of(state, order_id)
    record_at(state.orders, slot).fill_reason = LIQUIDATION
    start_working(state, slot)
    return True
