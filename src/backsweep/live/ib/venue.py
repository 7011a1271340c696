"""A strategy's broker at Interactive Brokers.

Requests of one `on_data` are collected and sent when it returns, as in a backtest, so that a parent and its children
reach the broker together. The broker's state is read when the strategy asks: positions, account values and order
states are those that `ib_async` keeps up to date. Exits that a bracket brought follow the position: when something else
closed or reduced it, they are cancelled or reduced at the next bars.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import copysign, isnan
from typing import TYPE_CHECKING

import polars as pl
from ib_async import OrderStatus

from backsweep.broker import NAN, Order, Position
from backsweep.engine.codes import (
    BAD_ASSET,
    BAD_PRICE,
    BAD_QUANTITY,
    BAD_TYPE,
    BY_STRATEGY,
    CANCELLED,
    FILLED,
    GTC,
    HELD,
    LIMIT,
    MARKET,
    MARKET_ON_CLOSE,
    NO_REASON,
    PARENT_CLOSED,
    POSITION_CLOSED,
    REJECTED,
    REQUESTED,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    UNKNOWN,
    WORKING,
)
from backsweep.engine.lots import in_lots, lots_above, units_for, whole_lots, whole_order
from backsweep.errors import BadInput
from backsweep.live.ib.orders import ENDED, ORDER_TYPES, Request, make_order, set_prices

if TYPE_CHECKING:
    from ib_async import IB, Contract, Trade

    from backsweep.live.protocol import StrategyBroker
    from backsweep.live.timestep import Timestep

FILLS: dict[str, pl.DataType] = {
    "order_id": pl.Int64(),
    "timestamp": pl.Datetime("ns", "UTC"),
    "asset": pl.String(),
    "quantity": pl.Float64(),
    "price": pl.Float64(),
    "commission": pl.Float64(),
}


class InteractiveBrokers:
    """A venue, and the broker that its strategy sees; the methods are those of `backsweep.broker.Broker`.

    Parameters
    ----------
    ib : connected. contracts : by the asset's name; they are qualified here.
    lot : orders are rounded towards zero to whole multiples of it.
    account : which of several accounts. reference : written into every order, by which it is recognised.

    """

    def __init__(
        self,
        ib: IB,
        contracts: Mapping[str, Contract],
        *,
        lot: float = 1.0,
        account: str = "",
        reference: str = "backsweep",
    ) -> None:
        self.assets = tuple(sorted(contracts))
        self._ib = ib
        self._contracts = [contracts[name] for name in self.assets]
        ib.qualifyContracts(*self._contracts)
        self._lot, self._account, self._reference = lot, account, reference
        self._requests: dict[int, Request] = {}
        self._trades: dict[int, Trade] = {}
        self._queue: list[Request] = []
        self._flattening: dict[int, int] = {}  # by asset, the latest order of `flatten`
        self._prices = [NAN] * len(self.assets)
        self._bars_held = [0] * len(self.assets)
        self._sides = [0.0] * len(self.assets)

    def step(self, timestep: Timestep, decide: Callable[[StrategyBroker], None]) -> None:
        """Record the closes, adjust the exits, call the strategy, and send what it asked for."""
        rows = timestep.shard.rows
        for asset, close in zip(rows["asset"], rows["close"], strict=True):
            self._prices[asset] = close
            quantity = self._held(asset)[0]
            side = (quantity > 0) - (quantity < 0)
            self._bars_held[asset] = self._bars_held[asset] + 1 if side == self._sides[asset] and side else abs(side)
            self._sides[asset] = side
        self._tend_exits()
        decide(self)
        self._send()

    # What the strategy asks.

    def get_position(self, asset: int) -> Position:
        """Return the position, valued at the latest close that was seen."""
        quantity, cost = self._held(asset)
        if quantity == 0.0:
            return Position(0, 0.0, 0.0, 0.0, 0.0)
        value = quantity * self._prices[asset] * self._multiplier(asset)
        return Position(
            self._bars_held[asset], cost / self._multiplier(asset), value, quantity, value - quantity * cost
        )

    def get_cash(self) -> float:
        """Return the account's cash in its base currency."""
        return self._account_value("TotalCashValue")

    def get_equity(self) -> float:
        """Return the account's net liquidation value."""
        return self._account_value("NetLiquidation")

    def get_buying_power(self) -> float:
        """Return what the broker lets new orders add."""
        return self._account_value("BuyingPower")

    def size_by_risk(self, asset: int, distance: float, risk: float) -> float:
        """Return the units of which a stop so far away loses a fraction of equity."""
        return units_for(risk * self.get_equity(), distance * self._multiplier(asset), self._lot)

    def size_by_volatility(self, asset: int, volatility: float, target: float) -> float:
        """Return the units whose value moves by a fraction of equity, at the latest close."""
        unit = abs(self._prices[asset]) * self._multiplier(asset)
        return units_for(target * self.get_equity(), volatility * unit, self._lot)

    def count_assets(self) -> int:
        """Count the assets of the session."""
        return len(self.assets)

    def count_positions(self) -> int:
        """Count the session's assets that are held."""
        return sum(self._held(asset)[0] != 0.0 for asset in range(len(self.assets)))

    def count_open_orders(self, asset: int) -> int:
        """Count the asset's working orders; children that wait and requests of this call do not count."""
        return sum(
            request.asset == asset and self._status(number) == WORKING for number, request in self._requests.items()
        )

    def get_order(self, order_id: int) -> Order:
        """Return an order as it stands."""
        request = self._requests.get(order_id)
        if request is None:
            return Order(0.0, NAN, 0.0, NO_REASON, UNKNOWN, NAN)
        side = 1.0 if request.quantity > 0.0 else -1.0
        return Order(
            side * self._filled(order_id),
            request.limit_price,
            request.quantity,
            request.reject_reason,
            self._status(order_id),
            request.stop_price,
        )

    def find_child(self, order_id: int, order_type: int) -> int:
        """Return the id of a live child of this type, 0 if there is none."""
        for number, request in self._requests.items():
            if request.parent == order_id and request.order_type == order_type and self._is_live(number):
                return number
        return 0

    # What the strategy asks for.

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
        """Ask for an order; it is sent when `on_data` returns."""
        held = self._held(asset)[0] if 0 <= asset < len(self.assets) else 0.0
        request = Request(
            self._ib.client.getReqId(),
            asset,
            whole_order(quantity, held, self._lot),
            order_type,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            tif,
            good_till,
            parent,
            oca_group,
        )
        return self._enqueue(request)

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
        """Ask for an entry with a protective stop, a target, or both."""
        parent = self.submit_order(asset, quantity, order_type, limit_price, stop_price)
        for kind, price in ((STOP, stop_loss), (LIMIT, take_profit)):
            if not isnan(price):
                limit, stop = (price, NAN) if kind == LIMIT else (NAN, price)
                child = self.submit_order(asset, -quantity, kind, limit, stop, parent=parent)
                self._requests[child].reduces = True
        return parent

    def update_order(
        self,
        order_id: int,
        quantity: float = NAN,
        limit_price: float = NAN,
        stop_price: float = NAN,
        trail_amount: float = NAN,
        trail_percent: float = NAN,
    ) -> bool:
        """Change what is given of a live order; False if it is over, or the quantity changes sides or has filled.

        Children follow their parent's size as in a backtest; the broker lets them work as far as their parent fills.
        """
        request = self._requests.get(order_id)
        if request is None or not self._is_live(order_id):
            return False
        if not isnan(quantity):
            quantity = whole_lots(quantity, self._lot)
            if quantity * request.quantity <= 0.0 or abs(quantity) <= self._filled(order_id):
                return False
            request.quantity, request.sized = quantity, True
        given = {"limit_price": limit_price, "stop_price": stop_price}
        given |= {"trail_amount": trail_amount, "trail_percent": trail_percent}
        for name, value in given.items():
            if not isnan(value):
                setattr(request, name, value)
        self._send_change(request)
        if not isnan(quantity):
            self._plan(request, quantity)
        return True

    def cancel_order(self, order_id: int) -> bool:
        """Cancel a live order and the children that wait for it; False if it is over."""
        return self._cancel(order_id, BY_STRATEGY)

    def close_position(self, asset: int) -> int:
        """Ask for the market order that closes the position; 0 if there is none."""
        return self.order_target_quantity(asset, 0.0)

    def flatten(self, asset: int) -> int:
        """Ask to close the position at the asset's last close of the session; the order's id, 0 without a position."""
        held = self._held(asset)[0]
        working = self._flattening.get(asset, 0)
        if self._is_live(working):
            request = self._requests[working]
            left = abs(request.quantity) - self._filled(working)
            if request.quantity * held < 0.0 and left == abs(held):
                return working
            self._cancel(working, BY_STRATEGY)
        if held == 0.0:
            return 0
        self._flattening[asset] = self.submit_order(asset, -held, MARKET_ON_CLOSE)
        self._requests[self._flattening[asset]].reduces = True
        return self._flattening[asset]

    def order_target_quantity(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the position to `target` units; 0 if that is less than a lot away."""
        held = self._held(asset)[0]
        change = in_lots(target - held, self._lot, abs(target) + abs(held))
        return self.submit_order(asset, change) if whole_order(change, held, self._lot) != 0.0 else 0

    def order_target_value(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the position to a signed value at the latest close."""
        return self.order_target_quantity(asset, target / (self._prices[asset] * self._multiplier(asset)))

    def order_target_percent(self, asset: int, target: float) -> int:
        """Ask for the market order that brings the position to a signed fraction of equity."""
        return self.order_target_value(asset, target * self.get_equity())

    @property
    def fills(self) -> pl.DataFrame:
        """What was executed for this session: the columns of a backtest's fills, as far as the broker reports them."""
        names = {id(contract): name for name, contract in zip(self.assets, self._contracts, strict=True)}
        rows = [
            {
                "order_id": number,
                "timestamp": fill.execution.time,
                "asset": names[id(trade.contract)],
                "quantity": fill.execution.shares * (1.0 if fill.execution.side == "BOT" else -1.0),
                "price": fill.execution.price,
                "commission": fill.commissionReport.commission,
            }
            for number, trade in self._trades.items()
            for fill in trade.fills
        ]
        return pl.DataFrame(rows, schema=FILLS).sort("timestamp", "order_id")

    # How it is done.

    def _enqueue(self, request: Request) -> int:
        """Hold a request until `on_data` returns; one that makes no sense is rejected here."""
        self._requests[request.id] = request
        request.reject_reason = self._find_fault(request)
        if request.reject_reason == NO_REASON:
            self._queue.append(request)
        else:
            request.status = REJECTED
        return request.id

    def _find_fault(self, request: Request) -> int:
        needed = {
            LIMIT: [request.limit_price],
            STOP: [request.stop_price],
            STOP_LIMIT: [request.limit_price, request.stop_price],
            TRAILING_STOP: [
                request.trail_amount if isnan(request.trail_percent) else request.trail_percent,
            ],
        }
        faults = {
            BAD_ASSET: not 0 <= request.asset < len(self.assets),
            BAD_TYPE: request.order_type not in ORDER_TYPES,
            BAD_QUANTITY: isnan(request.quantity) or request.quantity == 0.0,
            BAD_PRICE: any(not price > 0.0 for price in needed.get(request.order_type, [])),
        }
        return next((reason for reason, is_so in faults.items() if is_so), NO_REASON)

    def _send(self) -> None:
        """Send what was asked for, each family of orders together: only its last order is transmitted at once."""
        queue, self._queue = self._queue, []
        queued = {request.id for request in queue if request.status == REQUESTED}
        for request in queue:
            if request.status != REQUESTED:
                continue
            parent = request.parent
            if parent and parent not in queued and not self._is_live(parent):
                if self._status(parent) != FILLED:
                    request.status, request.reject_reason = CANCELLED, PARENT_CLOSED
                    continue
                parent = 0
            head = parent or request.id
            family = [each.id for each in queue if each.status == REQUESTED and head in {each.id, each.parent}]
            order = make_order(
                request,
                parent=parent,
                transmit=request.id == family[-1],
                reference=self._reference,
                account=self._account,
            )
            self._trades[request.id] = self._ib.placeOrder(self._contracts[request.asset], order)

    def _plan(self, request: Request, planned: float) -> None:
        """Resize the children of an order, and theirs, so that each stays the same part of it."""
        before, request.planned = request.planned, planned
        for child in self._requests.values():
            if child.parent == request.id and not child.sized and self._is_live(child.id):
                units = child.planned / before * planned
                child.quantity = copysign(lots_above(abs(units), self._lot), units)
                self._send_change(child)
                self._plan(child, units)

    def _send_change(self, request: Request) -> None:
        """Send the broker what has changed of an order that it knows."""
        trade = self._trades.get(request.id)
        if trade is not None:
            trade.order.totalQuantity = abs(request.quantity)
            set_prices(trade.order, request)
            self._ib.placeOrder(trade.contract, trade.order)

    def _cancel(self, order_id: int, reason: int) -> bool:
        request = self._requests.get(order_id)
        if request is None or not self._is_live(order_id):
            return False
        request.reject_reason = reason
        for number, child in self._requests.items():
            if child.parent == order_id and self._status(number) in {HELD, REQUESTED}:
                self._cancel(number, PARENT_CLOSED)
        if order_id in self._trades:
            self._ib.cancelOrder(self._trades[order_id].order)
        else:
            request.status = CANCELLED
        return True

    def _tend_exits(self) -> None:
        """Resize the exits of brackets to their positions."""
        for number, request in list(self._requests.items()):
            if not request.reduces or self._status(number) != WORKING:
                continue
            held = self._held(request.asset)[0]
            if held * request.quantity >= 0.0:
                self._cancel(number, POSITION_CLOSED)
            elif abs(held) < abs(request.quantity) - (filled := self._filled(number)):
                self.update_order(number, quantity=-held + (filled if request.quantity > 0.0 else -filled))

    def _is_live(self, order_id: int) -> bool:
        return self._status(order_id) in {REQUESTED, HELD, WORKING}

    def _status(self, order_id: int) -> int:
        request = self._requests.get(order_id)
        if request is None:
            return UNKNOWN
        trade = self._trades.get(order_id)
        if trade is None:
            return request.status
        said = trade.orderStatus.status
        if said in ENDED:
            return ENDED[said]
        if said == OrderStatus.PendingCancel:
            return CANCELLED
        return HELD if trade.order.parentId and self._is_live(trade.order.parentId) else WORKING

    def _filled(self, order_id: int) -> float:
        """Return the units that have filled, without a sign."""
        return self._trades[order_id].orderStatus.filled if order_id in self._trades else 0.0

    def _held(self, asset: int) -> tuple[float, float]:
        """Return the units held and the average cost of one, the contract's multiplier included."""
        contract = self._contracts[asset]
        for position in self._ib.positions(self._account):
            if position.contract.conId == contract.conId:
                return float(position.position), float(position.avgCost)
        return 0.0, 0.0

    def _multiplier(self, asset: int) -> float:
        return float(self._contracts[asset].multiplier or 1.0)

    def _account_value(self, tag: str) -> float:
        for value in self._ib.accountValues(self._account):
            if value.tag == tag and value.currency in {"", "BASE"}:
                return float(value.value)
        for value in self._ib.accountValues(self._account):
            if value.tag == tag:
                return float(value.value)
        raise BadInput(
            f"the broker does not report the account's {tag}",
            where=self._account or "the account",
            remedy="connect first, and wait until the account values have arrived",
        )
