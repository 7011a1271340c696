"""What evaluators have in common: what is known of the data, plans of segments, replays, how outcomes are built."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backsweep.strategy import fits
from backsweep.trial.benchmark import tabulate_benchmarks
from backsweep.trial.contract import Chunk, DataInfo, Outcome
from backsweep.trial.fold_features import check_fit
from backsweep.trial.folds import TEST, check_hours, divide, trained_on
from backsweep.trial.own_metrics import OwnMetrics
from backsweep.trial.recording import ReplayPlan
from backsweep.trial.segment_plan import SegmentPlan, plan_segments
from backsweep.trial.session_range import SessionRange
from backsweep.trial.summaries import mean_of_trainings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.dataset.sessions import SessionTable
    from backsweep.strategy import Strategy
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.benchmark import Levels
    from backsweep.trial.result import Result


class Figures(NamedTuple):
    """What the k trials of a chunk come to: float64 and uint8[k, slots, metrics], float32[k, width]."""

    metrics: NDArray[np.float64]
    reasons: NDArray[np.uint8]
    returns: NDArray[np.float32]

    def of(self, rows: slice) -> Figures:
        """Return the figures of some of the trials, in the same memory."""
        return Figures(self.metrics[rows], self.reasons[rows], self.returns[rows])

    def clear(self, row: int) -> None:
        """Make a trial's figures undefined again."""
        self.metrics[row], self.reasons[row], self.returns[row] = np.nan, 0, np.nan


def name_errors(chunk: Chunk, errors: Mapping[int, str]) -> dict[int, str]:
    """Return the texts of errors by the trials' numbers, in their order, from those by their rows in the chunk."""
    return {int(chunk.numbers[row]): errors[row] for row in sorted(errors)}


class Evaluator(ABC):
    """Holds data and a strategy and turns values into metrics.

    Attributes
    ----------
    info : what is known of the data.
    holdout : the sessions that no trial sees.

    """

    def __init__(
        self,
        spec: TrialSpec,
        cls: type[Strategy],
        sessions: SessionTable,
        assets: Sequence[str],
        notes: Sequence[str],
    ) -> None:
        check_fit(cls, spec)
        folds, dates = spec.folds, sessions.dates
        if folds is not None:
            check_hours(folds, intraday=sessions.intraday)
        segments, end = divide(dates, folds)
        known = (sessions.ends, tuple(assets), segments, tuple(notes), dates, sessions.per_year)
        self.info = DataInfo(*known, spec.metric_names)
        self.holdout = range(end, len(dates))
        self._fits = fits(cls)
        self._flat = folds is not None and folds.state == "flat"
        self._plans: dict[range | None, SegmentPlan] = {}
        self._own = OwnMetrics(spec, cls, dates) if spec.metrics else None

    @property
    @abstractmethod
    def fills(self) -> int:
        """How many fills all trials so far have had here."""

    @abstractmethod
    def prepare(self) -> None:
        """Compile the strategy now, so that what does not compile is one StrategyError and not one for each trial."""

    @abstractmethod
    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run a chunk's trials; one that fails leaves its text in `errors` and the others untouched."""

    def evaluate_all(self, chunks: Sequence[Chunk]) -> list[Outcome]:
        """Run several chunks, as `evaluate` does each."""
        return [self.evaluate(chunk) for chunk in chunks]

    def replay(self, values: NDArray[np.float64], *, compiled: bool = True) -> Result:
        """Run one trial again over all the data before the holdout with full records, compiled or not the same bits.

        With a model for each fold it begins with the first test: before it no model has been trained.
        """
        first = next(each.first for each in self.info.segments if each.name == TEST) if self._fits else 0
        return self._compared(ReplayPlan(SessionRange(first, self.holdout.start), first), values, compiled=compiled)

    def replay_holdout(self, values: NDArray[np.float64]) -> Result:
        """Run one trial on the holdout, from a fresh account, with full records."""
        first, last = self.holdout.start, self.holdout.stop
        return self._compared(ReplayPlan(SessionRange(first, last), first, self._flat), values)

    def replay_test(self, values: NDArray[np.float64], fold: int) -> list[Result]:
        """Run one trial again on a fold's test with full records: a result for each of its ranges, mostly one.

        As in `plan_segments` each is a run by itself, or cut out of one that began with the first test.
        """
        tests = [segment for segment in self.info.segments if segment.name == TEST]
        ranges = next(segment.ranges for segment in tests if segment.fold == fold)
        starts = [each.first if self._flat else tests[0].first for each in ranges]
        return [self._record(values, ReplayPlan(*each, self._flat)) for each in zip(ranges, starts, strict=True)]

    def _compared(self, plan: ReplayPlan, values: NDArray[np.float64], *, compiled: bool = True) -> Result:
        """Run one trial as planned, with full records, its own metrics, and the figures of its benchmarks beside it."""
        result = self._record(values, plan, compiled=compiled)
        if self._own is not None and values.ndim == 1:  # else there are no parameters of all assets
            result = self._own.added(result, plan.sessions, values)
        levels = self.benchmarks()
        return (
            replace(
                result, benchmarks=tabulate_benchmarks(levels, self.info.sessions_per_year, [(None, [plan.sessions])])
            )
            if levels
            else result
        )

    @abstractmethod
    def benchmarks(self) -> Levels:
        """Return what the benchmark, and all assets bought and held, are worth; nothing without a benchmark."""

    @abstractmethod
    def _record(self, values: NDArray[np.float64], plan: ReplayPlan, *, compiled: bool = True) -> Result:
        """Run one trial as planned, with full records."""

    def _plan(self, folds: range | None) -> SegmentPlan:
        """Return the plan over some folds, or over all for None."""
        if folds not in self._plans:
            self._plans[folds] = plan_segments(self.info.of(folds), flat=self._flat)
        return self._plans[folds]

    def _new_figures(self, chunk: Chunk) -> Figures:
        """Return figures to be filled in, all undefined."""
        count, slots = len(chunk.numbers), self._plan(chunk.folds).slots
        shape = (count, len(slots), len(self.info.metrics))
        returns = np.full((count, sum(slot.segment.width for slot in slots)), np.nan, np.float32)
        return Figures(np.full(shape, np.nan), np.zeros(shape, np.uint8), returns)

    def _build_outcome(
        self,
        chunk: Chunk,
        figures: Figures,
        errors: dict[int, str],
        started: NDArray[np.float64],
        completed: NDArray[np.float64],
    ) -> Outcome:
        """Return the outcome of a chunk; a trial's metrics are means over its folds' trainings, or without of all."""
        slots = self._plan(chunk.folds).slots if self.info.segments else ()
        if slots:
            trains = trained_on([slot.segment for slot in slots])
            metrics, reasons = mean_of_trainings(figures.metrics, figures.reasons, trains)
        else:
            metrics, reasons = figures.metrics[:, 0].copy(), figures.reasons[:, 0].copy()
        return Outcome(
            batch=chunk.batch,
            numbers=chunk.numbers,
            metrics=metrics,
            reasons=reasons,
            returns=figures.returns,
            errors=errors,
            started=started,
            completed=completed,
            segments=figures.metrics[:, : len(slots)],
            segment_reasons=figures.reasons[:, : len(slots)],
            folds=chunk.folds,
        )
