"""Groups of batches that are proposed and committed together, and the stages in which they run.

Usually there is one stage, over all folds. With pruning between folds, a group is one batch and runs in several stages:
each covers some folds and ends at a rung, where the batch's trials are compared. The outcomes of a stage arrive in any
order; the next stage begins when all have arrived, and other batches keep the workers busy meanwhile.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.proposals import Proposals
from backsweep.study.search.pruning import trials_to_stop
from backsweep.study.table.outcomes import Outcomes
from backsweep.trial.contract import Chunk
from backsweep.trial.folds import trained_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.sweepfile.search import Search
    from backsweep.trial.contract import DataInfo, Outcome


@dataclass(frozen=True)
class Stage:
    """Folds that run together, None for all, and the places of their segments and returns among those of all folds."""

    folds: range | None
    segments: slice
    returns: slice


@dataclass(frozen=True, eq=False)
class Schedule:
    """The stages of a batch, which of its segments are the folds' trainings, and how many folds these are of."""

    stages: tuple[Stage, ...]
    trains: NDArray[np.bool_]

    @property
    def folds(self) -> int:
        """How many folds are compared, where there are several stages."""
        return int(self.trains.sum())


def make_schedule(info: DataInfo, fold: int | None, search: Search) -> Schedule:
    """Divide a batch's work into stages; `fold` is its only fold, None for all, and `info` describes these folds.

    The final training is no fold to compare on: it runs in the last stage, with what is left.
    """
    rule = search.between_folds
    trains = trained_on(info.segments)
    if rule is None or fold is not None:
        only = None if fold is None else range(fold, fold + 1)
        return Schedule((Stage(only, slice(None), slice(None)),), trains)
    of = np.array([segment.fold for segment in info.segments])
    widths = np.append(0, np.cumsum([segment.width for segment in info.segments]))
    stages = []
    for begin, end in itertools.pairwise([0, *rule.rungs(int(trains.sum())), int(of[-1]) + 1]):
        first, last = np.searchsorted(of, (begin, end)).tolist()
        stages.append(Stage(range(begin, end), slice(first, last), slice(int(widths[first]), int(widths[last]))))
    return Schedule(tuple(stages), trains)


class BatchGroup:
    """Whole batches, except at the ends of a run, with the outcomes of their trials.

    `proposals` are those of the whole batches, from trial number `first` on, of which the trials `numbers` are run.
    """

    def __init__(
        self, proposals: Proposals, first: int, numbers: range, info: DataInfo, schedule: Schedule, search: Search
    ) -> None:
        self.proposals = proposals
        self.results = Outcomes(numbers, info.width, len(info.segments), len(info.metrics))
        self._schedule, self._search, self._names = schedule, search, info.metrics
        self._used = slice(numbers.start - first, numbers.stop - first)
        self._stage = 0
        self._running = np.arange(len(numbers))  # positions of the trials that run in this stage

    @property
    def used(self) -> Proposals:
        """The proposals of the trials that run."""
        return self.proposals.of(self._used)

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to run."""
        return self.last and self.results.complete

    @property
    def last(self) -> bool:
        """Whether no other stage follows."""
        return self._stage == len(self._schedule.stages) - 1

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return len(self.results.numbers) - (self.results.missing if self.last else len(self._running))

    @property
    def leading(self) -> int:
        """How many of the first trials are complete; none where trials of a batch are compared."""
        return self.results.leading if len(self._schedule.stages) == 1 else 0

    def to_chunk(self, batch: int) -> Chunk:
        """Return all trials of this stage as one chunk, to be cut into smaller ones."""
        rows, values = self._running, self.proposals.values[self._used]
        return Chunk(batch, self.results.numbers.start + rows, values[rows], self._schedule.stages[self._stage].folds)

    def store(self, outcome: Outcome) -> NDArray[np.int64]:
        """Store the outcome of a chunk, unless it is of an earlier stage; returns the numbers that were new."""
        stage = self._schedule.stages[self._stage]
        if outcome.folds != stage.folds:
            return np.empty(0, np.int64)
        return self.results.store(outcome, stage.segments, stage.returns, first=self._stage == 0)

    def advance(self) -> bool:
        """Begin the next stage if this one is complete; returns whether there is one to run."""
        if not self.results.complete:
            return False
        while not self.last:
            self._prune()
            self._stage += 1
            if len(self._running):
                self.results.expect(self._running)
                return True
        if len(self._schedule.stages) > 1:
            self.results.aggregate(self._schedule.trains)
        return False

    def _prune(self) -> None:
        """Compare the trials that ran in this stage, and prune the worst."""
        results, rule, stage = self.results, self._search.between_folds, self._schedule.stages[self._stage]
        rows = self._running = self._running[~results.failed[self._running]]
        if rule is None or stage.folds is None or not len(rows):
            return
        end = stage.segments.stop
        trainings = results.segments[rows, :end][:, self._schedule.trains[:end]]
        values = self.proposals.values[self._used][rows]
        stops = trials_to_stop(rule, trainings, self._names, values, self._search)
        when = f"after {stage.folds.stop} of {self._schedule.folds} folds"
        for at, why in stops.items():
            results.prune(int(rows[at]), slice(end, None), f"{when}: {why}")
        self._running = np.delete(rows, list(stops))
