"""The full records of one run as frames: fills, trades, equity and orders, under the names that users know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.engine.codes import FILL_REASONS, FLOW_KINDS, ORDER_TYPES, REJECT_REASONS, STATUSES
from backsweep.figures.notebook import to_plotly
from backsweep.metrics.summary import ALL_METRICS, METRICS, REASONS
from backsweep.trial.currencies import balances_of, with_currency
from backsweep.trial.live_records import last_bars, live_orders, name_assets, open_positions
from backsweep.trial.quotes import describe_quotes
from backsweep.trial.recording import Recording
from backsweep.trial.result_display import account_chart, result_card
from backsweep.trial.run_warnings import warnings_of_records
from backsweep.trial.runner import Runner
from backsweep.trial.summaries import Curves, new_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from plotly.graph_objects import Figure as PlotlyFigure


@dataclass(frozen=True, eq=False)
class Result:
    """What one parameter set did.

    Attributes
    ----------
    metrics : every metric by name, None where undefined; `reasons` says why.
    fills, trades, equity, orders, cash_flows : frames; times are UTC (without a zone as written), money in account
        currency, `entry_<signal>` and `exit_<signal>` what the strategy had last seen when the fill happened. A cash
        flow is what came (or, negative, went) without a fill: `timestamp, asset, kind, quantity` held, `amount`; its
        kind is dividend, interest (of the whole account: no asset), borrow_fee, short_credit, funding or conversion.
        `limit_price` and `stop_price` of orders are those submitted, `last_price` the asset's close at that time.
        With several currencies there are more columns: `trial.currencies`. Of a combination `part` names whose it is.
    returns : float64[sessions of the run], net returns.
    notes : what users should know of the data; see `dataset.Shard`.
    benchmarks : `total_return, volatility, sharpe, max_drawdown` of the benchmark and of all assets bought and held,
        over the sessions of the run; None without a benchmark.
    left : the curves at session ends and the counters that the metrics are computed from.
    positions, live_orders : what the run ended with, as `trial.live_records` has it; an order of the last bar waits
        for the next one.
    last_bars : `asset, last_bar`: when the last bar of each asset ended, UTC.

    """

    metrics: dict[str, float | None]
    reasons: dict[str, str]
    fills: pl.DataFrame
    trades: pl.DataFrame
    equity: pl.DataFrame
    orders: pl.DataFrame
    cash_flows: pl.DataFrame
    returns: NDArray[np.float64] = field(repr=False)
    notes: tuple[str, ...] = ()
    benchmarks: pl.DataFrame | None = field(default=None, repr=False)
    left: Curves | None = field(default=None, repr=False)
    positions: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False)
    live_orders: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False)
    last_bars: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is suspicious and no error, a line each: of the data, orders rejected or misplaced, no trades."""
        return (*self.notes, *map(str, warnings_of_records(self.orders, self.metrics["trades"])))

    def plot(self) -> PlotlyFigure:
        """Return equity, drawdown and exposure at every timestamp as a Plotly figure."""
        return to_plotly(account_chart(self.equity, self.metrics))

    def _repr_html_(self) -> str:
        """Return the metrics with the error of the Sharpe ratio, and the warnings, as notebooks show them."""
        return result_card(self.metrics, self.reasons, self.warnings)


def read_result(recording: Recording) -> Result:
    """Read the records that a recorded run left in its runner's tables."""
    runner, sessions = recording.runner, recording.sessions
    fills_before, trades_before, orders_before, flows_before = recording.skipped
    market, tables, cursor = runner.market, runner.tables, runner.tables.cursor[0]
    values, reasons = new_metrics(1, len(METRICS if market.benchmark is None else ALL_METRICS))
    left = runner.summarise(values[0], reasons[0], sessions)
    settings, currency_of = runner.settings.account, tables.assets["currency"]

    def named_frame(log: NDArray[Any]) -> pl.DataFrame:
        return name_assets(_frame(log), runner.traded.assets, runner.parts)

    log = tables.fill_log[fills_before : cursor.fills_logged]
    fills = with_currency(named_frame(log), settings, currency_of[log["asset"]]).with_columns(
        _time("timestamp"), _name("reason", FILL_REASONS)
    )
    orders = named_frame(tables.order_log[orders_before : cursor.orders_logged]).sort("order_id")
    orders = orders.with_columns(
        pl.col("parent_id").replace(0, None),
        _name("order_type", ORDER_TYPES),
        _name("status", STATUSES),
        _name("reject_reason", REJECT_REASONS),
        _time("submitted"),
        pl.col("limit_price", "stop_price", "last_price").fill_nan(None),
        _time("closed").replace(pl.from_epoch(pl.lit(0), time_unit="ns"), None),
    )
    log = tables.flow_log[flows_before : cursor.flows_logged]
    flows = with_currency(named_frame(log), settings, log["currency"]).with_columns(
        _time("timestamp"), _name("kind", FLOW_KINDS)
    )
    groups = runner.groups(sessions)
    equity = _equity(tables.equity_log[groups], tables.counters[0].initial_equity)
    equity = equity.with_columns(**balances_of(tables.balance_log, settings, groups))
    trades = _trades(runner, trades_before)
    frames = (fills, trades, equity, orders, flows)
    positions, live = (read(tables, runner.traded.assets, runner.parts) for read in (open_positions, live_orders))
    return Result(
        *named(values[0], reasons[0]),
        *frames,
        left.returns,
        (*market.notes, *describe_quotes(market.signals, runner.settings.execution, runner.settings.costs)),
        left=left,
        positions=positions,
        live_orders=live,
        last_bars=last_bars(market, groups),
    )


def named(values: NDArray[np.float64], reasons: NDArray[np.uint8]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Return metrics by name, None where undefined, and the reasons of those that are."""
    names = ALL_METRICS[: len(values)]
    metrics = {name: None if np.isnan(value) else float(value) for name, value in zip(names, values, strict=True)}
    return metrics, {name: REASONS[code] for name, code in zip(names, reasons, strict=True) if code}


def drawdown(initial: float) -> pl.Expr:
    """Return the column of drawdowns of `equity`, whose first peak is `initial`."""
    peak = pl.max_horizontal(pl.col("equity").cum_max(), pl.lit(float(initial)))
    return (1.0 - pl.col("equity") / peak).alias("drawdown")


def _trades(runner: Runner, before: int) -> pl.DataFrame:
    market = runner.market
    log = runner.tables.trade_log[before : runner.tables.cursor[0].trades_logged]
    currency = runner.tables.assets["currency"][log["asset"]]
    named_log = name_assets(_frame(log), runner.traded.assets, runner.parts)
    trades = with_currency(named_log, runner.settings.account, currency).with_columns(
        _time("entry_timestamp"),
        _time("exit_timestamp"),
        _name("exit_reason", FILL_REASONS),
        pl.col("max_favourable", "max_adverse").fill_nan(None),
    )
    seen = []
    columns = {**market.signals, **runner.feature_columns()}
    group_of = np.repeat(np.arange(len(market.groups)), market.groups["count"])
    last_row = _bar_before(market.codes)
    for moment in ("entry", "exit"):
        rows = log[f"{moment}_row"] // max(1, len(runner.parts))
        seen += [pl.Series(f"{moment}_{name}", _take(values, last_row[rows])) for name, values in columns.items()]
        groups = group_of[rows] - 1
        seen += [pl.Series(f"{moment}_{name}", _take(values, groups)) for name, values in market.context.items()]
    return trades.drop("entry_row", "exit_row").with_columns(seen)


def _bar_before(assets: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return for each row the row of the same asset's bar before it, -1 for its first."""
    order = np.argsort(assets, kind="stable")
    before = np.full(len(assets), -1, np.int64)
    same = assets[order][1:] == assets[order][:-1]
    before[order[1:][same]] = order[:-1][same]
    return before


def _take(values: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan)


def _equity(log: NDArray[Any], initial: float) -> pl.DataFrame:
    frame = _frame(log).with_columns(_time("timestamp"))
    return frame.with_columns(drawdown(initial)).select("timestamp", "cash", "equity", "drawdown", "exposure")


def _frame(log: NDArray[Any]) -> pl.DataFrame:
    return pl.DataFrame({name: np.ascontiguousarray(log[name]) for name in log.dtype.names or ()})


def _time(name: str) -> pl.Expr:
    return pl.from_epoch(pl.col(name), time_unit="ns").alias(name)


def _name(name: str, names: Sequence[str]) -> pl.Expr:
    return pl.col(name).replace_strict(dict(enumerate(names)), default=None, return_dtype=pl.String)
