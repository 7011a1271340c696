"""A gateway that speaks `ib_async`'s own objects and fills on bars, with the rules of the profile next_open."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace

from ib_async import (
    AccountValue,
    CommissionReport,
    Execution,
    Fill,
    OrderStatus,
    Position,
    Trade,
)


class FakeIB:
    """Stands for `ib_async.IB`: an account that trades against the bars that `play` is given."""

    def __init__(self, contracts, cash=1e6, leverage=2.0):
        self.contracts = dict(sorted(contracts.items()))
        self.client = SimpleNamespace(getReqId=count(1).__next__)
        self.cash, self.leverage = cash, leverage
        self.held = dict.fromkeys(self.contracts, 0.0)
        self.cost = dict.fromkeys(self.contracts, 0.0)
        self.price = dict.fromkeys(self.contracts, 0.0)
        self.book: dict[int, Trade] = {}
        self.placed: list[int] = []  # ids in order of placement, modifications included

    # What the adapter calls.

    def qualifyContracts(self, *contracts):  # noqa: N802 - their name, as the others
        for number, contract in enumerate(contracts, 1):
            contract.conId = number
        return list(contracts)

    def placeOrder(self, contract, order):  # noqa: N802
        self.placed.append(order.orderId)
        if order.orderId in self.book:
            trade = self.book[order.orderId]
            assert not trade.isDone(), "a modification of an order that is over"
            return trade
        assert order.action in {"BUY", "SELL"}
        assert order.totalQuantity > 0
        status = OrderStatus(orderId=order.orderId, status=OrderStatus.PendingSubmit, remaining=order.totalQuantity)
        trade = self.book[order.orderId] = Trade(contract, order, status)
        if order.transmit:
            for each in self._family(order):
                each.orderStatus.status = OrderStatus.PreSubmitted if each.order.parentId else OrderStatus.Submitted
        return trade

    def cancelOrder(self, order):  # noqa: N802
        self._end(self.book[order.orderId], OrderStatus.Cancelled)

    def positions(self, _account=""):
        return [
            Position("DU1", self.contracts[name], quantity, self.cost[name])
            for name, quantity in self.held.items()
            if quantity
        ]

    def accountValues(self, _account=""):  # noqa: N802
        value = {name: quantity * self.price[name] for name, quantity in self.held.items()}
        equity = self.cash + sum(value.values())
        power = self.leverage * equity - sum(abs(each) for each in value.values())
        told = {"TotalCashValue": self.cash, "NetLiquidation": equity, "BuyingPower": power}
        return [AccountValue("DU1", tag, repr(float(number)), "BASE", "") for tag, number in told.items()]

    # What the market does.

    def play(self, moment):
        """Fill what one moment's bars fill: at the open, then in the range, stops before limits."""
        for bar in moment.shard.rows.iter_rows(named=True):
            name = moment.shard.assets[bar["asset"]]
            for trade in self._working(name):
                price = self._at_open(trade.order, bar["open"])
                if price is not None:
                    self._fill(trade, name, price, moment.timestamp)
            for kind in ("STP", "LMT"):
                for trade in self._working(name):
                    price = self._in_range(trade.order, bar) if trade.order.orderType == kind else None
                    if price is not None:
                        self._fill(trade, name, price, moment.timestamp)
            self.price[name] = bar["close"]

    def _working(self, name):
        contract = self.contracts[name]
        mine = [trade for trade in self.book.values() if trade.contract is contract]
        return [trade for trade in mine if trade.orderStatus.status == OrderStatus.Submitted]

    def _at_open(self, order, price):
        buys = order.action == "BUY"
        if order.orderType == "MKT":
            return price
        if order.orderType == "LMT":
            return price if (price <= order.lmtPrice if buys else price >= order.lmtPrice) else None
        return price if (price >= order.auxPrice if buys else price <= order.auxPrice) else None

    def _in_range(self, order, bar):
        buys = order.action == "BUY"
        level = order.lmtPrice if order.orderType == "LMT" else order.auxPrice
        falls = buys == (order.orderType == "LMT")  # a limit to buy and a stop to sell wait for the price to fall
        return level if (bar["low"] <= level if falls else bar["high"] >= level) else None

    def _fill(self, trade, name, price, timestamp):
        if trade.isDone():
            return
        order = trade.order
        units = order.totalQuantity * (1.0 if order.action == "BUY" else -1.0)
        held = self.held[name]
        if held * units >= 0.0:
            self.cost[name] = (abs(held) * self.cost[name] + abs(units) * price) / (abs(held) + abs(units))
        elif abs(units) > abs(held):
            self.cost[name] = price
        self.held[name] = held + units
        self.cash -= units * price
        moment = datetime.fromtimestamp(timestamp / 1e9, UTC)
        execution = Execution(
            orderId=order.orderId,
            side="BOT" if units > 0 else "SLD",
            shares=abs(units),
            price=price,
            time=moment,
        )
        trade.fills.append(Fill(trade.contract, execution, CommissionReport(commission=0.0), moment))
        trade.orderStatus.filled, trade.orderStatus.remaining = abs(units), 0.0
        trade.orderStatus.status = OrderStatus.Filled
        for other in self.book.values():
            if other.order.parentId == order.orderId and not other.isDone():
                other.orderStatus.status = OrderStatus.Submitted
            siblings = order.parentId and other.order.parentId == order.parentId
            group = order.ocaGroup and other.order.ocaGroup == order.ocaGroup
            if other is not trade and (siblings or group):
                self._end(other, OrderStatus.Cancelled)

    def _end(self, trade, status):
        if not trade.isDone():
            trade.orderStatus.status = status
            for other in self.book.values():
                if other.order.parentId == trade.order.orderId:
                    self._end(other, status)

    def _family(self, order):
        head = order.parentId or order.orderId
        return [trade for number, trade in self.book.items() if head in {number, trade.order.parentId}]
