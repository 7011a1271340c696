"""The batches of a run: which there are, and what each may know when it is proposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from backsweep.study.search.batch_sizes import BatchSizes
    from backsweep.sweepfile.sweep import Sweep


@dataclass(frozen=True)
class Batches:
    """The batches of a study.

    Attributes
    ----------
    sizes : which trials each has; the last may have fewer.
    lag : batch k is proposed from the outcomes of batches 0 to k - lag, so that workers need not wait at a batch's end.
    total : trials in the study.
    by_fold : whether every fold has trials of its own, in batches that take turns.

    """

    sizes: BatchSizes
    lag: int
    total: int
    by_fold: bool = False

    @property
    def count(self) -> int:
        """How many batches there are."""
        return self.begun(self.total)

    def of(self, number: int) -> int:
        """Return the batch of a trial."""
        return int(self.sizes.of(np.array(number)))

    def begun(self, trials: int) -> int:
        """How many batches the first trials are in."""
        return self.of(trials - 1) + 1 if trials else 0

    def fold(self, batch: int) -> int | None:
        """Return the only fold that a batch's trials run on, None for all of them."""
        return batch % self.sizes.folds if self.by_fold else None

    def numbers(self, batch: int) -> range:
        """Return the trials of a batch."""
        return range(self.sizes.start(batch), min(self.total, self.sizes.start(batch + 1)))

    def known(self, batch: int) -> int:
        """How many batches, counted from the first, must be complete before this one is proposed."""
        return max(0, batch - self.lag + 1)


def make_batches(sweep: Sweep, limit: int | None, sizes: BatchSizes) -> Batches:
    """Return the batches of a study; whole ones where every fold has its own, and where trials are compared in them."""
    search, folds = sweep.search, sizes.folds
    total = folds * min(number for number in (search.trials, limit) if number is not None)
    if sweep.searches_by_fold or search.between_folds is not None:
        last = int(sizes.of(np.array(total - 1)))
        whole = sizes.start((last // folds + 1) * folds)
        total = whole if limit is None else min(whole, limit)
    return Batches(sizes, search.lag * folds, total, sweep.searches_by_fold)
