"""A signed-rank test against the batch's median between folds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from backsweep.statistics.signed_rank import signed_rank
from backsweep.sweepfile.pruners.pruner import Pruner, spaced

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GROWTH = 1.5  # of the number of folds, from one comparison to the next


class Wilcoxon(Pruner):
    """A trial stops once its trainings are worse than the batch's median, by the signed-rank test at level `p`.

    A fold's median is that of the trials that still run, the lower one of two; the trial with the best means always
    goes on. Compared is the first objective; a training without one, or that breaks a constraint, is worse than any
    other.
    """

    kind: Literal["wilcoxon"]
    after: Annotated[int, Field(ge=1)] = 3
    """Folds before the first comparison, or as many as it takes for such a p-value; each one comes after half as many
    folds more, as each has its price, that of preparing each trial again."""
    p: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    """The level; as trainings overlap and comparisons repeat, it is a threshold and no error rate."""

    def rungs(self, folds: int) -> list[int]:
        """Return after how many of the folds trials are compared."""
        return spaced(max(self.after, math.ceil(-math.log2(self.p))), _GROWTH, folds)

    def trials_to_stop(
        self, order: NDArray[np.int64], losses: NDArray[np.float64], violations: NDArray[np.float64]
    ) -> dict[int, str]:
        """Return those below the median, but for the trial with the best means."""
        usable = np.isfinite(losses[..., 0]) & (violations <= 0.0).all(axis=-1)
        scores = np.where(usable, -losses[..., 0], -np.inf)
        medians = np.sort(scores, axis=0)[(len(scores) - 1) // 2]
        unlike = scores != medians  # equal infinities have no difference
        tested = [signed_rank(row[pairs] - medians[pairs]) for row, pairs in zip(scores, unlike, strict=True)]
        worse = {row: f"below the median, p = {p:.3g}" for row, p in enumerate(tested) if p <= self.p}
        worse.pop(int(order[0]), None)
        return worse
