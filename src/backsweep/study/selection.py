"""What each fold chooses: by the score in its training, among the trials that hold the constraints there.

Nothing depends on the order or the numbers of the trials: equal scores are decided by the parameters, the smaller ones
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.neighbours import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.study.config import WalkForward


class Selector:
    """Chooses among the same trials in every fold.

    Parameters
    ----------
    params : float64[trials, p].
    rules : the walk-forward section.

    """

    def __init__(self, params: NDArray[np.float64], rules: WalkForward) -> None:
        self._rules = rules
        self._order = np.lexsort(params.T[::-1]) if params.shape[1] else np.arange(len(params))
        self._near = nearest(params[self._order], rules.neighbours) if rules.select == "neighbourhood" else None

    def choose(self, losses: NDArray[np.float64], feasible: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give the positions of the chosen trials, best first; none where no feasible trial has a score.

        `losses` (float64[trials], smaller is better, NaN = undefined) and `feasible` (bool[trials]) are those of the
        fold's training. A neighbour without a score does not count in the mean, one that breaks a constraint does. A
        pruned one is to be given the worst score of the fold: nothing shall look like a plateau for want of neighbours.
        """
        scores = losses[self._order]
        allowed = feasible[self._order] & np.isfinite(scores)
        if self._near is not None:
            around = scores[self._near]
            known = np.isfinite(around)
            scores = np.where(known, around, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        ranked = np.argsort(np.where(allowed, scores, np.inf), kind="stable")
        count = self._rules.top if self._rules.select == "top_k" else 1
        return self._order[ranked[: min(count, int(allowed.sum()))]]
