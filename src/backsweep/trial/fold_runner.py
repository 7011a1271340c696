"""One trial on every fold: its segments run one after the other, each with metrics and returns of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.metrics.reasons import PRUNED_BY_TRAINING
from backsweep.trial.folds import TRAIN
from backsweep.trial.runner import PrunedRun
from backsweep.trial.summaries import summarise_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.sweepfile.pruning import PruningSpec
    from backsweep.trial.own_metrics import OwnMetrics
    from backsweep.trial.runner import Runner
    from backsweep.trial.segment_plan import SegmentPlan


class FoldRunner:
    """Runs a runner's trials over the segments of a plan.

    With `pruning`, a training that ends early leaves no metric but its sessions, and the test of its fold is not run
    unless tests carry on; other folds do not know. `own` are the user's metrics.
    """

    def __init__(
        self,
        runner: Runner,
        plan: SegmentPlan,
        *,
        pruning: PruningSpec | None = None,
        own: OwnMetrics | None = None,
    ) -> None:
        self._runner = runner
        self._plan = plan
        self._pruning = pruning
        self._own = own

    def run(
        self,
        values: NDArray[np.float64],
        metrics: NDArray[np.float64],
        reasons: NDArray[np.uint8],
        returns: NDArray[np.float32],
    ) -> None:
        """Run one trial: write float64[slots, metrics], uint8 of the same shape, float32[sessions of the slots].

        Raises StrategyError or LimitReached as the runner does.
        """
        self._runner.take(values)
        if self._plan.compounded:
            self._run_compounded(values, metrics, reasons, returns)
            return
        flat = self._plan.flat
        pruned: set[int] = set()  # folds whose training ended early
        for run in self._plan.runs:
            if run.place is None:
                self._runner.go(run.sessions, carried=run.carried, flat=flat)
                continue
            slot, row = self._plan.slots[run.place], run.place
            if slot.segment.fold in pruned and flat:
                PrunedRun(PRUNED_BY_TRAINING, 0).write(metrics[row], reasons[row])
                continue
            watch = self._pruning if slot.segment.name == TRAIN else None
            try:
                self._runner.go(run.sessions, carried=run.carried, flat=flat, watch=watch)
            except PrunedRun as end:
                pruned.add(slot.segment.fold)
                end.write(metrics[row], reasons[row])
                continue
            earned = np.zeros(run.sessions.sessions)
            left = self._runner.summarise(metrics[row], reasons[row], earned, run.sessions)
            if self._own is not None:
                self._own.write([run.sessions], left, values, metrics[row], reasons[row])
            returns[slot.returns] = earned

    def _run_compounded(
        self,
        values: NDArray[np.float64],
        metrics: NDArray[np.float64],
        reasons: NDArray[np.uint8],
        returns: NDArray[np.float32],
    ) -> None:
        summaries = []
        for run in self._plan.runs:
            self._runner.go(run.sessions, flat=self._plan.flat)
            summaries.append(self._runner.summary(run.sessions))
        for row, slot in enumerate(self._plan.slots):
            earned = np.zeros(slot.segment.sessions)
            runs, ranges = zip(*((summaries[place], self._plan.ranges[place]) for place in slot.places), strict=True)
            left = summarise_runs(runs, metrics[row], reasons[row], earned)
            if self._runner.market.benchmark is not None:
                self._runner.market.benchmark.write(ranges, earned, metrics[row], reasons[row])
            if self._own is not None:
                self._own.write(ranges, left, values, metrics[row], reasons[row])
            if slot.returns is not None:
                returns[slot.returns] = earned
