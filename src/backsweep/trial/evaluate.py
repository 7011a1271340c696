"""One parameter set after another on one shard: the place where shard, strategy, engine and metrics meet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.dataset import Shard, load
from backsweep.dataset.calendar import calendar_of, survey
from backsweep.errors import BacksweepError
from backsweep.metrics.summary import METRICS
from backsweep.strategy import load_strategy
from backsweep.trial.code import check_code
from backsweep.trial.contract import Chunk, DataInfo, Outcome
from backsweep.trial.features import Features
from backsweep.trial.fold_runner import FoldRunner
from backsweep.trial.folds import TEST, holdout_start, make_segments
from backsweep.trial.market import Market, pack
from backsweep.trial.recording import Stretch, record
from backsweep.trial.result import Result, read_result
from backsweep.trial.runner import PrunedRun, Runner, Settings
from backsweep.trial.sleeves.evaluator import DividedEvaluator
from backsweep.trial.summaries import new_metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.strategy import Strategy
    from backsweep.sweepfile.trial import TrialSpec


def make_evaluator(
    spec: TrialSpec, shard: Shard | None = None, cls: type[Strategy] | None = None, *, shards: int | None = None
) -> Evaluator | DividedEvaluator:
    """Give the evaluator of an account's mode, for data in memory or else for `spec.data`; raises as it does.

    Sleeves are held as `shards` shards, all of them here.
    """
    if spec.account.mode == "shared":
        return Evaluator(spec, shard, cls)
    calendar = survey(spec.data) if shard is None else calendar_of(shard)
    source = None if shard is None else shard.part
    return DividedEvaluator(spec, calendar, calendar.divide(shards or 1), source=source, cls=cls)


def load_market(spec: TrialSpec) -> Market:
    """Load the data of `spec` and lay it out for the engine; raises BadInput or BadData."""
    return pack(load(spec.data, spec.account.rate_columns))


class Evaluator:
    """Holds a shard and a strategy and turns values into metrics; one account trades every asset.

    Raises BadInput or BadData where the data cannot be used, StrategyError where the strategy cannot.
    """

    def __init__(self, spec: TrialSpec, data: Market | Shard | None = None, cls: type[Strategy] | None = None) -> None:
        self._cls = cls or load_strategy(spec.strategy)
        self._market = data if isinstance(data, Market) else pack(data or load(spec.data, spec.account.rate_columns))
        self._features = Features(self._market)
        self._options: dict[str, Any] = {
            "params": spec.params,
            "fixed": dict(spec.fixed),
            "features": self._features,
        }
        self._settings = Settings(spec.account, spec.execution, spec.costs)
        self._runner = Runner(self._market, self._cls, self._settings, **self._options)
        check_code(spec)
        ends = self._market.session_ends
        segments = make_segments(ends, spec.folds) if spec.folds else ()
        self.info = DataInfo(ends, self._market.assets, segments, self._market.notes)
        self._flat = spec.folds is not None and spec.folds.state == "flat"
        self._pruning = spec.pruning
        self.holdout = range(holdout_start(ends, spec.folds) if spec.folds else len(ends), len(ends))

    @property
    def fills(self) -> int:
        """How many fills all its trials so far have had."""
        return self._runner.fills

    def prepare(self) -> None:
        """Compile the strategy now, so that what does not compile is one StrategyError and not one for each trial."""
        self._runner.prepare()

    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run a chunk's trials; one that fails leaves its text in `errors` and the others untouched."""
        count = len(chunk.numbers)
        metrics, reasons = new_metrics(count)
        info = self.info.of(chunk.folds)
        segments = info.segments
        folds = FoldRunner(self._runner, segments, flat=self._flat, pruning=self._pruning) if segments else None
        cuts = np.full((count, len(info.segments), len(METRICS)), np.nan)
        cut_reasons = np.zeros(cuts.shape, np.uint8)
        returns = np.full((count, info.width), np.nan, np.float32)
        times = np.zeros((2, count))
        errors: dict[int, str] = {}
        for row in range(count):
            times[0, row] = time.time()
            try:
                if folds:
                    folds.run(chunk.values[row], cuts[row], cut_reasons[row], returns[row])
                    metrics[row], reasons[row] = folds.summary(cuts[row], cut_reasons[row])
                else:
                    self._run(chunk.values[row], metrics[row], reasons[row], returns[row])
            except BacksweepError as error:
                errors[int(chunk.numbers[row])] = str(error)
                cuts[row], cut_reasons[row], returns[row] = np.nan, 0, np.nan
            times[1, row] = time.time()
        return Outcome(
            batch=chunk.batch,
            numbers=chunk.numbers,
            metrics=metrics,
            reasons=reasons,
            returns=returns,
            errors=errors,
            started=times[0],
            completed=times[1],
            segments=cuts,
            segment_reasons=cut_reasons,
            folds=chunk.folds,
        )

    def _run(
        self,
        values: NDArray[np.float64],
        metrics: NDArray[np.float64],
        reasons: NDArray[np.uint8],
        returns: NDArray[np.float32],
    ) -> None:
        self._runner.take(values)
        try:
            self._runner.go(0, len(returns), watch=self._pruning)
        except PrunedRun as run:
            run.write(metrics, reasons)
            return
        scratch = np.zeros(len(returns))
        self._runner.summarise(metrics, reasons, scratch)
        returns[:] = scratch

    def replay(self, values: NDArray[np.float64], *, compiled: bool = True) -> Result:
        """Run one trial again over all the data before the holdout with full records, compiled or not the same bits."""
        return self._record(values, Stretch(0, 0, self.holdout.start), compiled=compiled)

    def replay_holdout(self, values: NDArray[np.float64]) -> Result:
        """Run one trial on the holdout, from a fresh account, with full records."""
        return self._record(values, Stretch(self.holdout.start, self.holdout.start, self.holdout.stop, flat=self._flat))

    def replay_test(self, values: NDArray[np.float64], fold: int) -> list[Result]:
        """Run one trial again on a fold's test with full records: a result for each of its pieces, mostly one.

        As in `FoldRunner` each is a run by itself, or cut out of one that began with the first test.
        """
        tests = [segment for segment in self.info.segments if segment.name == TEST]
        runs = next(segment.runs for segment in tests if segment.fold == fold)
        starts = [first if self._flat else tests[0].first for first, _ in runs]
        stretches = [Stretch(start, *run, flat=self._flat) for start, run in zip(starts, runs, strict=True)]
        return [self._record(values, stretch) for stretch in stretches]

    def _record(self, values: NDArray[np.float64], stretch: Stretch, *, compiled: bool = True) -> Result:
        recorded = record(self._market, self._cls, self._settings, values, stretch, compiled=compiled, **self._options)
        return read_result(recorded)
