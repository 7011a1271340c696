"""The broker that a part of a combination sees: the account's, with positions and orders of its own.

A part numbers the assets as it would alone. In the engine's tables asset a of part p, of so many `parts`, stands at
a x parts + p, so that everything which is one asset's is also one part's: its position, orders, brackets, fills.
"""

from __future__ import annotations

from typing import Any

from backsweep.broker import NAN, Broker, Order, Position
from backsweep.engine.account.ledger import margin_weight, value_account
from backsweep.engine.account.margin import buying_power
from backsweep.engine.codes import GTC, MARKET, NONE
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.compile.views import View, view
from backsweep.engine.lots import units_for
from backsweep.engine.state import State


@kernel
def value_of(state: State, asset: int) -> float:
    """Return the signed value of a position of the engine's tables, in account currency."""
    position = record_at(state.positions, asset)
    if position.quantity == 0.0:
        return 0.0
    return position.quantity * position.last_price * record_at(state.assets, asset).multiplier


@kernel
def used_by(state: State, asset: int) -> float:
    """Return the exposure that a position and its working orders take, in units of the account's margin."""
    used = abs(value_of(state, asset)) * margin_weight(state, asset)
    slot = record_at(state.books, asset).first_order
    while slot != NONE:
        order = record_at(state.orders, slot)
        used += order.reserved
        slot = order.next
    return used


@kernel
def cash_of(state: State, part: int, parts: int, weight: float) -> float:
    """Return a part's equity less the value of its positions."""
    own = others = 0.0
    for asset in range(state.sizes.assets):
        if asset % parts == part:
            own += value_of(state, asset)
        else:
            others += value_of(state, asset)
    return weight * (state.account.cash + others) - (1.0 - weight) * own


@kernel
def buying_power_of(state: State, part: int, parts: int, weight: float) -> float:
    """Return what a part's equity covers beside what the part uses, and no more than the account's buying power."""
    own = others = 0.0
    for asset in range(state.sizes.assets):
        if asset % parts == part:
            own += used_by(state, asset)
        else:
            others += used_by(state, asset)
    power = buying_power(state)
    return min(power, weight * (power + others) - (1.0 - weight) * own)


@view
class PartBroker(View):
    """What a part may ask for; each method is that of `backsweep.broker.Broker`, for the part alone."""

    __slots__ = ("_part", "_parts", "_state", "_weight")
    _part: int
    _parts: int
    _state: Any
    _weight: float

    def _at(self, asset: int) -> int:
        """Return where an asset of the part stands in the engine's tables, -1 for one that there is not."""
        if 0 <= asset < self._state.sizes.assets // self._parts:
            return asset * self._parts + self._part
        return -1

    def get_position(self, asset: int) -> Position:
        """Return the part's position in an asset at this close."""
        return Broker(self._state).get_position(self._at(asset))

    def get_cash(self) -> float:
        """Return what is left of the part's equity beside the value of its positions."""
        return cash_of(self._state, self._part, self._parts, self._weight)

    def get_equity(self) -> float:
        """Return the part's weight times the account's equity."""
        value_account(self._state)
        return self._weight * self._state.account.equity

    def get_buying_power(self) -> float:
        """Return the exposure that the part's equity still covers, and at most what the account's does."""
        return buying_power_of(self._state, self._part, self._parts, self._weight)

    def size_by_risk(self, asset: int, distance: float, risk: float) -> float:
        """Return the units of which a stop `distance` away loses the fraction `risk` of the part's equity."""
        rules = record_at(self._state.assets, self._at(asset))
        return units_for(risk * self.get_equity(), distance * rules.multiplier, rules.lot)

    def size_by_volatility(self, asset: int, volatility: float, target: float) -> float:
        """Return the units whose value moves by the fraction `target` of the part's equity."""
        place = self._at(asset)
        rules = record_at(self._state.assets, place)
        unit = abs(record_at(self._state.positions, place).last_price) * rules.multiplier
        return units_for(target * self.get_equity(), volatility * unit, rules.lot)

    def count_assets(self) -> int:
        """Return how many assets the data have."""
        return self._state.sizes.assets // self._parts

    def count_positions(self) -> int:
        """Return how many assets the part holds."""
        count = 0
        for place in range(self._part, self._state.sizes.assets, self._parts):
            count += 1 if record_at(self._state.positions, place).quantity != 0.0 else 0
        return count

    def count_open_orders(self, asset: int) -> int:
        """Return how many of the part's orders for the asset work."""
        return Broker(self._state).count_open_orders(self._at(asset))

    def submit_order(
        self,
        asset: int,
        quantity: float,
        order_type: int = MARKET,
        limit_price: float = NAN,
        stop_price: float = NAN,
        trail_amount: float = NAN,
        trail_percent: float = NAN,
        tif: int = GTC,
        good_till: int = 0,
        parent: int = 0,
        oca_group: int = 0,
    ) -> int:
        """Ask for an order of the part; no other part's orders are of its groups."""
        return Broker(self._state).submit_order(
            self._at(asset),
            quantity,
            order_type,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            tif,
            good_till,
            parent,
            oca_group * self._parts + self._part if oca_group != 0 else 0,
        )

    def submit_bracket(
        self,
        asset: int,
        quantity: float,
        stop_loss: float = NAN,
        take_profit: float = NAN,
        order_type: int = MARKET,
        limit_price: float = NAN,
        stop_price: float = NAN,
    ) -> int:
        """Ask for an entry of the part with its exits."""
        return Broker(self._state).submit_bracket(
            self._at(asset), quantity, stop_loss, take_profit, order_type, limit_price, stop_price
        )

    def find_child(self, order_id: int, order_type: int) -> int:
        """Return the id of a live child of this type, 0 for none."""
        return Broker(self._state).find_child(order_id, order_type)

    def update_order(
        self,
        order_id: int,
        quantity: float = NAN,
        limit_price: float = NAN,
        stop_price: float = NAN,
        trail_amount: float = NAN,
        trail_percent: float = NAN,
    ) -> bool:
        """Change what is given of a live order."""
        return Broker(self._state).update_order(
            order_id, quantity, limit_price, stop_price, trail_amount, trail_percent
        )

    def cancel_order(self, order_id: int) -> bool:
        """Cancel a live order."""
        return Broker(self._state).cancel_order(order_id)

    def get_order(self, order_id: int) -> Order:
        """Return an order as it stands."""
        return Broker(self._state).get_order(order_id)

    def close_position(self, asset: int) -> int:
        """Ask for the market order that closes the part's position."""
        return Broker(self._state).close_position(self._at(asset))

    def flatten(self, asset: int) -> int:
        """Ask to close the part's position at the asset's last close of the session."""
        return Broker(self._state).flatten(self._at(asset))

    def order_target_quantity(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the part's position to `target` signed units."""
        return Broker(self._state).order_target_quantity(self._at(asset), target)

    def order_target_value(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the part's position to a signed value."""
        return Broker(self._state).order_target_value(self._at(asset), target)

    def order_target_percent(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the part's position to a signed fraction of the part's equity."""
        return Broker(self._state).order_target_value(self._at(asset), target * self.get_equity())


def broker_of_part(part: int, parts: int, weight: float, broker: Any) -> Any:
    """Return how one of so many parts sees a broker."""
    return PartBroker(part, parts, broker._state, weight)  # noqa: SLF001 - both are views of one state
