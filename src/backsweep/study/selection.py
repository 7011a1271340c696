"""What each fold chooses: by the score in its training, among the trials that hold the constraints there.

Nothing depends on the order or the numbers of the trials: equal scores are decided by the parameters, the smaller ones
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.study.config import WalkForward

_CHUNK = 256  # rows of the matrix of distances at a time


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


def nearest(params: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Give each trial's nearest trials, itself first: int64[trials, count]; equally near ones in their order.

    Every parameter is scaled by its ranks to 0..1, so that its unit and its spacing do not matter. Takes time in
    proportion to the square of the number of trials.
    """
    ranks = np.stack([_rank(column) for column in params.T], axis=1) if params.shape[1] else params
    count = min(count, len(params))
    found = np.empty((len(params), count), np.int64)
    for start in range(0, len(params), _CHUNK):
        part = slice(start, start + _CHUNK)
        distances = np.zeros((len(ranks[part]), len(ranks)))
        for column in ranks.T:
            distances += (column[part, None] - column[None, :]) ** 2
        distances[np.arange(len(distances)), np.arange(start, start + len(distances))] = -1.0
        found[part] = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return found


def _rank(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale values to 0..1 by their place among the distinct values."""
    values, places = np.unique(column, return_inverse=True)
    return places / max(len(values) - 1, 1)
