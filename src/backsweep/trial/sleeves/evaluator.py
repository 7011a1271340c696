"""Trials whose assets trade in sleeves: evaluated shard by shard, put together, replayed with full records.

Everything a shard does is done block by block, so that it does not depend on the shard: features are computed on a
block, sums are formed over a block. Which blocks a shard has, only `Calendar.divide` decides.
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from backsweep.dataset import load
from backsweep.errors import StrategyError
from backsweep.strategy import crosses, head_of, load_strategy, parts_of
from backsweep.trial.code import check_code
from backsweep.trial.evaluator import Evaluator, name_errors
from backsweep.trial.features import Features
from backsweep.trial.hold import held_worth
from backsweep.trial.layout import lay_out
from backsweep.trial.quotes import describe_quotes
from backsweep.trial.range_sums import width_of
from backsweep.trial.sleeves.partial_sums import PartialSums, join_partial_sums
from backsweep.trial.sleeves.replay import BARS, replay_sleeves
from backsweep.trial.sleeves.runner import Share, SleeveMarket, SleeveRunner, pack_sleeves
from backsweep.trial.sleeves.sums import Tree
from backsweep.trial.summaries import summarise_sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.dataset.calendar import Calendar
    from backsweep.strategy import Strategy
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.benchmark import Levels
    from backsweep.trial.contract import Chunk, Outcome
    from backsweep.trial.recording import ReplayPlan
    from backsweep.trial.result import Result
    from backsweep.trial.segment_plan import SegmentPlan
    from backsweep.trial.sleeves.replay import Source


HELD_BYTES = 32 * 2**20
"""Bytes of sums, about, that trials leave before they are added up over the blocks."""


class SleeveEvaluator(Evaluator):
    """The evaluator of sleeves: holds some shards of the assets, adds up their sleeves, and puts such sums together.

    Parameters
    ----------
    spec : with `account.mode: sleeves`.
    calendar : assets and sessions of the whole data.
    shards : consecutive ranges of blocks to hold.
    source : gives the data of some assets; None to load them from `spec.data`.
    markets : the shards' data, laid out; None to take them from the source.
    streams : take each shard from the source whenever a chunk runs, and hold one at a time.

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
        streams: bool = False,
    ) -> None:
        self._spec = spec
        self._streams, self._fills = streams, 0
        self._cls = cls or load_strategy(spec.strategy)
        if crosses(self._cls):
            raise StrategyError(
                f"{self._cls.__name__}.cross_features compares assets, and a sleeve sees its own alone",
                where=head_of(self._cls, "cross_features"),
                expected="account.mode: shared",
                found="sleeves",
                remedy="set account.mode: shared; every worker then has all assets",
            )
        if parts_of(self._cls):
            raise StrategyError(
                f"{self._cls.__name__} is a combination, whose parts share one account",
                expected="account.mode: shared",
                found="sleeves",
                remedy="set account.mode: shared",
            )
        self._calendar = calendar
        self._shards = tuple(shards)
        self._share = Share(spec, calendar)
        self._source = source or _loader(spec)
        self._markets = markets
        notes = dict.fromkeys(
            [
                *calendar.notes,
                *(note for market in markets or () for note in market.notes),
                *describe_quotes(calendar.signals, spec.execution, spec.costs),
            ]
        )
        super().__init__(spec, self._cls, calendar.sessions, calendar.assets, tuple(notes))

    @property
    def fills(self) -> int:
        """How many fills all trials so far have had on the shards held here."""
        return self._fills

    def prepare(self) -> None:
        """Load the data and compile the strategy, so that what is wrong with either is one error."""
        next(iter(self._each_runner())).prepare()

    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run a chunk's trials, where all shards are here; one that fails leaves its text in `errors`."""
        return self.finish([self.partial_sums(chunk)])

    def evaluate_all(self, chunks: Sequence[Chunk]) -> list[Outcome]:
        """Run several chunks, as `evaluate` does each; where shards stream, they are taken once for all."""
        return [self.finish([part]) for part in self._partial_sums(chunks)]

    def partial_sums(self, chunk: Chunk) -> PartialSums:
        """Run a chunk's trials over the shards held here."""
        return self._partial_sums([chunk])[0]

    def _partial_sums(self, chunks: Sequence[Chunk]) -> list[PartialSums]:
        pieces, started = [self._pieces(chunk) for chunk in chunks], time.time()
        runners = iter(self._each_runner())
        for blocks in self._shards:
            self._run_shard(next(runners), blocks, list(itertools.chain(*pieces)))
        found = []
        for chunk, own in zip(chunks, pieces, strict=True):
            times = np.linspace(started, time.time(), len(chunk.numbers) + 1)  # a trial's own are not known
            sums = np.concatenate([np.array(piece.tree.sums) for piece in own], axis=1)
            errors = {piece.first + row: text for piece in own for row, text in piece.errors.items()}
            found.append(PartialSums(chunk, own[0].tree.nodes, sums, name_errors(chunk, errors), times[:-1], times[1:]))
        return found

    def join(self, parts: Sequence[PartialSums]) -> PartialSums:
        """Join neighbouring parts of a chunk, in the order of their blocks."""
        return join_partial_sums(parts, self._calendar.blocks)

    def finish(self, parts: Sequence[PartialSums]) -> Outcome:
        """Join the parts of all shards, in the order of their blocks, and compute the metrics."""
        whole = join_partial_sums(parts, self._calendar.blocks)
        plan, figures = self._plan(whole.chunk.folds), self._new_figures(whole.chunk)
        errors = dict(whole.errors)
        for row, number in enumerate(whole.chunk.numbers.tolist()):
            if number not in whole.errors:
                own = whole.chunk.values[row]
                try:
                    self._summarise(plan, own, whole.sums[0, row], *(each[row] for each in figures))
                except StrategyError as error:
                    errors[number] = str(error)
                    figures.clear(row)
        return self._build_outcome(whole.chunk, figures, errors, whole.started, whole.completed)

    def _summarise(
        self,
        plan: SegmentPlan,
        values: NDArray[np.float64],
        sums: NDArray[np.float64],
        metrics: NDArray[np.float64],
        reasons: NDArray[np.uint8],
        returns: NDArray[np.float32],
    ) -> None:
        """Write the figures of a trial's segments from its sums; raises StrategyError for a metric that fails."""
        sums = sums.copy()  # what comes from another process is read-only, which is another type to Numba
        layout = lay_out(plan, [self._calendar.years(*each) for each in plan.ranges])
        for row, slot in enumerate(plan.slots):
            per_year = self._calendar.sessions.per_year
            left = summarise_sums(sums, layout, row, per_year, metrics[row], reasons[row])
            ranges = [plan.ranges[place] for place in slot.places]
            if self._share.benchmark is not None:
                self._share.benchmark.write(ranges, left.returns, metrics[row], reasons[row])
            if self._own is not None:
                self._own.write(ranges, left, values, metrics[row], reasons[row])
            if slot.returns is not None:
                returns[slot.returns] = left.returns

    def benchmarks(self) -> Levels:
        """Return what the benchmark, and all assets bought and held, are worth; nothing without a benchmark."""
        calendar, benchmark = self._calendar, self._share.benchmark
        if benchmark is None:
            return {}
        total = np.zeros(len(calendar.sessions.ends) + 1)
        for blocks in calendar.divide(math.ceil(int(calendar.bars.sum()) / BARS)):
            market = pack_sleeves(self._source(calendar.assets_of(blocks)).by_asset(), calendar)
            total += held_worth(market, market.codes[market.actions["group"]])
        return {"benchmark": benchmark.levels, "buy_and_hold": total / len(calendar.assets)}

    def _record(self, values: NDArray[np.float64], plan: ReplayPlan, *, compiled: bool = True) -> Result:
        values = self._share.scaled(values)
        return replay_sleeves(self._share, plan, self._cls, self._source, values, compiled=compiled)

    @cached_property
    def _runners(self) -> tuple[SleeveRunner, ...]:
        runners = tuple(map(self._runner, self._markets or _pack(self._source, self._calendar, self._shards)))
        check_code(self._spec)
        return runners

    def _each_runner(self) -> Iterable[SleeveRunner]:
        """Return the shards' runners in their order; where they stream, one is gone before the next is made."""
        if not self._streams:
            return self._runners
        return (self._runner(*_pack(self._source, self._calendar, (blocks,))) for blocks in self._shards)

    def _runner(self, market: SleeveMarket) -> SleeveRunner:
        options = {**self._share.options(market.assets), "features": Features(market)}
        return SleeveRunner(market, self._cls, self._share.settings(market.assets), **options)

    def _pieces(self, chunk: Chunk) -> list[_Piece]:
        """Cut a chunk so that the sums of a piece are not larger than HELD_BYTES."""
        plan = self._plan(chunk.folds)
        size = max(1, HELD_BYTES // (8 * width_of(plan.ranges) * sum(map(len, self._shards))))
        return [
            _Piece(plan, first, chunk.values[first : first + size], Tree(self._calendar.blocks))
            for first in range(0, len(chunk.numbers), size)
        ]

    def _run_shard(self, runner: SleeveRunner, blocks: range, pieces: Sequence[_Piece]) -> None:
        """Run trials over one shard, and add up what they leave."""
        before = runner.fills
        for piece in pieces:
            own = self._share.scaled(piece.values)[:, self._share.kept(runner.market.assets)]
            job = runner.make_sleeves_job(piece.plan, len(blocks))
            job = job._replace(sums=np.zeros((len(own), job.sums.shape[1])))
            piece.errors.update(runner.run_chunk(job, own) | piece.errors)
            for block, sums in zip(blocks, np.split(job.sums, len(blocks), axis=1), strict=True):
                piece.tree.push(0, block, sums)
        self._fills += runner.fills - before


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some trials of a chunk, from row `first` on: what their sleeves add up to, and the errors of those that fail."""

    plan: SegmentPlan
    first: int
    values: NDArray[np.float64]
    tree: Tree
    errors: dict[int, str] = field(default_factory=dict)


def load_markets(spec: TrialSpec, calendar: Calendar, shards: Sequence[range]) -> tuple[SleeveMarket, ...]:
    """Load the shards of `spec` and lay them out for the engine; raises BadInput or BadData."""
    return _pack(_loader(spec), calendar, shards)


def _pack(source: Source, calendar: Calendar, shards: Sequence[range]) -> tuple[SleeveMarket, ...]:
    return tuple(pack_sleeves(source(calendar.assets_of(blocks)).by_asset(), calendar) for blocks in shards)


def _loader(spec: TrialSpec) -> Source:
    def source(assets: tuple[str, ...]) -> Shard:
        return load(spec.data.model_copy(update={"assets": assets}), spec.account.rate_columns, part=True)

    return source
