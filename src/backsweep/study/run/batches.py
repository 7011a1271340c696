"""The batches of a run: which there are, and what each may know when it is proposed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.in_turns import Searches

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
    searches : of which each has trials of its own, in batches that take turns.

    """

    sizes: BatchSizes
    lag: int
    total: int
    searches: Searches = field(default_factory=Searches)

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
        return self.searches.fold(batch)

    def group(self, batch: int) -> int | None:
        """Return the number of the only group of assets that a batch's trials run on, None for all assets."""
        return self.searches.group(batch)

    def numbers(self, batch: int) -> range:
        """Return the trials of a batch."""
        return range(self.sizes.start(batch), min(self.total, self.sizes.start(batch + 1)))

    def known(self, batch: int) -> int:
        """How many batches, counted from the first, must be complete before this one is proposed."""
        return max(0, batch - self.lag + 1)


def make_batches(sweep: Sweep, limit: int | None, sizes: BatchSizes, searches: Searches) -> Batches:
    """Return the batches of a study; whole ones where there are several searches, or trials are compared in them.

    `limit` is how many trials its proposer has for all searches together. Raises BadInput where that is no whole number
    of batches for each.
    """
    search, count = sweep.search, searches.count
    numbers = (None if search.trials is None else search.trials * count, limit)
    total = min(number for number in numbers if number is not None)
    if not searches.single or search.between_folds is not None:
        last = int(sizes.of(np.array(total - 1)))
        whole = sizes.start((last // count + 1) * count)
        if limit is not None and whole > limit and not searches.single:
            raise _uneven(sweep, limit // count)
        total = whole if limit is None else min(whole, limit)
    return Batches(sizes, search.lag * count, total, searches)


def _uneven(sweep: Sweep, limit: int) -> BadInput:
    size = sweep.search.batch
    fitting = max(each for each in range(1, min(size, limit) + 1) if limit % each == 0)
    return BadInput(
        f"a {sweep.search.sampler} that ends within a batch of its group",
        where=sweep.where("search", "batch"),
        expected=f"a number of trials that divides the {limit:,} of the {sweep.search.sampler}",
        found=str(size),
        remedy=f"write `batch: {fitting}` under `search`",
    )
