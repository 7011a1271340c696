"""Trials on every fold: the segments of each run one after the other, with metrics and returns of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.codes import NONE
from backsweep.errors import StrategyError
from backsweep.metrics.reasons import FIRST_PRUNED
from backsweep.trial.evaluator import Figures
from backsweep.trial.layout import lay_out
from backsweep.trial.summaries import summarise_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.sweepfile.pruning import PruningSpec
    from backsweep.trial.own_metrics import OwnMetrics
    from backsweep.trial.runner import Runner
    from backsweep.trial.segment_plan import PlannedRun, SegmentPlan


COMPARED = 64
"""Trials that are run before they are compared with a benchmark, or have metrics of the user's own."""


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
        self._own = own
        self._pruning = None if plan.compounded else pruning
        self._layout = lay_out(plan, [runner.years(each) for each in plan.ranges])
        self._job = runner.make_job([self._plan_run(run) for run in plan.runs], self._layout)

    def run(self, values: NDArray[np.float64], figures: Figures) -> dict[int, str]:
        """Run trials with these values, float64[k, params]: fill in their figures, as the plan has them.

        Returns the texts of the errors of those that fail, by their rows; these leave the figures untouched.
        """
        if self._runner.market.benchmark is None and self._own is None:
            return self._runner.run_chunk(self._job._replace(**figures._asdict()), values)
        errors: dict[int, str] = {}
        for first in range(0, len(values), COMPARED):
            part = values[first : first + COMPARED]
            own = figures.of(slice(first, first + COMPARED))
            job = self._job._replace(**own._asdict(), sums=np.zeros((len(part), self._layout.width)))
            failed = self._runner.run_chunk(job, part)
            for row in set(range(len(part))) - failed.keys():
                try:
                    self._add_metrics(part[row], job.sums[row], own.metrics[row], own.reasons[row])
                except StrategyError as error:
                    failed[row] = str(error)
                    own.clear(row)
            errors |= {first + row: text for row, text in failed.items()}
        return errors

    def _add_metrics(
        self,
        values: NDArray[np.float64],
        sums: NDArray[np.float64],
        metrics: NDArray[np.float64],
        reasons: NDArray[np.uint8],
    ) -> None:
        """Write what a trial's segments are beside the benchmark, and the user's metrics, but of those pruned."""
        market = self._runner.market
        for place, slot in enumerate(self._plan.slots):
            if reasons[place].max() >= FIRST_PRUNED:
                continue
            per_year = market.sessions.per_year
            left = summarise_sums(sums, self._layout, place, per_year, metrics[place], reasons[place])
            ranges = [self._plan.ranges[each] for each in slot.places]
            if market.benchmark is not None:
                market.benchmark.write(ranges, left.returns, metrics[place], reasons[place])
            if self._own is not None:
                self._own.write(ranges, left, values, metrics[place], reasons[place])

    def _plan_run(self, run: PlannedRun) -> dict[str, float]:
        if run.place is None:
            return self._runner.plan_run(run.sessions, carried=run.carried, flat=self._plan.flat)
        fold, watch = NONE, None
        if not self._plan.compounded:
            segment = self._plan.slots[run.place].segment
            watch = self._pruning if segment.is_training else None
            fold = segment.fold if self._plan.flat and self._pruning is not None else NONE
        planned = self._runner.plan_run(run.sessions, carried=run.carried, flat=self._plan.flat, watch=watch)
        return planned | {"place": run.place, "fold": fold}
