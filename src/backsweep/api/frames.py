"""One backtest on frames in memory: the shortest way from data and a strategy to its records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.errors import StrategyError
from backsweep.strategy import Strategy, to_row
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.data import BenchmarkSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.sweepfile.section import Section
from backsweep.sweepfile.trial import TrialSpec, read_section
from backsweep.trial.evaluate import make_evaluator
from backsweep.trial.result import Result

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    Frame: TypeAlias = pl.DataFrame | pl.LazyFrame | pd.DataFrame

Spec = TypeVar("Spec", bound=Section)


def backtest(
    bars: Frame,
    strategy: Strategy,
    *,
    signals: Frame | None = None,
    context: Frame | None = None,
    actions: Frame | None = None,
    benchmark: Frame | str | None = None,
    detail: Frame | None = None,
    account: AccountSpec | Mapping[str, Any] | None = None,
    execution: ExecutionSpec | Mapping[str, Any] | None = None,
    costs: CostsSpec | Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    prices: Literal["positive", "any"] = "positive",
    compiled: bool = True,
) -> Result:
    """Run one strategy with full records.

    Parameters
    ----------
    bars : timestamp, asset, open, high, low, close, volume; any further numeric column is a signal. Of a pandas frame
        the index counts as columns: its level of times is the timestamp, a level of texts the asset.
    strategy : an instance, such as `Threshold(entry=1.5)`.
    signals : timestamp, asset and any number of numeric columns.
    context : timestamp and any number of numeric columns; the last value at or before a bar holds for it. Rates of
        other currencies come from here, `account={"currency": "USD", "rates": {"EUR": "eurusd"}, ...}`.
    benchmark : what the run is compared with (`alpha`, `beta`, ...): timestamp and close, or the name of an asset.
    detail : finer bars of the same assets (timestamp, asset, open, high, low, close): they decide what comes first
        inside a bar.
    actions : timestamp, asset and any of split, dividend, delisting (`dataset.actions`); may be the bars themselves.
    account, execution, costs : the sweep file's mappings.
    data : keys of the sweep file's `data` section that say how frames are read, such as
        `{"asset": "SPY", "columns": {"open": "Open"}, "timezone": "America/New_York"}`.
    prices : `any` allows prices at or below zero.
    compiled : False runs the same source as plain Python, under a debugger if there is one; the same bits.

    Raises BadData for data that breaks a rule, BadInput for settings, StrategyError for the strategy.

    """
    if not isinstance(strategy, Strategy):
        raise StrategyError(
            "backtest takes an instance of a strategy",
            expected="such as Threshold(entry=1.5)",
            found=repr(strategy)[:100],
            remedy="call the class: Threshold()" if isinstance(strategy, type) else "",
        )
    values = strategy.values()
    declared = read_section(DataSpec, "data", {"bars": "frame", "prices": prices, **(data or {})})
    if benchmark is not None:
        stand_in = {"asset": benchmark} if isinstance(benchmark, str) else {"path": "benchmark"}
        declared = declared.model_copy(update={"benchmark": read_section(BenchmarkSpec, "data.benchmark", stand_in)})
    spec = TrialSpec(
        data=declared,
        strategy=type(strategy).__qualname__,
        account=read_section(AccountSpec, "account", account),
        execution=read_section(ExecutionSpec, "execution", execution),
        costs=read_section(CostsSpec, "costs", costs),
        params=tuple(values),
    )
    frame = None if isinstance(benchmark, str) else benchmark
    rates = spec.account.rate_columns
    shard = shard_from_frames(bars, signals, context, actions, rates, declared, benchmark=frame, detail=detail)
    evaluator = make_evaluator(spec, shard, type(strategy))
    return evaluator.replay(to_row(values, strategy.declared(), values), compiled=compiled)
