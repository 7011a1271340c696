"""The outcomes of trials that are committed together, filled in as chunks return, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.metrics.reasons import DEFINED, FIRST_PRUNED, PRUNED_BETWEEN_FOLDS
from backsweep.metrics.summary import METRICS
from backsweep.trial.contract import RecordSums
from backsweep.trial.summaries import mean_of_trainings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.trial.contract import Outcome

_ALL = slice(None)
SESSIONS = METRICS.index("sessions")
_ARRAYS = ("metrics", "reasons", "returns", "segments", "segment_reasons", "times", "seconds", "_missing")
"""What has a row for each trial, but for the sums of records."""


class Outcomes:
    """The outcomes of trials that are committed together; a chunk may return more than once.

    With pruning between folds they return in several stages, each of some folds; see `batch_groups`.
    """

    def __init__(self, numbers: range, width: int, segments: int = 0, metrics: int = len(METRICS)) -> None:
        count = len(numbers)
        self.numbers = numbers
        self.metrics = np.full((count, metrics), np.nan)
        self.reasons = np.zeros((count, metrics), dtype=np.uint8)
        self.returns = np.full((count, width), np.nan, dtype=np.float32)
        self.segments = np.full((count, segments, metrics), np.nan)
        self.segment_reasons = np.zeros((count, segments, metrics), dtype=np.uint8)
        self.times = np.zeros((count, 2))  # start of the first stage and end of the last
        self.seconds = np.zeros(count)  # total of all stages
        self.record_sums: RecordSums | None = None  # of whole records, as the workers computed them
        self.errors: dict[int, str] = {}
        self.pruned_between: dict[int, str] = {}  # number of each trial that was pruned between folds, and why
        self._missing = np.ones(count, dtype=np.bool_)

    @property
    def complete(self) -> bool:
        """Whether all trials have returned."""
        return not self._missing.any()

    @property
    def missing(self) -> int:
        """How many trials have not returned."""
        return int(self._missing.sum())

    @property
    def leading(self) -> int:
        """How many trials have returned, counted from the first to the first that has not."""
        return int(np.argmax(self._missing)) if self._missing.any() else len(self._missing)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """bool[k], the trials with an error."""
        if not self.errors:
            return np.zeros(len(self.numbers), np.bool_)
        return np.fromiter((number in self.errors for number in self.numbers), np.bool_, len(self.numbers))

    @property
    def pruned(self) -> NDArray[np.bool_]:
        """bool[k], the trials of which a run ended early."""
        return ended_early(self.reasons)

    def store(
        self, outcome: Outcome, segments: slice = _ALL, returns: slice = _ALL, *, first: bool = True
    ) -> NDArray[np.int64]:
        """Store the outcome of a chunk; returns the numbers that were new.

        `segments` and `returns` are the places of those of the chunk's folds among all, `first` is whether this is the
        first stage of its trials.
        """
        rows = outcome.numbers - self.numbers.start
        new = self._missing[rows]
        which: Any = slice(None) if new.all() else new
        rows = rows[which]
        # consecutive trials, the usual case, are copied by slices
        chunk: Any = slice(rows[0], rows[-1] + 1) if len(rows) and rows[-1] - rows[0] + 1 == len(rows) else rows
        self.metrics[chunk], self.reasons[chunk] = outcome.metrics[which], outcome.reasons[which]
        self.returns[chunk, returns] = outcome.returns[which]
        if outcome.record_sums is not None and returns == _ALL:
            self._take_record_sums(outcome.record_sums.of(which), chunk)
        if first:
            self.times[chunk, 0] = outcome.started[which]
        self.times[chunk, 1] = outcome.completed[which]
        self.seconds[chunk] += outcome.completed[which] - outcome.started[which]
        if outcome.segments is not None and outcome.segment_reasons is not None:
            self.segments[chunk, segments] = outcome.segments[which]
            self.segment_reasons[chunk, segments] = outcome.segment_reasons[which]
        numbers: NDArray[np.int64] = outcome.numbers[which]
        if outcome.errors:
            self.errors |= {number: outcome.errors[number] for number in numbers.tolist() if number in outcome.errors}
        self._missing[rows] = False
        return numbers

    def _take_record_sums(self, kept: RecordSums, chunk: Any) -> None:
        if self.record_sums is None:
            count = len(self.numbers)
            room = (np.zeros((count, *array.shape[1:]), array.dtype) for array in kept.arrays)
            self.record_sums = RecordSums(kept.sessions, *room)
        for mine, theirs in zip(self.record_sums.arrays, kept.arrays, strict=True):
            mine[chunk] = theirs

    @classmethod
    def joined(cls, outcomes: Sequence[Outcomes]) -> Outcomes:
        """Return the outcomes of trials that follow one another as one."""
        if len(outcomes) == 1:
            return outcomes[0]
        result = cls(range(outcomes[0].numbers.start, outcomes[-1].numbers.stop), 0)
        for name in _ARRAYS:
            setattr(result, name, np.concatenate([getattr(each, name) for each in outcomes]))
        for each in outcomes:
            if each.record_sums is not None:
                start = each.numbers.start - result.numbers.start
                result._take_record_sums(each.record_sums, slice(start, start + len(each.numbers)))
            result.errors |= each.errors
            result.pruned_between |= each.pruned_between
        return result

    def head(self, count: int) -> Outcomes:
        """Return the outcomes of the first trials alone."""
        result = Outcomes(self.numbers[:count], 0)
        for name in _ARRAYS:
            setattr(result, name, getattr(self, name)[:count])
        result.record_sums = None if self.record_sums is None else self.record_sums.of(slice(count))
        for name in ("errors", "pruned_between"):
            kept = {number: text for number, text in getattr(self, name).items() if number < result.numbers.stop}
            setattr(result, name, kept)
        return result

    def expect(self, rows: NDArray[np.int64]) -> None:
        """Mark the trials at these positions as not returned, for another stage."""
        self._missing[rows] = True

    def prune(self, row: int, segments: slice, why: str) -> None:
        """Record that the trial at a position was pruned before it ran on `segments`."""
        self.pruned_between[self.numbers[row]] = why
        self.segments[row, segments], self.segment_reasons[row, segments] = np.nan, PRUNED_BETWEEN_FOLDS
        self.segments[row, segments, SESSIONS], self.segment_reasons[row, segments, SESSIONS] = 0.0, DEFINED

    def aggregate(self, trains: NDArray[np.bool_]) -> None:
        """Compute the metrics of trials that ran in several stages; `trains` marks the trainings among the segments.

        A trial that failed in a later stage keeps no figures, like any other that fails.
        """
        for row in range(len(self.numbers)):
            pair = mean_of_trainings(self.segments[row], self.segment_reasons[row], trains)
            self.metrics[row], self.reasons[row] = pair
        for table in (self.metrics, self.segments, self.returns):
            table[self.failed] = np.nan
        for codes in (self.reasons, self.segment_reasons):
            codes[self.failed] = DEFINED


def ended_early(reasons: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which runs were pruned, by their reason codes (last axis: metrics)."""
    return np.asarray(reasons.max(axis=-1, initial=0) >= FIRST_PRUNED)
