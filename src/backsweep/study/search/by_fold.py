"""Proposals of their own for every fold: one proposer each, with a seed of its own, that is given its fold alone.

The batches of the folds take turns: with F folds, batch b is batch b // F of fold b % F. To each proposer its fold
looks like a study by itself, with batches 0, 1, 2, ... and the same lag: what it proposes depends on the number of its
fold and on that fold's outcomes, not on how many folds there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.proposals import Proposer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.search.proposals import Observations, Proposals

_FOLDS = 5  # keeps the streams of one seed apart


class ByFold(Proposer):
    """Proposals of the proposers of all folds, in turns."""

    def __init__(self, proposers: Sequence[Proposer]) -> None:
        self._proposers = proposers
        self._observed = 0

    def observe(self, observed: Observations) -> None:
        """Record the outcomes of a batch with the proposer of its fold."""
        self._proposers[self._observed % len(self._proposers)].observe(observed)
        self._observed += 1

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:
        """Return the proposals of the batch's fold, whose proposer is given that fold's running batches alone."""
        count = len(self._proposers)
        turn, fold = divmod(batch, count)
        others = (fold - self._observed) % count  # running batches before the fold's own first
        return self._proposers[fold].propose(turn, size, running[others::count])


def fold_seed(seed: int, fold: int) -> int:
    """Derive the seed of a fold's proposer from the study's."""
    return int(np.random.SeedSequence([_FOLDS, seed, fold]).generate_state(1, np.uint64)[0] >> np.uint64(1))
