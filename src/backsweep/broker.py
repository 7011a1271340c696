"""The broker interface that a strategy sees, and the positions and orders that it returns.

Nothing here can write to the account: a request becomes an order after `on_data` returns, or is rejected. A live
broker could implement every method. Sizes are signed units (positive buys), prices in quote currency, money in account
currency. Arguments left at NaN are not given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.ledger import value_account
from backsweep.engine.account.margin import buying_power
from backsweep.engine.codes import GTC, LIMIT, MARKET, NONE, STOP, TRAILING_STOP, UNKNOWN
from backsweep.engine.compile.kernel import is_interpreted, kernel, record_at
from backsweep.engine.compile.views import View, view
from backsweep.engine.lots import in_lots, units_for, whole_order
from backsweep.engine.orders.brackets import find_child
from backsweep.engine.orders.flatten import flatten_position
from backsweep.engine.orders.lifecycle import request_order, set_trail
from backsweep.engine.orders.requests import cancel_order, update_order
from backsweep.engine.orders.time_in_force import set_time_in_force
from backsweep.engine.slots import slot_of

NAN = np.nan


@kernel
def _check_asset(state: Any, asset: int) -> None:
    """Refuse an asset that is not there; compiled code does not ask: every bar would cost 3 ns more."""
    if is_interpreted() and not 0 <= asset < state.sizes.assets:
        raise IndexError("no such asset: they go from 0 to broker.count_assets() - 1")


@view
class Position(View):
    """A position as it stands at this close; all zero where there is none."""

    __slots__ = ("bars_held", "entry_price", "market_value", "quantity", "unrealized_pnl")
    bars_held: int
    """Closes of the asset since the entry, this one included."""
    entry_price: float
    """Average price of the open quantity, in the asset's currency; costs do not count."""
    market_value: float
    """Quantity x last close x multiplier, in account currency; negative for a short position."""
    quantity: float
    """Signed units: positive is long."""
    unrealized_pnl: float
    """What the open quantity has gained from its entry price to the last close, costs apart, in account currency."""


@view
class Order(View):
    """An order as it stands."""

    __slots__ = ("filled_quantity", "limit_price", "quantity", "reject_reason", "status", "stop_price")
    filled_quantity: float
    """Signed units that have filled."""
    limit_price: float
    """Price, on its tick; NaN for an order without one."""
    quantity: float
    """Signed units of the whole order, in lots."""
    reject_reason: int
    """A code of `backsweep.engine.codes`, such as SHORT_SALE; NO_REASON unless it was rejected or cancelled."""
    status: int
    """A code of `backsweep.engine.codes`, such as WORKING."""
    stop_price: float
    """Price, on its tick; of a trailing stop its present level; NaN for an order without one."""


@view
class Broker(View):
    """What a strategy may ask for.

    Questions are answered at once, as of this close. Requests are numbered at once, and become orders, or are rejected,
    when `on_data` returns, in the order in which they were made; they meet the market from the next bar of their asset
    on. An asset is a number from 0 to `count_assets() - 1`. Compiled code checks no such number in a question; in
    interpreted code, and so in `backsweep check`, one that there is not raises IndexError.
    """

    __slots__ = ("_state",)
    _state: Any

    def get_position(self, asset: int) -> Position:
        """Return the position in an asset at this close; all its fields are 0 where there is none."""
        _check_asset(self._state, asset)
        position = record_at(self._state.positions, asset)
        multiplier = record_at(self._state.assets, asset).multiplier
        quantity = position.quantity
        if quantity == 0.0:
            return Position(0, 0.0, 0.0, 0.0, 0.0)
        value = quantity * position.last_price * multiplier
        return Position(
            position.bars_held,
            position.entry_price,
            value,
            quantity,
            value - quantity * position.entry_price * multiplier,
        )

    def get_cash(self) -> float:
        """Return the account's cash, in its currency; negative where it is owed.

        Cash in other currencies counts at the rates of this timestamp. What a sale brought and is not settled counts.
        """
        return self._state.account.cash

    def get_equity(self) -> float:
        """Return cash plus the value of all positions at their latest closes, in account currency."""
        value_account(self._state)
        return self._state.account.equity

    def get_buying_power(self) -> float:
        """Return the exposure that new orders may still add, in account currency.

        It is leverage x equity, less what positions and working orders take, less what is not settled. Requests of this
        call of `on_data` do not count yet.
        """
        return buying_power(self._state)

    def size_by_risk(self, asset: int, distance: float, risk: float) -> float:
        """Return the units, without a sign, of which a stop `distance` away loses the fraction `risk` of equity.

            units = risk x equity / (distance x multiplier), rounded down to whole lots

        The multiplier is the asset's, in account currency. What is lost beyond that: costs, and gaps over the stop. The
        result is NaN where the distance is missing or not above 0, and an order for it is rejected; 0 where equity is
        not enough for a lot, or below 0. Buying power is not looked at.

        Parameters
        ----------
        asset
            Number of the asset, as `bar.asset`.
        distance
            From the entry to its stop, a difference of prices above 0, such as `2.0 * bar.atr`.
        risk
            Fraction of equity: 0.01 is 1 %.

        """
        _check_asset(self._state, asset)
        rules = record_at(self._state.assets, asset)
        return units_for(risk * self.get_equity(), distance * rules.multiplier, rules.lot)

    def size_by_volatility(self, asset: int, volatility: float, target: float) -> float:
        """Return the units, without a sign, whose value moves by the fraction `target` of equity.

            units = target x equity / (volatility x close x multiplier), rounded down to whole lots

        `volatility` is the asset's, `target` what its position adds to the account, both as standard deviations of
        returns over the same time: 0.25 and 0.02 for a year. With n positions of correlation 0 the account's is sqrt(n)
        times `target`, at correlation 1 n times. NaN and 0 as in `size_by_risk`.

        Parameters
        ----------
        asset
            Number of the asset, as `bar.asset`.
        volatility
            Standard deviation of the asset's returns, a fraction above 0.
        target
            The same of the account, a fraction of equity.

        """
        _check_asset(self._state, asset)
        rules = record_at(self._state.assets, asset)
        unit = abs(record_at(self._state.positions, asset).last_price) * rules.multiplier
        return units_for(target * self.get_equity(), volatility * unit, rules.lot)

    def count_assets(self) -> int:
        """Return how many assets the data have; they are numbered from 0, in the order of their names."""
        return self._state.sizes.assets

    def count_positions(self) -> int:
        """Return how many assets are held, long or short, at this close."""
        return self._state.cursor.open_positions

    def count_open_orders(self, asset: int) -> int:
        """Return how many of the asset's orders work; orders held for a parent and requests of this call do not."""
        _check_asset(self._state, asset)
        count = 0
        slot = record_at(self._state.books, asset).first_order
        while slot != NONE:
            count += 1
            slot = record_at(self._state.orders, slot).next
        return count

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
        """Ask for an order and return its id, from 1 on.

        Returns 0, and the trial fails with LimitReached, where more orders are alive than the engine's table holds.

        Parameters
        ----------
        asset
            Number of the asset, as `bar.asset`.
        quantity
            Signed units: positive buys. Rounded towards zero to whole lots when the request is accepted.
        order_type
            MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP or MARKET_ON_CLOSE.
        limit_price
            Price of a LIMIT or a STOP_LIMIT, above 0; moved to a tick away from the market.
        stop_price
            Price that sets off a STOP or a STOP_LIMIT, above 0; moved to a tick away from the market.
        trail_amount, trail_percent
            How far a TRAILING_STOP follows: a difference of prices, or a fraction (0.05 is 5 %). One of the two.
        tif
            Time in force: GTC, DAY, GTD, IOC or FOK; a child cannot be IOC or FOK.
        good_till
            Last time of a GTD order, nanoseconds UTC.
        parent
            Id of an order of the same asset and the other sign, whose child this is: it waits until that fills, works
            for as much as has filled, and can only reduce the position. 0: none.
        oca_group
            Any number but 0: when an order of the group fills, the others are cancelled; when it fills in part, they
            lose the same part.

        """
        order_id = request_order(self._state, asset, quantity, order_type, limit_price, stop_price, parent, 0)
        if order_type == TRAILING_STOP:
            set_trail(self._state, order_id, trail_amount, trail_percent)
        set_time_in_force(self._state, order_id, tif, good_till, oca_group)
        return order_id

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
        """Ask for an entry with a protective stop, a target, or both, as its children; return the entry's id.

        `find_child` returns the children's ids, for instance to move the stop with `update_order`.

        Parameters
        ----------
        asset, quantity, order_type, limit_price, stop_price
            The entry, as in `submit_order`.
        stop_loss
            Price of a STOP child of the opposite quantity.
        take_profit
            Price of a LIMIT child of the opposite quantity.

        """
        parent = request_order(self._state, asset, quantity, order_type, limit_price, stop_price, 0, 0)
        if not np.isnan(stop_loss):
            request_order(self._state, asset, -quantity, STOP, NAN, stop_loss, parent, 1)
        if not np.isnan(take_profit):
            request_order(self._state, asset, -quantity, LIMIT, take_profit, NAN, parent, 1)
        return parent

    def find_child(self, order_id: int, order_type: int) -> int:
        """Return the id of a live child of this type (STOP: a bracket's stop, LIMIT: its target), 0 for none."""
        return find_child(self._state, order_id, order_type)

    def update_order(
        self,
        order_id: int,
        quantity: float = NAN,
        limit_price: float = NAN,
        stop_price: float = NAN,
        trail_amount: float = NAN,
        trail_percent: float = NAN,
    ) -> bool:
        """Change what is given of a live order, at once; return False, and change nothing, where that cannot be.

        It cannot be where the order is over or a liquidation, a price is not above 0, a trail is given for another type
        than TRAILING_STOP or a stop price for that type, the quantity has the other sign or is no more than what has
        filled, or the account does not allow it. Children that wait for the order are resized with it; a child that was
        given a size of its own keeps that, as far as its parent fills. What works already for what has filled stays.
        The arguments are those of `submit_order`; `quantity` is the order's whole size.
        """
        return update_order(self._state, order_id, quantity, limit_price, stop_price, trail_amount, trail_percent)

    def cancel_order(self, order_id: int) -> bool:
        """Cancel a live order and the children that wait for it, at once; return False if it is over.

        A liquidation cannot be cancelled either.
        """
        return cancel_order(self._state, order_id)

    def get_order(self, order_id: int) -> Order:
        """Return an order as it stands; its status is UNKNOWN once it is too old to be kept.

        An order that is over is kept until its place in the table is needed for another.
        """
        slot = slot_of(self._state, order_id)
        if slot == NONE:
            return Order(0.0, NAN, 0.0, 0, UNKNOWN, NAN)
        order = record_at(self._state.orders, slot)
        return Order(
            order.filled, order.limit_price, order.quantity, order.reject_reason, order.status, order.stop_price
        )

    def close_position(self, asset: int) -> int:
        """Ask for the market order that closes the position, and never more; return its id, 0 if there is none.

        It closes what is left, also less than a lot. Orders that work already are not counted.
        """
        return self.order_target_quantity(asset, 0.0)

    def flatten(self, asset: int) -> int:
        """Ask to close the position at the asset's last close of the session; return the order's id, 0 without one.

        It is a MARKET_ON_CLOSE order for what is held now, which never sells more than is held then. Asked again, it is
        the same order, or where the position has changed one for the new size in its place. Asked for at the asset's
        last bar of the session, it fills at the last close of the next one: look at `bar.minutes_to_close`. Orders that
        would open a position before that close are the strategy's to cancel.
        """
        _check_asset(self._state, asset)
        return flatten_position(self._state, asset)

    def order_target_quantity(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the position to `target` signed units; return its id.

        Returns 0 if the target is less than a lot away. A target of 0 closes the position, also one of less than a lot.
        Orders that work already are not counted: ask again only when the one before has filled.
        """
        _check_asset(self._state, asset)
        held = record_at(self._state.positions, asset).quantity
        lot = record_at(self._state.assets, asset).lot
        change = in_lots(target - held, lot, abs(target) + abs(held))
        if whole_order(change, held, lot) == 0.0:
            return 0
        reduces = 1 if held * change < 0.0 and held * target >= 0.0 else 0
        return request_order(self._state, asset, change, MARKET, NAN, NAN, 0, reduces)

    def order_target_value(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the position to a signed value at this close, in account currency.

        Returns its id, or 0, as `order_target_quantity`. Any target but 0 is rejected without a close, or at one of
        zero: no quantity has that value.
        """
        if target == 0.0:
            return self.order_target_quantity(asset, 0.0)
        _check_asset(self._state, asset)
        unit = record_at(self._state.positions, asset).last_price * record_at(self._state.assets, asset).multiplier
        return self.order_target_quantity(asset, target / unit if unit != 0.0 else NAN)

    def order_target_percent(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the position to a signed fraction of equity at this close.

        Returns its id, or 0, as `order_target_quantity`.
        """
        return self.order_target_value(asset, target * self.get_equity())
