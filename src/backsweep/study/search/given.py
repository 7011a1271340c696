"""Given trials before those of a sampler: a batch of their own, whatever the sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.study.search.proposals import Proposer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from backsweep.study.search.proposals import Observations, Proposals


class GivenFirst(Proposer):
    """Given trials as batch 0, and a sampler's batches after it, which for the sampler begin with 0 as always.

    A sampler that learns observes the given trials, too, and is told of them while they run.
    """

    def __init__(self, values: NDArray[np.float64], proposer: Proposer) -> None:
        self.limit = None if proposer.limit is None else proposer.limit + len(values)
        self._values, self._proposer = values, proposer
        self._observed = False

    def observe(self, observed: Observations) -> None:
        """Record the outcomes of the next batch."""
        if self._observed:
            self._proposer.observe(observed)
        else:
            self._proposer.observe_given(observed)
        self._observed = True

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:
        """Return the given trials, or a batch of the sampler."""
        if batch == 0:
            return self._proposer.adopt(self._values)
        return self._proposer.propose(batch - 1, size, running)
