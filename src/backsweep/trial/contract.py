"""What the driver of a study and the place where its trials run exchange.

The driver sends one array of parameters per chunk and gets one array of metrics back. A backend may run chunks in any
order, anywhere, more than once: an outcome depends on nothing but the trial specification and the chunk's values.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from backsweep.metrics.summary import METRICS
from backsweep.metrics.table import SESSIONS_PER_YEAR
from backsweep.trial.folds import Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.sweepfile.trial import TrialSpec


@dataclass(frozen=True, eq=False)
class Chunk:
    """Trials sent together.

    Attributes
    ----------
    batch : number of the batch, 0-based; of batches that are committed together, the first.
    numbers : int64[k], the trials' numbers in the study.
    values : float64[k, p], one column per name in `TrialSpec.params`; booleans are 0 and 1, integers whole floats.
    folds : those that they run on; None for all.
    asset_group : the number of the group of assets that they run on; None for all assets.

    """

    batch: int
    numbers: NDArray[np.int64]
    values: NDArray[np.float64]
    folds: range | None = None
    asset_group: int | None = None

    def of(self, which: slice) -> Chunk:
        """Return a chunk of some of the trials."""
        return replace(self, numbers=self.numbers[which], values=self.values[which])


@dataclass(frozen=True, eq=False)
class RecordSums:
    """What a study keeps of trials' records for its statistics.

    Attributes
    ----------
    sessions : how many a record has.
    skew, kurtosis : float64[k], of the returns; NaN where they do not vary.
    lost : bool[k], whether any session lost.
    sums, squares : float32[k, blocks], returns and their squares added up over blocks of time.

    """

    sessions: int
    skew: NDArray[np.float64]
    kurtosis: NDArray[np.float64]
    lost: NDArray[np.bool_]
    sums: NDArray[np.float32]
    squares: NDArray[np.float32]

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All of it that has a row for each trial."""
        return self.skew, self.kurtosis, self.lost, self.sums, self.squares

    def of(self, which: Any) -> RecordSums:
        """Return what is kept of some of the trials."""
        return RecordSums(self.sessions, *(array[which] for array in self.arrays))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a chunk's trials, in the chunk's order.

    Attributes
    ----------
    batch, numbers, folds : as in the chunk.
    metrics : float64[k, metrics], those of `DataInfo.metrics`, NaN = undefined; with folds the means over their
        trainings.
    reasons : uint8[k, metrics], index into `metrics.REASONS`; 0 = defined.
    returns : float32[k, width], per-session returns, as many as `DataInfo.of(folds)` says; with folds those of
        every segment, one after the other.
    errors : trial number to text; such a trial has failed and its metrics are NaN.
    started, completed : float64[k], seconds since 1970 UTC; the only parts that differ from run to run.
    segments, segment_reasons : float64 and uint8[k, segments, metrics], metrics and reasons of each segment;
        None or without segments where there are no folds or no trial came back.
    record_sums : what a study keeps of the records, if it was made where the trials ran.
    reused : whether it was read and not run now, so that its times say nothing about this run.

    """

    batch: int
    numbers: NDArray[np.int64]
    metrics: NDArray[np.float64]
    reasons: NDArray[np.uint8]
    returns: NDArray[np.float32]
    errors: dict[int, str]
    started: NDArray[np.float64]
    completed: NDArray[np.float64]
    segments: NDArray[np.float64] | None = None
    segment_reasons: NDArray[np.uint8] | None = None
    folds: range | None = None
    record_sums: RecordSums | None = None
    reused: bool = False


@dataclass(frozen=True, eq=False)
class DataInfo:
    """What a backend knows once the data is loaded and the strategy compiled.

    Attributes
    ----------
    sessions : int64[n], end of every session, nanoseconds since 1970 UTC.
    assets : the assets' names, sorted; an asset's code is its position here.
    segments : train and test of fold 0, of fold 1, and so on; empty without folds.
    notes : what users should know of the data that were loaded; see `dataset.Shard`.
    dates : int32[n], the date of every session in days since 1970.
    sessions_per_year : how many a year has.
    metrics : the names of the metrics that a trial has.

    """

    sessions: NDArray[np.int64]
    assets: tuple[str, ...] = field(default=())
    segments: tuple[Segment, ...] = field(default=())
    notes: tuple[str, ...] = ()
    dates: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    sessions_per_year: float = SESSIONS_PER_YEAR
    metrics: tuple[str, ...] = METRICS

    def of(self, folds: range | None) -> DataInfo:
        """Return what is known of some folds, or all of it for None."""
        return self if folds is None else replace(self, segments=tuple(s for s in self.segments if s.fold in folds))

    @property
    def width(self) -> int:
        """How many returns a trial has: one for each session, with folds those that are kept of each segment."""
        return sum(segment.width for segment in self.segments) if self.segments else len(self.sessions)


class Backend(Protocol):
    """Where trials run: in this process, or in workers on one machine or many."""

    @property
    def remote(self) -> bool:
        """Whether trials run in other processes."""
        ...

    def start(self, spec: TrialSpec) -> DataInfo:
        """Load the data and build the evaluators; raises BadInput, BadData or StrategyError."""
        ...

    def submit(self, chunk: Chunk) -> None:
        """Queue a chunk; never blocks."""
        ...

    def wait(self, timeout: float) -> list[Outcome]:
        """Return finished chunks in any order; an empty list after `timeout` seconds without one."""
        ...

    def capacity(self) -> int:
        """How many more chunks the backend wants in flight now."""
        ...

    def wind_down(self) -> None:
        """End what has no work: no chunk is to come; may be called more than once."""
        ...

    def close(self) -> None:
        """Release everything; may be called at any time, and twice."""
        ...
