"""Several searches in one study, of which each has a proposer of its own: one for every fold, and for every group.

Their batches take turns: with S searches, batch b is batch b // S of search b % S. To each proposer its search looks
like a study by itself, with batches 0, 1, 2, ... and the same lag: what it proposes depends on the number of its fold
and on its search's outcomes, not on how many folds there are, nor on the other groups. The searches of a fold have one
seed: a group proposes what a study of its assets alone would propose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.proposals import Proposer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.search.proposals import Observations, Proposals
    from backsweep.sweepfile.sweep import Sweep

_FOLDS = 5  # keeps the streams of one seed apart


@dataclass(frozen=True)
class Searches:
    """The searches of a study, in the order in which their batches take turns: all groups of a fold, then the next's.

    Attributes
    ----------
    folds : how many there are, where every fold has trials of its own; None where trials run on all folds.
    groups : the names of the groups of assets, where these have trials of their own.

    """

    folds: int | None = None
    groups: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return (self.folds or 1) * max(1, len(self.groups))

    @property
    def single(self) -> bool:
        """Whether there is one search, of all folds and all assets."""
        return self.folds is None and not self.groups

    def fold(self, batch: int) -> int | None:
        """Return the only fold that a batch's trials run on, None for all of them."""
        return None if self.folds is None else batch % self.count // max(1, len(self.groups))

    def group(self, batch: int) -> int | None:
        """Return the number of the only group that a batch's trials run on, None for all assets."""
        return batch % len(self.groups) if self.groups else None

    def seed(self, seed: int, search: int) -> int:
        """Return the seed of a search's proposer, from the study's."""
        fold = self.fold(search)
        return seed if fold is None else fold_seed(seed, fold)


def searches_of(sweep: Sweep, folds: int) -> Searches:
    """Return the searches of a study with so many folds."""
    return Searches(folds if sweep.searches_by_fold else None, tuple(sweep.search.named_groups))


class InTurns(Proposer):
    """Proposals of the proposers of all searches, in turns."""

    def __init__(self, proposers: Sequence[Proposer]) -> None:
        limit = proposers[0].limit  # that of all: it follows from the search space
        self.limit = None if limit is None else limit * len(proposers)
        self._proposers = proposers
        self._observed = 0

    def observe(self, observed: Observations) -> None:
        """Record the outcomes of a batch with the proposer of its search."""
        self._proposers[self._observed % len(self._proposers)].observe(observed)
        self._observed += 1

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:
        """Return the proposals of the batch's search, whose proposer is given that search's running batches alone."""
        count = len(self._proposers)
        turn, search = divmod(batch, count)
        others = (search - self._observed) % count  # running batches before the search's own first
        return self._proposers[search].propose(turn, size, running[others::count])


def fold_seed(seed: int, fold: int) -> int:
    """Derive the seed of a fold's proposer from the study's."""
    return int(np.random.SeedSequence([_FOLDS, seed, fold]).generate_state(1, np.uint64)[0] >> np.uint64(1))
