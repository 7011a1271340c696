"""One trial on every fold: its segments run one after the other, each with metrics and returns of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.metrics.reasons import PRUNED_BY_TRAINING
from backsweep.trial.folds import TEST, TRAIN
from backsweep.trial.runner import PrunedRun
from backsweep.trial.summaries import mean_of_trainings, summarise_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.sweepfile.pruning import PruningSpec
    from backsweep.trial.folds import Segment
    from backsweep.trial.runner import Runner
    from backsweep.trial.summaries import RunSummary


@dataclass(frozen=True)
class Leg:
    """A run over sessions `first` to before `last`, for the segment at position `row`, if for any."""

    first: int
    last: int
    row: int | None
    carried: bool = False


def plan(segments: Sequence[Segment], *, flat: bool) -> tuple[Leg, ...]:
    """Give the runs that segments need, in order.

    With `flat`, every segment is a run of its own that ends without positions. Otherwise trainings end marked to
    market, and the tests are cut out of one run that begins with the first of them.
    """
    rows = tuple(enumerate(segments))
    legs = [Leg(each.first, each.last, row) for row, each in rows if flat or each.name == TRAIN]
    at = None  # the session after those that the account has seen, where it is carried on
    for row, segment in () if flat else rows:
        if segment.name == TEST:
            if at is not None and at < segment.first:
                legs.append(Leg(at, segment.first, None, carried=True))
            legs.append(Leg(segment.first, segment.last, row, carried=at is not None))
            at = segment.last
    return tuple(legs)


class FoldRunner:
    """Runs a runner's trials over segments.

    With `pruning`, a training that ends early leaves no metric but its sessions, and the test of its fold is not run
    unless tests carry on; other folds do not know. Of segments in pieces every piece is a run of its own, and one that
    several segments have is run once; what the pieces earn is compounded.
    """

    def __init__(
        self, runner: Runner, segments: Sequence[Segment], *, flat: bool, pruning: PruningSpec | None = None
    ) -> None:
        self._runner = runner
        self._segments = segments
        self._legs = plan(segments, flat=flat)
        self._flat = flat
        self._pruning = pruning
        self._pieced = any(segment.pieces for segment in segments)
        ends = np.cumsum([segment.width for segment in segments])
        self._places = [slice(end - each.width, end) for end, each in zip(ends, segments, strict=True)]
        self._trains = np.array([segment.name == TRAIN for segment in segments])

    def run(
        self,
        values: NDArray[np.float64],
        metrics: NDArray[np.float64],
        reasons: NDArray[np.uint8],
        returns: NDArray[np.float32],
    ) -> None:
        """Run one trial: write float64[segments, metrics], uint8 of the same shape, float32[sessions of segments].

        Raises StrategyError or LimitReached as the runner does.
        """
        self._runner.take(values)
        if self._pieced:
            self._run_pieces(metrics, reasons, returns)
            return
        pruned: set[int] = set()  # folds whose training ended early
        for leg in self._legs:
            segment = None if leg.row is None else self._segments[leg.row]
            if leg.row is not None and segment is not None and segment.fold in pruned and self._flat:
                PrunedRun(PRUNED_BY_TRAINING, 0).write(metrics[leg.row], reasons[leg.row])
                continue
            watch = self._pruning if segment is not None and segment.name == TRAIN else None
            try:
                self._runner.go(leg.first, leg.last, carried=leg.carried, flat=self._flat, watch=watch)
            except PrunedRun as run:
                assert segment is not None  # noqa: S101 - only trainings are watched
                pruned.add(segment.fold)
                run.write(metrics[leg.row], reasons[leg.row])
                continue
            if leg.row is not None:
                place = self._places[leg.row]
                self._summarise(leg, metrics[leg.row], reasons[leg.row], returns[place])

    def _run_pieces(
        self, metrics: NDArray[np.float64], reasons: NDArray[np.uint8], returns: NDArray[np.float32]
    ) -> None:
        done: dict[tuple[int, int], RunSummary] = {}
        for row, (segment, place) in enumerate(zip(self._segments, self._places, strict=True)):
            for run in segment.runs:
                if run not in done:
                    self._runner.go(*run, flat=True)
                    done[run] = self._runner.piece(*run)
            scratch = np.zeros(segment.sessions)
            summarise_runs([done[run] for run in segment.runs], metrics[row], reasons[row], scratch)
            if segment.width:
                returns[place] = scratch

    def summary(
        self, metrics: NDArray[np.float64], reasons: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Give a trial's own metrics, float64[metrics], and reason codes; see `mean_of_trainings`."""
        return mean_of_trainings(metrics, reasons, self._trains)

    def _summarise(
        self, leg: Leg, metrics: NDArray[np.float64], reasons: NDArray[np.uint8], returns: NDArray[np.float32]
    ) -> None:
        scratch = np.zeros(leg.last - leg.first)
        self._runner.summarise(metrics, reasons, scratch, leg.first, leg.last)
        returns[:] = scratch
