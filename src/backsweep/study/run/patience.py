"""Patience: a study ends after so many trials without a better one.

Better is a trial that holds the constraints and is in some objective better than every such trial before it that is as
good in the others. Trials are looked at in the order of their numbers and a study ends with a whole batch, so that its
end follows from its trials alone: not from where they ran, nor from where a run was interrupted. Where folds or groups
are searches of their own, a study ends once none of them has found a better one for so long, after as many batches of
each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.study.run.batches import Batches


class Patience:
    """Watches the trials of a study.

    Parameters
    ----------
    limit : trials without a better one after which the study ends; None for no such end.
    batches : of the study.

    """

    def __init__(self, limit: int | None, batches: Batches) -> None:
        self._limit, self._batches = limit, batches
        self._searches = [_Search() for _ in range(batches.searches.count)]
        self._seen = 0
        self.end: int | None = None
        """How many trials the study has if its patience is over, else None."""

    def add(self, losses: NDArray[np.float64], usable: NDArray[np.bool_]) -> None:
        """Look at the next trials, up to the end.

        `losses` are float64[k, objectives], smaller is better; `usable` says which trials are complete, hold the
        constraints and have all of them.
        """
        begin = 0
        while self._limit is not None and self.end is None and begin < len(losses):
            batch = self._batches.of(self._seen)
            turn = batch % len(self._searches)
            stop = begin + self._batches.numbers(batch).stop - self._seen
            part = slice(begin, min(stop, len(losses)))
            self._searches[turn].add(losses[part], usable[part])
            self._seen += part.stop - begin
            whole = part.stop == stop and turn == len(self._searches) - 1
            if whole and min(search.stale for search in self._searches) >= self._limit:
                self.end = self._seen
            begin = part.stop


class _Search:
    """The best trials of one search, none of which beats another; `stale` is how many came after the last of them."""

    def __init__(self) -> None:
        self.stale = 0
        self._best: NDArray[np.float64] | None = None

    def add(self, losses: NDArray[np.float64], usable: NDArray[np.bool_]) -> None:
        self.stale += len(losses)
        rows = np.flatnonzero(usable)
        if self._best is not None and len(self._best) == 1:  # most trials are not better
            rows = rows[(losses[rows] < self._best[0]).any(axis=1)]
        for row in rows:
            loss, best = losses[row], self._best
            if best is None:
                self._best = loss[None, :]
            elif (best <= loss).all(axis=1).any():
                continue
            else:
                self._best = np.vstack([best[~(loss <= best).all(axis=1)], loss])
            self.stale = len(losses) - 1 - int(row)
