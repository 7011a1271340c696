"""Which trials belong to which batch: all batches have one size, or they grow with the number of trials before them.

Batches that grow begin with 8 trials and have at most a share of the trials before them, rounded down to a power of
two, until they have the size that the sweep file says. So the first outcomes count early, where a sampler knows least,
and the size of a batch follows from its number alone. The share, such as a sixteenth, is the sampler's.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.sweepfile.search import Search

_FIRST = 8  # trials in the first batch

GROWING = 2
"""The version of the rules for proposals from which on batches grow; see `sweepfile.search.Sampler`."""
_SHARE = 16  # of every sampler in that version


class _Step(NamedTuple):
    """Batches of one size: their first trial, the number of their first batch, their size."""

    trial: int
    batch: int
    size: int


@dataclass(frozen=True)
class BatchSizes:
    """The batches of a study, as ranges of trial numbers.

    Attributes
    ----------
    largest : trials in a batch.
    share : the first batches have fewer, at most one trial for so many before them; 0 where all have one size.
    searches : where folds or groups have trials of their own, how many searches there are: their batches take turns,
        and grow with the trials of their search. Else 1.
    given : trials that the sweep file gives, which are a batch of their own before all others; 0 for none.

    """

    largest: int
    share: int = 0
    searches: int = 1
    given: int = 0

    def start(self, batch: int) -> int:
        """Return the first trial of a batch."""
        turn, search = divmod(batch, self.searches)
        step = self._steps[bisect_right(self._steps, turn, key=lambda each: each.batch) - 1]
        return (step.trial + (turn - step.batch) * step.size) * self.searches + search * step.size

    def size(self, batch: int) -> int:
        """Return how many trials a batch has."""
        return self.start(batch + 1) - self.start(batch)

    def of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the batch of each trial."""
        trial, batch, size = np.asarray(self._steps, np.int64).T
        step = np.searchsorted(trial * self.searches, numbers, side="right") - 1
        turns, rest = np.divmod(numbers - trial[step] * self.searches, size[step] * self.searches)
        batches: NDArray[np.int64] = (batch[step] + turns) * self.searches + rest // size[step]
        return batches

    @cached_property
    def _steps(self) -> tuple[_Step, ...]:
        steps = [_Step(0, 0, self.given)] if self.given else []
        steps.append(_Step(self.given, len(steps), min(_FIRST, self.largest) if self.share else self.largest))
        while steps[-1].size < self.largest:
            trial, batch, size = steps[-1]
            end = self.given + 2 * self.share * size
            steps.append(_Step(end, batch + (end - trial) // size, min(2 * size, self.largest)))
        return tuple(steps)


def batch_sizes(search: Search, version: int, searches: int = 1) -> BatchSizes:
    """Return the batches of a search by the rules of a version; `searches` as in `BatchSizes`."""
    share = search.known_sampler.grows if version > GROWING else _SHARE
    growing = search.known_sampler.grows and version >= GROWING
    return BatchSizes(search.batch, share if growing else 0, searches, search.given)
