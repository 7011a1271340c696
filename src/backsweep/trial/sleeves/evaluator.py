"""Trials whose assets trade in sleeves: evaluated shard by shard, put together, replayed with full records.

Everything a shard does is done block by block, so that it does not depend on the shard: features are computed on a
block, sums are formed over a block. Which blocks a shard has, only `Calendar.divide` decides.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from backsweep.dataset import load
from backsweep.errors import BacksweepError
from backsweep.metrics.summary import METRICS
from backsweep.strategy import load_strategy
from backsweep.trial.code import check_code
from backsweep.trial.contract import Chunk, DataInfo, Outcome
from backsweep.trial.features import Features
from backsweep.trial.folds import TEST, TRAIN, holdout_start, make_segments
from backsweep.trial.recording import Stretch
from backsweep.trial.sleeves.partial_sums import PartialSums, join_partial_sums
from backsweep.trial.sleeves.replay import replay_sleeves
from backsweep.trial.sleeves.runner import Share, SleeveMarket, SleeveRunner, pack_sleeves
from backsweep.trial.sleeves.sums import Tree, lay_out, run_summary_of, summarise_sums
from backsweep.trial.summaries import mean_of_trainings, new_metrics, summarise_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.dataset.calendar import Calendar
    from backsweep.strategy import Strategy
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.result import Result
    from backsweep.trial.sleeves.replay import Source
    from backsweep.trial.sleeves.sums import Course, Portion


class DividedEvaluator:
    """Holds some shards of the assets, gives what their sleeves add up to, and puts such parts together.

    Parameters
    ----------
    spec : with `account.mode: sleeves`.
    calendar : assets and sessions of the whole data.
    shards : consecutive ranges of blocks to hold.
    source : gives the data of some assets; None to load them from `spec.data`.
    markets : the shards' data, laid out; None to take them from the source.

    Raises BadInput or BadData where the data cannot be used, StrategyError where the strategy cannot.

    """

    def __init__(
        self,
        spec: TrialSpec,
        calendar: Calendar,
        shards: Sequence[range],
        *,
        source: Source | None = None,
        markets: Sequence[SleeveMarket] | None = None,
        cls: type[Strategy] | None = None,
    ) -> None:
        self._spec = spec
        self._cls = cls or load_strategy(spec.strategy)
        self._calendar = calendar
        self._shards = tuple(shards)
        self._share = Share(spec, calendar)
        self._source = source or _loader(spec)
        self._markets = markets
        self.info = info_of(spec, calendar, markets or ())
        self._flat = spec.folds is not None and spec.folds.state == "flat"
        self._courses: dict[range | None, Course] = {}
        ends = calendar.ends
        self.holdout = range(holdout_start(ends, spec.folds) if spec.folds else len(ends), len(ends))

    @property
    def fills(self) -> int:
        """How many fills all trials so far have had on the shards held here."""
        return sum(runner.fills for runner in self._runners)

    def prepare(self) -> None:
        """Load the data and compile the strategy, so that what is wrong with either is one error."""
        self._runners[0].prepare()

    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run a chunk's trials, where all shards are here; one that fails leaves its text in `errors`."""
        return self.finish([self.partial_sums(chunk)])

    def partial_sums(self, chunk: Chunk) -> PartialSums:
        """Run a chunk's trials over the shards held here."""
        times = np.zeros((2, len(chunk.numbers)))
        errors: dict[int, str] = {}
        sums = []
        course = self._course(chunk.folds)
        for row, number in enumerate(chunk.numbers.tolist()):
            times[0, row] = time.time()
            tree = Tree(self._calendar.blocks)
            error = self._run(self._share.scaled(chunk.values[row]), course, tree)
            if error:
                errors[number] = error
            sums.append(tree.sums)
            times[1, row] = time.time()
        stacked = np.array(sums).swapaxes(0, 1)
        return PartialSums(chunk.batch, chunk.numbers, tree.nodes, stacked, errors, times[0], times[1], chunk.folds)

    def join(self, parts: Sequence[PartialSums]) -> PartialSums:
        """Put neighbouring parts of a chunk together, in the order of their blocks."""
        return join_partial_sums(parts, self._calendar.blocks)

    def finish(self, parts: Sequence[PartialSums]) -> Outcome:
        """Put the parts of all shards together, in the order of their blocks, and form the metrics."""
        whole = join_partial_sums(parts, self._calendar.blocks)
        info, course = self.info.of(whole.folds), self._course(whole.folds)
        count, segments = len(whole.numbers), len(info.segments)
        metrics, reasons = new_metrics(count)
        cuts = np.full((count, len(course.portions), len(METRICS)), np.nan)
        cut_reasons = np.zeros(cuts.shape, np.uint8)
        returns = np.full((count, info.width), np.nan, np.float32)
        trains = np.array([segment.name == TRAIN for segment in info.segments])
        for row, number in enumerate(whole.numbers.tolist()):
            if number in whole.errors:
                continue
            for each, portion in enumerate(course.portions):
                self._summarise(portion, whole.sums[0, row], cuts[row, each], cut_reasons[row, each], returns[row])
            if segments:
                metrics[row], reasons[row] = mean_of_trainings(cuts[row], cut_reasons[row], trains)
            else:
                metrics[row], reasons[row] = cuts[row, 0], cut_reasons[row, 0]
        return Outcome(
            batch=whole.batch,
            numbers=whole.numbers,
            metrics=metrics,
            reasons=reasons,
            returns=returns,
            errors=whole.errors,
            started=whole.started,
            completed=whole.completed,
            segments=cuts[:, :segments],
            segment_reasons=cut_reasons[:, :segments],
            folds=whole.folds,
        )

    def _summarise(
        self,
        portion: Portion,
        sums: NDArray[np.float64],
        metrics: NDArray[np.float64],
        reasons: NDArray[np.uint8],
        returns: NDArray[np.float32],
    ) -> None:
        """Write one segment of a trial from the trial's sums, and its returns among those of all."""
        earned = np.zeros(sum(span.last - span.first for span in portion.spans))
        years = [self._calendar.years(span.first, span.last) for span in portion.spans]
        if portion.pieces:
            pieces = [run_summary_of(sums[span.place], each) for span, each in zip(portion.spans, years, strict=True)]
            summarise_runs(pieces, metrics, reasons, earned)
        else:
            summarise_sums(sums[portion.spans[0].place], years[0], metrics, reasons, earned)
        if portion.returns is not None:
            returns[portion.returns] = earned

    def replay(self, values: NDArray[np.float64], *, compiled: bool = True) -> Result:
        """Run one trial again over all the data before the holdout with full records; see `replay_sleeves`."""
        return self._replay(values, Stretch(0, 0, self.holdout.start), compiled=compiled)

    def replay_holdout(self, values: NDArray[np.float64]) -> Result:
        """Run one trial on the holdout, from fresh accounts, with full records."""
        return self._replay(values, Stretch(self.holdout.start, self.holdout.start, self.holdout.stop, flat=self._flat))

    def replay_test(self, values: NDArray[np.float64], fold: int) -> list[Result]:
        """Run one trial again on a fold's test with full records: a result for each of its pieces, mostly one."""
        tests = [segment for segment in self.info.segments if segment.name == TEST]
        runs = next(segment.runs for segment in tests if segment.fold == fold)
        starts = [first if self._flat else tests[0].first for first, _ in runs]
        stretches = [Stretch(start, *run, flat=self._flat) for start, run in zip(starts, runs, strict=True)]
        return [self._replay(values, stretch) for stretch in stretches]

    def _replay(self, values: NDArray[np.float64], stretch: Stretch, *, compiled: bool = True) -> Result:
        values = self._share.scaled(values)
        return replay_sleeves(self._share, stretch, self._cls, self._source, values, compiled=compiled)

    def _course(self, folds: range | None) -> Course:
        """Give the course over some folds, or over all for None."""
        if folds not in self._courses:
            self._courses[folds] = lay_out(self.info.of(folds), flat=self._flat)
        return self._courses[folds]

    @cached_property
    def _runners(self) -> tuple[SleeveRunner, ...]:
        runners = tuple(map(self._runner, self._markets or _pack(self._source, self._calendar, self._shards)))
        check_code(self._spec)
        return runners

    def _runner(self, market: SleeveMarket) -> SleeveRunner:
        options = {**self._share.options(market.assets), "features": Features(market)}
        return SleeveRunner(market, self._cls, self._share.settings(market.assets), **options)

    def _run(self, values: NDArray[np.float64], course: Course, tree: Tree) -> str:
        """Run one trial over the shards held here; returns the text of its error, and NaN in the tree, if it fails."""
        error = ""
        for blocks, runner in zip(self._shards, self._runners, strict=True):
            market, at = runner.market, ""
            try:
                if not error:
                    runner.take(values[self._share.kept(market.assets)])
            except BacksweepError as failure:
                error = str(failure)
            for block in blocks:
                sums = np.zeros(course.width)
                try:
                    for sleeve in market.sleeves_of(block - blocks.start) if not error else ():
                        at = market.assets[sleeve]
                        runner.enter(sleeve)
                        runner.follow(course, sums)
                except BacksweepError as failure:
                    error = f"sleeve {at}: {failure}"
                tree.push(0, block, sums)
        return error


def info_of(spec: TrialSpec, calendar: Calendar, markets: Sequence[SleeveMarket]) -> DataInfo:
    """Return what a backend knows of sleeves; raises BadInput for folds that do not fit."""
    segments = make_segments(calendar.ends, spec.folds) if spec.folds else ()
    notes = dict.fromkeys([*calendar.notes, *(note for market in markets for note in market.notes)])
    return DataInfo(calendar.ends, calendar.assets, segments, tuple(notes))


def load_markets(spec: TrialSpec, calendar: Calendar, shards: Sequence[range]) -> tuple[SleeveMarket, ...]:
    """Load the shards of `spec` and lay them out for the engine; raises BadInput or BadData."""
    return _pack(_loader(spec), calendar, shards)


def _pack(source: Source, calendar: Calendar, shards: Sequence[range]) -> tuple[SleeveMarket, ...]:
    return tuple(pack_sleeves(source(calendar.assets_of(blocks)), calendar) for blocks in shards)


def _loader(spec: TrialSpec) -> Source:
    def source(assets: tuple[str, ...]) -> Shard:
        return load(spec.data.model_copy(update={"assets": assets}), spec.account.rate_columns, part=True)

    return source
