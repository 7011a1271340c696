"""Buying power when an order is accepted, cash when it fills. Numbers in, codes out.

Initial margin is required when an order is accepted: its exposure, at one over the account's leverage or at the
asset's own rate, must be covered by equity that positions and working orders do not use. In exposure, as a strategy
sees it: an asset whose rate is twice that of the account uses twice its value.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.account.ledger import margin_weight, value_account
from backsweep.engine.codes import (
    BUYING_POWER,
    CASH,
    INSUFFICIENT_CASH,
    MARGIN,
    MARKET,
    NO_REASON,
    NONE,
    NOT_SHORTABLE,
    SHORT_SALE,
    UNSETTLED,
)
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.lots import ROUNDING, in_lots
from backsweep.engine.slots import remaining
from backsweep.engine.state import State


@kernel
def exposure_added(state: State, order: Any, price: float) -> float:
    """Return the exposure that the order would add when filled at `price`; negative where it is sure to reduce.

    Only a market order is sure to fill, so only a market order can make room for orders after it.
    """
    if order.reduce_only == 1 and order.acts_as != MARKET:
        return 0.0
    before = record_at(state.positions, order.asset).quantity + pending_units(state, order.asset, order.id)
    added = (abs(before + order.quantity - order.filled) - abs(before)) * abs(price)
    if order.acts_as != MARKET and added < 0.0:
        return 0.0
    return added * record_at(state.assets, order.asset).multiplier * margin_weight(state, order.asset)


@kernel
def pending_units(state: State, asset: int, but: int) -> float:
    """Return the signed units left of an asset's working market orders, except the order with id `but`."""
    units = 0.0
    slot = record_at(state.books, asset).first_order
    while slot != NONE:
        other = record_at(state.orders, slot)
        if other.acts_as == MARKET and other.id != but:
            units += remaining(other)
        slot = other.next
    return units


@kernel
def units_kept(state: State, asset: int, but: int) -> float:
    """Return the units, without a sign, that no working market order but that with id `but` will close."""
    held = record_at(state.positions, asset).quantity
    if held == 0.0:
        return 0.0
    pending = pending_units(state, asset, but)
    after = in_lots(held + pending, record_at(state.assets, asset).lot, abs(held) + abs(pending))
    return min(abs(held), abs(after)) if after * held > 0.0 else 0.0


@kernel
def reduces(state: State, order: Any) -> bool:
    """Return whether all that a market order has left closes units that are held and that no other will close."""
    held = record_at(state.positions, order.asset).quantity
    left = remaining(order)
    if held * left >= 0.0:
        return False
    return order.reduce_only == 1 or abs(left) <= units_kept(state, order.asset, order.id) + ROUNDING * abs(held)


@kernel
def buying_power(state: State) -> float:
    """Return the exposure that new orders may still add, in account currency."""
    value_account(state)
    account = state.account
    return state.rules.leverage * account.equity - account.used - account.reserved - account.unsettled


@kernel
def check_order(state: State, order: Any, added: float) -> int:
    """Return the reason to reject an order that would add exposure `added`, or NO_REASON.

    A sale of what is not held is refused here where the account or the asset does not allow it. Whether a cash account
    has the cash shows at the fill.
    """
    if state.rules.kind == CASH or record_at(state.assets, order.asset).shortable == 0:
        held = record_at(state.positions, order.asset).quantity
        if order.reduce_only == 0 and order.quantity < 0.0 and held + order.quantity < -ROUNDING * held:
            return _short_sale(state)
    if state.rules.kind == MARGIN and added > 0.0:
        power = buying_power(state)
        if added > power + ROUNDING * abs(state.account.equity) * state.rules.leverage:
            return BUYING_POWER
    return NO_REASON


@kernel
def _short_sale(state: State) -> int:
    """Return the reason to refuse a short sale: the account's comes before the asset's."""
    return SHORT_SALE if state.rules.kind == CASH else NOT_SHORTABLE


@kernel
def check_fill(state: State, order: Any, quantity: float, price: float, commission: float) -> int:
    """Return the reason to refuse a fill now, or NO_REASON. Exits have already been filled, so their cash counts."""
    asset = record_at(state.assets, order.asset)
    if quantity > 0.0:
        if state.rules.kind == CASH:
            due = quantity * price * asset.multiplier + commission * asset.rate
            if due > state.account.cash * (1.0 + ROUNDING):
                return INSUFFICIENT_CASH
            if due > (state.account.cash - state.account.unsettled) * (1.0 + ROUNDING):
                return UNSETTLED
    elif (state.rules.kind == CASH or asset.shortable == 0) and (
        record_at(state.positions, order.asset).quantity + quantity < 0.0
    ):
        return _short_sale(state)
    return NO_REASON
