"""Trials of a strategy with a model for each fold: each training is run under its own, the tests under those before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.trial.evaluator import Figures
from backsweep.trial.fold_runner import FoldRunner
from backsweep.trial.runner import Runner
from backsweep.trial.segment_plan import plan_segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.trial.contract import DataInfo
    from backsweep.trial.own_metrics import OwnMetrics
    from backsweep.trial.segment_plan import SegmentPlan


class FittedFolds:
    """Runs trials over the segments of a plan as FoldRunner does, with a runner for each training.

    `runner` reads features as tests do; `arguments` and `options` make others like it.
    """

    def __init__(
        self,
        runner: Runner,
        arguments: Sequence[Any],
        options: Mapping[str, Any],
        info: DataInfo,
        plan: SegmentPlan,
        own: OwnMetrics | None,
    ) -> None:
        self._slots = plan.slots
        self._parts: list[tuple[list[int], FoldRunner]] = []
        tests = []
        for place, segment in enumerate(info.segments):
            if segment.is_training:
                trained = Runner(*arguments, **{**options, "features": options["features"].training(segment.fold)})
                alone = plan_segments(replace(info, segments=(segment,)), flat=plan.flat)
                self._parts.append(([place], FoldRunner(trained, alone, own=own)))
            else:
                tests.append(place)
        if tests:
            segments = tuple(info.segments[place] for place in tests)
            tested = plan_segments(replace(info, segments=segments), flat=plan.flat)
            self._parts.append((tests, FoldRunner(runner, tested, own=own)))

    def run(self, values: NDArray[np.float64], figures: Figures) -> dict[int, str]:
        """Run trials with these values, float64[k, params]: fill in their figures, as the plan has them.

        Returns the texts of the errors of those that fail, by their rows; these leave the figures untouched.
        """
        errors: dict[int, str] = {}
        for places, runner in self._parts:
            columns = np.concatenate(
                [np.arange(figures.returns.shape[1])[self._slots[each].returns] for each in places]
            )
            part = Figures(figures.metrics[:, places], figures.reasons[:, places], figures.returns[:, columns])
            part = Figures(*map(np.ascontiguousarray, part))
            errors = runner.run(values, part) | errors
            figures.metrics[:, places], figures.reasons[:, places] = part.metrics, part.reasons
            figures.returns[:, columns] = part.returns
        for row in errors:
            figures.clear(row)
        return errors
