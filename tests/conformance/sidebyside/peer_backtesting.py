"""backtesting.py, one asset: whole units, one queue of orders, several trades in one position."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from sidebyside.fills import Fill
from sidebyside.scenario import (
    CANCEL,
    CLOSE,
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
    Scenario,
    commission_of,
)


def play(scenario: Scenario) -> list[Fill]:
    """Return the fills of backtesting.py, from its trades: each has one at its entry and one at its exit."""
    names = ("Open", "High", "Low", "Close")
    frame = pd.DataFrame(
        scenario.bars[0], columns=list(names), index=pd.date_range("1980-01-01", periods=scenario.length)
    )

    def commission(quantity: float, price: float) -> float:
        return commission_of(scenario.costs, scenario.assets[0], quantity, price)

    bound = type("Bound", (_Intents,), {"scenario": scenario})
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        stats = Backtest(
            frame,
            bound,
            cash=scenario.account["cash"],
            commission=commission,
            margin=1.0 / scenario.account["leverage"],
            trade_on_close=scenario.at_close,
            finalize_trades=False,
        ).run()
    strategy = stats["_strategy"]
    fills = []
    for trade in strategy.closed_trades:
        paid = commission(trade.size, trade.entry_price)
        fills.append(Fill(trade.entry_bar, 0, float(trade.size), trade.entry_price, paid))
        fills.append(Fill(trade.exit_bar, 0, -float(trade.size), trade.exit_price, trade._commissions - paid))
    fills += [
        Fill(trade.entry_bar, 0, float(trade.size), trade.entry_price, commission(trade.size, trade.entry_price))
        for trade in strategy.trades
    ]
    return sorted(fills, key=lambda fill: fill.bar)


def _given(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


class _Intents(Strategy):
    scenario: Scenario

    def init(self) -> None:
        self.latest = None

    def next(self) -> None:
        intent = self.scenario.intents[0, len(self.data) - 1]
        kind = intent[KIND]
        if kind == ENTER:
            if not self.position and not self.orders:
                self._order(
                    intent[QUANTITY],
                    limit=_given(intent[LIMIT]),
                    stop=_given(intent[STOP]),
                    sl=_given(intent[STOP_LOSS]),
                    tp=_given(intent[TAKE_PROFIT]),
                )
        elif kind == ORDER:
            self.latest = self._order(intent[QUANTITY], limit=_given(intent[LIMIT]), stop=_given(intent[STOP]))
        elif kind == CLOSE:
            self.position.close()
        elif kind == CANCEL:
            if self.latest in self.orders:
                self.latest.cancel()
        elif kind in {TARGET_PERCENT, TARGET_VALUE}:
            value = intent[QUANTITY] * (self.equity if kind == TARGET_PERCENT else 1.0)
            change = int(value / self.data.Close[-1] - self.position.size)
            if change:
                self._order(change)

    def _order(self, quantity: float, **prices: float | None):
        return (self.buy if quantity > 0.0 else self.sell)(size=abs(quantity), **prices)
