"""The engines: each runs thresholds over the same prices, and returns the trades of each.

The strategy is long 100 shares or flat: it buys at the open after a bar whose `pred` is above the threshold, and sells
at the open after one whose `pred` is below its negative. Each trade pays 5 bp commission, and no slippage, which
engines understand in ways of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import backtesting
import numpy as np
import pandas as pd
import polars as pl
import raptorbt
import vectorbt as vbt
from ml4t import backtest as ml4t
from numpy.typing import NDArray

import backsweep as bs
from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.metrics.summary import METRICS
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import SharedEvaluator
from peers.case import CASH, FEE, SHARES, Prices, Trade, bar_of

Run = Callable[[NDArray[np.float64]], object]
Read = Callable[[object, int], list[Trade]]


@dataclass(frozen=True)
class Engine:
    """One engine.

    Attributes
    ----------
    name, package : what it is called, and the distribution whose version is quoted.
    prepare : takes prices and returns what runs thresholds on them; what it does once for all of them is not timed.
    read : takes what a run returned and the number of a threshold, and returns its trades.
    most, bars : how many thresholds are timed, and on how many bars: an engine that calls Python at every bar is not
        given a thousand.

    """

    name: str
    package: str
    prepare: Callable[[Prices], Run]
    read: Read
    most: int = 1_000
    bars: int = 200_000

    @property
    def label(self) -> str:
        """Its name and version."""
        return f"{self.name} {version(self.package)}"


class LongFlat(bs.Strategy):
    """Long or flat by thresholds of `pred`."""

    threshold: float = bs.param(0.0, 9.0, default=2.0)

    def on_data(self, timestamp, data, context, broker):
        bar = data[0]
        if broker.get_position(bar.asset).quantity == 0.0:
            if bar.pred > self.threshold:
                broker.submit_order(bar.asset, SHARES)
        elif bar.pred < -self.threshold:
            broker.close_position(bar.asset)


class Asleep(LongFlat):
    """The same, which says where it has something to decide."""

    def wake(self):
        return bs.above("pred", "threshold")

    def wake_held(self):
        return bs.below("pred", "-threshold")


def ours(cls: type[bs.Strategy]) -> Engine:
    """Return this project's engine, with a strategy that sees every bar or one that sleeps."""
    kept: list[SharedEvaluator] = []

    def prepare(prices: Prices) -> Run:
        spec = TrialSpec(
            data=DataSpec(bars="frame"),
            strategy=cls.__name__,
            account={"cash": CASH, "kind": "cash", "leverage": 1.0, "lot": 1.0},
            costs={"commission": {"kind": "percentage", "rate": FEE}},
            params=("threshold",),
        )
        evaluator = SharedEvaluator(spec, shard_from_frames(prices.frame()), cls)
        kept[:] = [evaluator]
        return lambda values: (values, evaluator.evaluate(Chunk(0, np.arange(len(values)), values[:, None])))

    def read(left: tuple[NDArray[np.float64], object], number: int) -> list[Trade]:
        fills = kept[0].replay(left[0][[number]]).fills.to_dicts()
        counted = left[1].metrics[number].flat[METRICS.index("trades")]
        if counted != len(fills) // 2:
            sys.exit(
                f"a replay has {len(fills) // 2} trades where the trial has {counted:g}: no figure is worth anything"
            )
        pairs = zip(fills[::2], fills[1::2], strict=True)
        return [
            Trade(
                bar_of(a["timestamp"]),
                bar_of(b["timestamp"]),
                a["price"],
                b["price"],
                a["quantity"],
                a["commission"] + b["commission"],
            )
            for a, b in pairs
        ]

    name = "backsweep" if cls is LongFlat else "backsweep, with `wake`"
    return Engine(name, "backsweep", prepare, read)


def vectorbt(engine: str) -> Engine:
    """Return vectorbt with its engine of Numba or Rust; orders fill on the bar of a signal, which is shifted by one."""

    def prepare(prices: Prices) -> Run:
        index = pd.DatetimeIndex(prices.timestamps)
        close = pd.Series(prices.close, index)
        shifted = np.append(0.0, prices.pred[:-1])[:, None]
        opens = prices.open[:, None]

        def run(values: NDArray[np.float64]) -> vbt.Portfolio:
            portfolio = vbt.Portfolio.from_signals(
                close,
                pd.DataFrame(shifted > values, index),
                pd.DataFrame(shifted < -values, index),
                price=np.broadcast_to(opens, (len(opens), len(values))),
                size=SHARES,
                fees=FEE,
                init_cash=CASH,
                engine=engine,
                freq="min",
            )
            portfolio.order_records  # noqa: B018 - is made when asked for
            return portfolio

        return run

    def read(left: vbt.Portfolio, number: int) -> list[Trade]:
        records = left.order_records
        own = records[records["col"] == number]
        return [
            Trade(int(a["idx"]), int(b["idx"]), a["price"], b["price"], a["size"], a["fees"] + b["fees"])
            for a, b in zip(own[::2], own[1::2], strict=True)
        ]

    return Engine(f"vectorbt, {engine}", "vectorbt", prepare, read, most=50)


def raptor() -> Engine:
    """Return RaptorBT, all thresholds in one batch; 15,000 buy one lot of 100 at prices between 75 and 150."""

    def prepare(prices: Prices) -> Run:
        stamps = prices.timestamps.astype("datetime64[ns]").astype(np.int64)
        config = raptorbt.BacktestConfig(initial_capital=CASH, fees=FEE, fill_timing="next_bar_open")
        size = raptorbt.InstrumentConfig(lot_size=SHARES, alloted_capital=15_000.0)
        columns = (prices.open, prices.high, prices.low, prices.close, prices.volume)

        def run(values: NDArray[np.float64]) -> object:
            items = [
                raptorbt.BatchSingleItem(
                    str(number), prices.pred > each, prices.pred < -each, 1, 1.0, "A", instrument_config=size
                )
                for number, each in enumerate(values.tolist())
            ]
            return raptorbt.batch_single_backtest(stamps, *columns, items, config)

        return run

    def read(left: Sequence[tuple[str, raptorbt.BacktestResult]], number: int) -> list[Trade]:
        trades = dict(left)[str(number)].trades()
        return [Trade(t.entry_idx, t.exit_idx, t.entry_price, t.exit_price, t.size, t.fees) for t in trades]

    return Engine("RaptorBT", "raptorbt", prepare, read, most=200)


def backtesting_py() -> Engine:
    """Return backtesting.py, one threshold after another."""

    class Signals(backtesting.Strategy):
        threshold = 2.0

        def init(self) -> None:
            self.pred = self.data.Pred

        def next(self) -> None:
            if not self.position:
                if self.data.Pred[-1] > self.threshold:
                    self.buy(size=int(SHARES))
            elif self.data.Pred[-1] < -self.threshold:
                self.position.close()

    def prepare(prices: Prices) -> Run:
        names = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume", "pred": "Pred"}
        frame = pd.DataFrame(
            {title: getattr(prices, name) for name, title in names.items()}, pd.DatetimeIndex(prices.timestamps)
        )
        backtest = backtesting.Backtest(frame, Signals, cash=CASH, commission=FEE)
        return lambda values: [backtest.run(threshold=each) for each in values.tolist()]

    def read(left: list[pd.Series], number: int) -> list[Trade]:
        rows = pl.from_dicts(left[number]["_trades"][[*COLUMNS]].to_dict("records"))
        return [Trade(*row) for row in rows.select(COLUMNS).iter_rows()]

    return Engine("backtesting.py", "backtesting", prepare, read, most=1, bars=20_000)


COLUMNS = ("EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "Size", "Commission")


def ml4t_backtest() -> Engine:
    """Return ml4t-backtest, one threshold after another."""

    class Signals(ml4t.Strategy):
        def __init__(self, threshold: float) -> None:
            self.threshold = threshold

        def on_data(self, timestamp, data, context, broker):
            pred = data["A"]["signals"]["pred"]
            if broker.get_position("A") is None:
                if pred > self.threshold:
                    broker.submit_order("A", SHARES)
            elif pred < -self.threshold:
                broker.close_position("A")

    def prepare(prices: Prices) -> Run:
        frame = prices.frame()
        bars, signals = frame.drop("pred"), frame.select("timestamp", "asset", "pred")
        config = ml4t.BacktestConfig(
            initial_cash=CASH,
            commission_rate=FEE,
            slippage_rate=0.0,
            execution_mode=ml4t.ExecutionMode.NEXT_BAR,
        )

        def run(values: NDArray[np.float64]) -> object:
            return [
                ml4t.Engine(ml4t.DataFeed(prices_df=bars, signals_df=signals), Signals(each), config).run()
                for each in values.tolist()
            ]

        return run

    def read(left: list[object], number: int) -> list[Trade]:
        return [
            Trade(bar_of(t.entry_time), bar_of(t.exit_time), t.entry_price, t.exit_price, t.quantity, t.fees)
            for t in left[number].trades
        ]

    return Engine("ml4t-backtest", "ml4t-backtest", prepare, read, most=1, bars=20_000)


ENGINES = (
    ours(Asleep),
    ours(LongFlat),
    raptor(),
    vectorbt("numba"),
    vectorbt("rust"),
    backtesting_py(),
    ml4t_backtest(),
)
