"""Spans: whole batches that are proposed and committed together, and the goes in which they run.

Mostly there is one go, over all folds. Where trials are pruned between folds, a span is one batch and runs go by go:
each go is some folds, and after it the batch's trials are compared. Outcomes of a go come in any order, but the next
one begins when all of them are there; other batches keep the workers busy meanwhile.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.proposals import Proposals
from backsweep.study.search.pruning import hopeless, looks
from backsweep.study.table.trials import Results
from backsweep.trial.contract import Chunk
from backsweep.trial.folds import TRAIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.sweepfile.search import Search
    from backsweep.trial.contract import DataInfo, Outcome


@dataclass(frozen=True)
class Go:
    """Folds that are run together, None for all; where their segments and returns stand among those of all folds."""

    folds: range | None
    segments: slice
    returns: slice


@dataclass(frozen=True, eq=False)
class Schedule:
    """The goes of a batch, and which of all its segments are trainings."""

    goes: tuple[Go, ...]
    trains: NDArray[np.bool_]

    @property
    def folds(self) -> int:
        """How many folds there are, where there are several goes."""
        last = self.goes[-1].folds
        return last.stop if last is not None else 1


def make_schedule(info: DataInfo, fold: int | None, search: Search) -> Schedule:
    """Divide a batch's work, on one fold or for None on all of them, into goes; `info` is what is known of these."""
    rule = search.between_folds
    trains = np.array([segment.name == TRAIN for segment in info.segments])
    if rule is None or fold is not None:
        only = None if fold is None else range(fold, fold + 1)
        return Schedule((Go(only, slice(None), slice(None)),), trains)
    of = np.array([segment.fold for segment in info.segments])
    widths = np.append(0, np.cumsum([segment.width for segment in info.segments]))
    count = int(of[-1]) + 1
    goes = []
    for begin, end in itertools.pairwise([0, *looks(rule, count), count]):
        first, last = np.searchsorted(of, (begin, end)).tolist()
        goes.append(Go(range(begin, end), slice(first, last), slice(int(widths[first]), int(widths[last]))))
    return Schedule(tuple(goes), trains)


class Span:
    """Whole batches, the first and the last of a run's apart, with what has become of their trials.

    `proposals` are those of the whole batches, of which the trials `numbers` are run.
    """

    def __init__(
        self, proposals: Proposals, numbers: range, info: DataInfo, schedule: Schedule, search: Search
    ) -> None:
        self.proposals = proposals
        self.results = Results(numbers, info.width, len(info.segments))
        self._schedule, self._search = schedule, search
        start = numbers.start % search.batch
        self._used = slice(start, start + len(numbers))
        self._go = 0
        self._running = np.arange(len(numbers))  # positions of the trials that are run in this go

    @property
    def used(self) -> Proposals:
        """The proposals of the trials that are run."""
        return Proposals(self.proposals.values[self._used], self.proposals.attrs[self._used])

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to run."""
        return self.last and self.results.complete

    @property
    def last(self) -> bool:
        """Whether no other go follows."""
        return self._go == len(self._schedule.goes) - 1

    @property
    def over(self) -> int:
        """How many trials have come to their end."""
        return len(self.results.numbers) - (self.results.missing if self.last else len(self._running))

    def work(self, batch: int) -> Chunk:
        """Return all of this go's trials as one chunk, of which smaller ones are cut."""
        rows, values = self._running, self.proposals.values[self._used]
        return Chunk(batch, self.results.numbers.start + rows, values[rows], self._schedule.goes[self._go].folds)

    def take(self, outcome: Outcome) -> NDArray[np.int64]:
        """Store the outcome of a chunk, unless it is of an earlier stage; returns the numbers that were new."""
        go = self._schedule.goes[self._go]
        if outcome.folds != go.folds:
            return np.empty(0, np.int64)
        return self.results.take(outcome, go.segments, go.returns, first=self._go == 0)

    def advance(self) -> bool:
        """Begin the next go, if this one is over; tells whether there is one to run."""
        if not self.results.complete:
            return False
        while not self.last:
            self._prune()
            self._go += 1
            if len(self._running):
                self.results.expect(self._running)
                return True
        if len(self._schedule.goes) > 1:
            self.results.sum_up(self._schedule.trains)
        return False

    def _prune(self) -> None:
        """Compare the trials that ran in this go, and keep those that are not hopeless."""
        results, rule, go = self.results, self._search.between_folds, self._schedule.goes[self._go]
        rows = self._running = self._running[~results.failed[self._running]]
        if rule is None or go.folds is None or not len(rows):
            return
        end = go.segments.stop
        trainings = results.segments[rows, :end][:, self._schedule.trains[:end]]
        values = self.proposals.values[self._used][rows]
        stops = hopeless(rule, trainings, values, self._search)
        when = f"after {go.folds.stop} of {self._schedule.folds} folds"
        for at, why in stops.items():
            results.stop(int(rows[at]), slice(end, None), f"{when}: {why}")
        self._running = np.delete(rows, list(stops))
