"""backtrader: orders reported as they complete, cash checked at the fill (checksubmit=False)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import backtrader as bt
import numpy as np

from sidebyside.fills import Fill
from sidebyside.scenario import (
    CANCEL,
    CLOSE,
    DAYS,
    ENTER,
    KIND,
    LIMIT,
    ORDER,
    QUANTITY,
    STOP,
    STOP_LOSS,
    TAKE_PROFIT,
    TARGET_PERCENT,
    TARGET_VALUE,
    TRAIL,
    Scenario,
    commission_of,
)


def play(scenario: Scenario) -> list[Fill]:
    """Return the fills of backtrader."""
    cerebro = bt.Cerebro(stdstats=False, preload=True, runonce=True)
    broker = cerebro.broker
    broker.setcash(scenario.account["cash"])
    broker.set_checksubmit(False)
    broker.set_coc(scenario.at_close)
    slippage = scenario.costs.get("slippage", {"kind": "none"})
    rules = {"slip_open": True, "slip_limit": False, "slip_match": True, "slip_out": True}
    if slippage["kind"] == "percentage":
        broker.set_slippage_perc(slippage["rate"], **rules)
    elif slippage["kind"] == "fixed":
        broker.set_slippage_fixed(slippage["amount"], **rules)
    for index, asset in enumerate(scenario.assets):
        cerebro.adddata(_Bars(prices=scenario.bars[index], times=scenario.times), name=asset)
        broker.addcommissioninfo(_Commission(costs=scenario.costs, asset=asset), name=asset)
    cerebro.addstrategy(_Intents, scenario=scenario)
    return cerebro.run()[0].fills


class _Bars(bt.feed.DataBase):
    params = (("prices", None), ("times", None))

    def start(self) -> None:
        super().start()
        self.at = 0

    def _load(self) -> bool:
        if self.at == len(self.p.prices):
            return False
        opened, high, low, close = self.p.prices[self.at]
        self.lines.datetime[0] = bt.date2num(self.p.times[self.at])
        self.lines.open[0], self.lines.high[0], self.lines.low[0], self.lines.close[0] = opened, high, low, close
        self.lines.volume[0] = 1e12
        self.at += 1
        return True


class _Commission(bt.CommInfoBase):
    params = (("costs", None), ("asset", ""), ("stocklike", True), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:  # noqa: ARG002 - the peer's
        return commission_of(self.p.costs, self.p.asset, size, price)


def _kind_of(intent: np.ndarray) -> dict[str, Any]:
    """Return the type and the prices of an order."""
    limit, stop = intent[LIMIT], intent[STOP]
    if not np.isnan(intent[TRAIL]):
        return {"exectype": bt.Order.StopTrail, "trailpercent": intent[TRAIL]}
    if not np.isnan(intent[DAYS]):
        valid = timedelta(days=intent[DAYS]) or bt.Order.DAY
        return {"exectype": bt.Order.Limit, "price": limit, "valid": valid}
    if not np.isnan(limit) and not np.isnan(stop):
        return {"exectype": bt.Order.StopLimit, "price": stop, "plimit": limit}
    if not np.isnan(limit):
        return {"exectype": bt.Order.Limit, "price": limit}
    if not np.isnan(stop):
        return {"exectype": bt.Order.Stop, "price": stop}
    return {"exectype": bt.Order.Market}


class _Intents(bt.Strategy):
    params = (("scenario", None),)

    def __init__(self) -> None:
        self.fills: list[Fill] = []
        self.latest: list[bt.Order | None] = [None] * len(self.datas)
        self.working: list[dict[int, bt.Order]] = [{} for _ in self.datas]
        self.numbers = {id(data): number for number, data in enumerate(self.datas)}

    def notify_order(self, order: bt.Order) -> None:
        asset = self.numbers[id(order.data)]
        if order.alive():
            self.working[asset][order.ref] = order
        else:
            self.working[asset].pop(order.ref, None)
        if order.status == order.Completed:
            bits = order.executed.exbits
            bar = self.p.scenario.bar_at(bt.num2date(bits[-1].dt))
            comm = sum(bit.closedcomm + bit.openedcomm for bit in bits)
            self.fills.append(Fill(bar, asset, sum(bit.size for bit in bits), bits[-1].price, comm))

    def next(self) -> None:
        scenario = self.p.scenario
        bar = len(self) - 1
        if not scenario.intents[:, bar, KIND].any():
            return
        for asset in sorted(
            scenario.sequence(bar), key=lambda asset: scenario.exits_first and not self.lowers(asset, bar)
        ):
            if scenario.intents[asset, bar, KIND]:
                self.ask(asset, scenario.intents[asset, bar], scenario.profile)

    def lowers(self, asset: int, bar: int) -> bool:
        """Return whether the intent is a target below the position: it frees cash, so it is submitted first."""
        kind, target = self.p.scenario.intents[asset, bar, :2]
        held = self.getposition(self.datas[asset]).size * self.datas[asset].close[0]
        return kind in {TARGET_PERCENT, TARGET_VALUE} and held > target * (
            self.broker.getvalue() if kind == TARGET_PERCENT else 1.0
        )

    def ask(self, asset: int, intent: np.ndarray, profile: str) -> None:
        data = self.datas[asset]
        kind, quantity = intent[KIND], intent[QUANTITY]
        if kind == ENTER:
            if self.getposition(data).size == 0 and not self.working[asset]:
                self.enter(data, intent, profile)
        elif kind == ORDER:
            self.latest[asset] = self.order(data, quantity, **_kind_of(intent))
        elif kind == CLOSE:
            self.close(data)
        elif kind == CANCEL:
            if self.latest[asset] is not None and self.latest[asset].alive():
                self.cancel(self.latest[asset])
        elif kind == TARGET_PERCENT:
            self.order_target_percent(data, target=quantity)
        elif kind == TARGET_VALUE:
            self.order_target_value(data, target=quantity)

    def order(self, data, quantity: float, **given):
        return (self.buy if quantity > 0.0 else self.sell)(data, size=abs(quantity), **given)

    def enter(self, data, intent: np.ndarray, profile: str) -> None:
        """Submit the exits with the entry, so that they live on its bar; as its children they live a bar later."""
        quantity, stop_loss, take_profit = intent[QUANTITY], intent[STOP_LOSS], intent[TAKE_PROFIT]
        parent = {}
        if profile == "backtrader":
            has_exits = not np.isnan(stop_loss) or not np.isnan(take_profit)
            entry = self.order(data, quantity, transmit=not has_exits, **_kind_of(intent))
            parent = {"parent": entry}
        else:
            self.order(data, quantity, exectype=bt.Order.Market)
        stop = None
        if not np.isnan(stop_loss):
            last = {"transmit": np.isnan(take_profit)} if parent else {}
            stop = self.order(data, -quantity, exectype=bt.Order.Stop, price=stop_loss, **parent, **last)
        if not np.isnan(take_profit):
            group = {} if parent else {"oco": stop}
            self.order(data, -quantity, exectype=bt.Order.Limit, price=take_profit, **parent, **group)
