"""One parameter set after another on one shard: the place where shard, strategy, engine and metrics meet."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.dataset import Shard, load
from backsweep.dataset.calendar import calendar_of, survey
from backsweep.strategy import fits, load_strategy
from backsweep.trial.code import check_code
from backsweep.trial.evaluator import Evaluator, name_errors
from backsweep.trial.fitted_folds import FittedFolds
from backsweep.trial.fold_features import check_fit, make_features
from backsweep.trial.fold_runner import FoldRunner
from backsweep.trial.folds import divide
from backsweep.trial.hold import held_worth
from backsweep.trial.market import Market, pack
from backsweep.trial.quotes import describe_quotes
from backsweep.trial.recording import ReplayPlan, record
from backsweep.trial.result import Result, read_result
from backsweep.trial.runner import Runner, Settings
from backsweep.trial.sleeves.asset_groups import GroupEvaluator
from backsweep.trial.sleeves.evaluator import SleeveEvaluator
from backsweep.trial.sleeves.replay import BARS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.strategy import Strategy
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.benchmark import Levels
    from backsweep.trial.contract import Chunk, Outcome


def make_evaluator(
    spec: TrialSpec,
    shard: Shard | None = None,
    cls: type[Strategy] | None = None,
    *,
    shards: int | None = None,
    streams: bool = False,
) -> Evaluator:
    """Return the evaluator of an account's mode, for data in memory or else for `spec.data`; raises as it does.

    Sleeves are held as `shards` shards, all of them here. Where it `streams`, those of large data are loaded again for
    every chunk, one shard at a time: what is held does not grow with the data.
    """
    if spec.account.mode == "shared":
        return SharedEvaluator(spec, shard, cls)
    if spec.asset_groups:
        assert shard is None  # noqa: S101 - a shard has no part of assets that do not follow each other
        return make_group_evaluator(spec, cls)
    calendar = survey(spec.data) if shard is None else calendar_of(shard)
    source = None if shard is None else shard.part
    parts = math.ceil(int(calendar.bars.sum()) / BARS)
    if streams and shard is None and parts > 1:
        return SleeveEvaluator(spec, calendar, calendar.divide(parts), cls=cls, streams=True)
    return SleeveEvaluator(spec, calendar, calendar.divide(shards or 1), source=source, cls=cls)


def make_group_evaluator(spec: TrialSpec, cls: type[Strategy] | None = None) -> GroupEvaluator:
    """Return the evaluator of groups of assets, which loads the data of a group when it is first needed."""
    return GroupEvaluator(spec, survey(spec.data), cls=cls)


def load_unless_large(spec: TrialSpec) -> Shard | None:
    """Load the data for `make_evaluator`; None for groups of assets, and for sleeves that are large."""
    if spec.account.mode == "sleeves" and (spec.asset_groups or survey(spec.data).bars.sum() > BARS):
        return None
    return load(spec.data, spec.account.rate_columns)


def load_market(spec: TrialSpec) -> Market:
    """Load the data of `spec` and lay it out for the engine; raises BadInput or BadData."""
    return pack(load(spec.data, spec.account.rate_columns))


class SharedEvaluator(Evaluator):
    """The evaluator of one account that trades every asset; it holds all the data.

    Raises BadInput or BadData where the data cannot be used, StrategyError where the strategy cannot.
    """

    def __init__(self, spec: TrialSpec, data: Market | Shard | None = None, cls: type[Strategy] | None = None) -> None:
        self._cls = cls or load_strategy(spec.strategy)
        self._market = data if isinstance(data, Market) else pack(data or load(spec.data, spec.account.rate_columns))
        check_fit(self._cls, spec)
        dates = self._market.sessions.dates
        segments, end = divide(dates, spec.folds)
        self._options: dict[str, Any] = {
            "params": spec.params,
            "fixed": dict(spec.fixed),
            "features": make_features(self._market, self._cls, segments, end),
        }
        self._settings = Settings(spec.account, spec.execution, spec.costs)
        self._runner = Runner(self._market, self._cls, self._settings, **self._options)
        self._pruning = spec.pruning
        self._folds: dict[range | None, FoldRunner | FittedFolds] = {}
        check_code(spec)
        notes = (*self._market.notes, *describe_quotes(self._market.signals, spec.execution, spec.costs))
        super().__init__(spec, self._cls, self._market.sessions, self._market.assets, notes)

    @property
    def fills(self) -> int:
        """How many fills all trials so far have had."""
        return self._runner.fills

    def prepare(self) -> None:
        """Compile the strategy; raises StrategyError."""
        self._runner.prepare()

    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run a chunk's trials; one that fails leaves its text in `errors` and the others untouched."""
        if chunk.folds not in self._folds:
            self._folds[chunk.folds] = self._run_folds(chunk.folds)
        figures, started = self._new_figures(chunk), time.time()
        errors = self._folds[chunk.folds].run(chunk.values, figures)
        times = np.linspace(started, time.time(), len(chunk.numbers) + 1)  # a trial's own are not known
        return self._build_outcome(chunk, figures, name_errors(chunk, errors), times[:-1], times[1:])

    def _run_folds(self, folds: range | None) -> FoldRunner | FittedFolds:
        if fits(self._cls):
            arguments = (self._market, self._cls, self._settings)
            return FittedFolds(
                self._runner, arguments, self._options, self.info.of(folds), self._plan(folds), self._own
            )
        return FoldRunner(self._runner, self._plan(folds), pruning=self._pruning, own=self._own)

    def benchmarks(self) -> Levels:
        """Return what the benchmark, and all assets bought and held, are worth; nothing without a benchmark."""
        market = self._market
        if market.benchmark is None:
            return {}
        held = held_worth(market, market.actions["asset"]) / len(market.assets)
        return {"benchmark": market.benchmark.levels, "buy_and_hold": held}

    def _record(self, values: NDArray[np.float64], plan: ReplayPlan, *, compiled: bool = True) -> Result:
        recorded = record(self._market, self._cls, self._settings, values, plan, compiled=compiled, **self._options)
        return read_result(recorded)
