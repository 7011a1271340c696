"""The trials that proposals are made from: the best ones and the latest ones of all that were finished.

The archive is a function of the trials in their order, whatever the groups in which they were added: it discards only
when it is full, and that depends on their number alone. It does not grow with the study.

Trials rank as in Optuna: feasible and complete ones by their loss, undefined losses last; then feasible ones that were
pruned, those that came furthest first; then infeasible ones by the sum of their violations. Equals rank in their order.
Several losses count by non-dominated fronts; of the front that does not fit, those that add most hypervolume.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.fronts import fronts
from backsweep.study.search.tpe.subset import choose_subset

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEST = 25  # Optuna's good trials are at most so many
LATEST = 241  # and exactly these once there are so many trials
PARENTS = (5, 10)
"""With how many of the best trials proposals are crossed, at least and at most."""
_ROOM = 1024
COMPLETE = -math.inf


class Archive:
    """The best and the latest trials.

    Attributes
    ----------
    count : usable trials ever added.
    defined : those of them whose losses are defined.

    """

    def __init__(self, axes: int, objectives: int) -> None:
        self.count = self.defined = 0
        self._size = 0
        self._latent = np.empty((_ROOM, axes))
        self._losses = np.empty((_ROOM, objectives))
        self._excess = np.empty(_ROOM)
        self._progress = np.empty(_ROOM)

    def add(
        self,
        latent: NDArray[np.float64],
        losses: NDArray[np.float64],
        excess: NDArray[np.float64],
        progress: NDArray[np.float64] | None = None,
    ) -> None:
        """Add finished trials in their order, without failed ones.

        `latent`, float64[k, p], is NaN where a trial has no value; `losses`, float64[k, m], NaN where undefined;
        `excess`, float64[k], is the sum of violations; `progress`, float64[k], is COMPLETE, as for all
        if it is None, or for a pruned trial finite and the smaller the further it came.
        """
        bad = np.isnan(losses) if losses.shape[1] == 1 else ~np.isfinite(losses)
        undefined = np.logical_or.reduce(bad, axis=1)
        losses = np.where(undefined[:, None], np.inf, losses)
        self.count += len(losses)
        self.defined += len(losses) - int(np.count_nonzero(undefined))
        progress = np.full(len(losses), COMPLETE) if progress is None else progress
        start = 0
        while start < len(losses):
            taken = min(len(losses) - start, _ROOM - self._size)
            to, part = slice(self._size, self._size + taken), slice(start, start + taken)
            self._latent[to], self._losses[to] = latent[part], losses[part]
            self._excess[to], self._progress[to] = excess[part], progress[part]
            self._size += taken
            start += taken
            if self._size == _ROOM:
                self._keep(self._select())

    def split(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return latent coordinates, float64[n, p] each: of good trials, of the others among the latest, of parents.

        Good are a tenth of all trials, at most BEST. Parents are a tenth, too, within PARENTS, the best
        ones first.
        """
        ranked = self._rank()
        good = ranked[: min(math.ceil(0.1 * self.count), BEST)]
        kept = self._select(ranked)
        kept[good] = False
        parents = ranked[: min(max(len(good), PARENTS[0]), PARENTS[1])]
        return self._latent[np.sort(good)], self._latent[: self._size][kept], self._latent[parents]

    def _select(self, ranked: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """Return which trials are among the best or the latest, bool[n]."""
        kept = np.zeros(self._size, np.bool_)
        kept[-LATEST:] = True
        kept[(self._rank() if ranked is None else ranked)[:BEST]] = True
        return kept

    def _keep(self, kept: NDArray[np.bool_]) -> None:
        size = int(np.count_nonzero(kept))
        for column in (self._latent, self._losses, self._excess, self._progress):
            column[:size] = column[kept]
        self._size = size

    def _rank(self) -> NDArray[np.int64]:
        """Return the places of the trials, of the best ones first: int64[n]; several losses in order as far as BEST."""
        losses, excess = self._losses[: self._size], self._excess[: self._size]
        good = min(math.ceil(0.1 * self.count), BEST)
        feasible = excess <= 0.0
        progress = np.where(feasible, self._progress[: self._size], 0.0)
        loss = (
            losses[:, 0] if losses.shape[1] == 1 else _rank_by_fronts(losses, feasible & (progress == COMPLETE), good)
        )
        return np.lexsort((np.where(feasible, loss, 0.0), progress, excess))


def _rank_by_fronts(losses: NDArray[np.float64], counted: NDArray[np.bool_], good: int) -> NDArray[np.float64]:
    """Return the number of each trial's front, less a half if it is chosen from the front in which the good ones end.

    It is infinite for undefined trials, and those that are not counted.
    """
    places = np.flatnonzero(counted & np.isfinite(losses).all(axis=1))
    result = np.full(len(losses), np.inf)
    result[places] = found = fronts(losses[places])
    if len(places) > good:
        last = np.partition(found, good - 1)[good - 1]
        tied = places[found == last]
        left = good - int(np.count_nonzero(found < last))
        if left < len(tied):
            result[tied[choose_subset(losses[tied], left)]] -= 0.5
    return result
