"""What each fold selects: by the score in its training, among the trials that are feasible there.

The choice is among parameter sets. A sampler may try one several times; the trials of a set are one candidate and one
neighbour, represented by the earliest that can be selected. Nothing else depends on the order or the numbers of the
trials: ties between sets are broken by the parameters, the smaller ones first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.results.neighbours import ABSENT, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.sweepfile.folds import WalkForward


class Selector:
    """Chooses among the same trials in every fold.

    Parameters
    ----------
    params : float64[trials, p], NaN where a trial does not have a parameter, or has null.
    rules : the walk-forward section.
    texts : bool[p], which of them are places of texts, and so without an order; None for none.

    """

    def __init__(self, params: NDArray[np.float64], rules: WalkForward, texts: NDArray[np.bool_] | None = None) -> None:
        self._rules = rules
        params = np.where(np.isnan(params), ABSENT, params)  # equal to itself
        self._order = np.lexsort((np.arange(len(params)), *params.T[::-1]))
        sorted_params = params[self._order]
        new = np.ones(len(params), np.bool_)
        new[1:] = (sorted_params[1:] != sorted_params[:-1]).any(axis=1)
        self._starts = np.flatnonzero(new)  # where each parameter set begins in the order
        sets = sorted_params[self._starts]
        self._near = nearest(sets, rules.neighbours, texts) if rules.select == "neighbourhood" else None

    def choose(self, losses: NDArray[np.float64], feasible: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the positions of the chosen trials, best first; none where no feasible trial has a score.

        `losses` (float64[trials], smaller is better, NaN = undefined) and `feasible` (bool[trials]) are those of the
        fold's training. With `top_k` there are as many as there are parameter sets to choose from, at most `top`. In
        the mean over a neighbourhood, trials without a score are left out, infeasible ones are not. Pruned trials
        must be passed with the worst score of the fold, so that missing neighbours do not look like a plateau.
        """
        if not len(losses):
            return self._order
        places = self._representatives(losses, feasible)
        scores = losses[places]
        allowed = feasible[places] & np.isfinite(scores)
        if self._near is not None:
            around = scores[self._near]
            known = np.isfinite(around)
            scores = np.where(known, around, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        ranked = np.argsort(np.where(allowed, scores, np.inf), kind="stable")
        count = self._rules.top if self._rules.select == "top_k" else 1
        return places[ranked[: min(count, int(allowed.sum()))]]

    def _representatives(self, losses: NDArray[np.float64], feasible: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the trial that represents each set: the first that can be selected, else the first with a score."""
        scored = np.isfinite(losses[self._order])
        merit = np.where(scored & feasible[self._order], 0, np.where(scored, 1, 2))
        keys = merit * len(merit) + np.arange(len(merit))
        first: NDArray[np.int64] = self._order[np.minimum.reduceat(keys, self._starts) % len(merit)]
        return first
