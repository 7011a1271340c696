"""What a sampler that learns is shown: the outcomes of whole batches, in order, as far as the next batch may know them.

Trials come in the order of their numbers, from the parts of a study that is resumed or from groups that are complete.
They are cut into batches here and are not kept once the proposer has observed them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backsweep.study.run.batches import Batches
    from backsweep.study.search.proposals import Observations, Proposals, Proposer


class Feedback:
    """Outcomes on their way to a proposer.

    Parameters
    ----------
    proposer : observes whole batches.
    batches : of the study.

    """

    def __init__(self, proposer: Proposer, batches: Batches) -> None:
        self._proposer, self._batches = proposer, batches
        self._observed = 0  # batches that the proposer has observed
        self._waiting: deque[Observations] = deque()  # whole batches after these
        self._rest: Observations | None = None  # trials of a batch that is not whole

    def add(self, seen: Observations) -> None:
        """Add the outcomes of the next trials."""
        if self._rest is not None:
            seen = self._rest.followed_by(seen)
        begin = 0
        while (end := begin + self._batches.sizes.size(self.complete)) <= len(seen.failed):
            self._waiting.append(seen.of(slice(begin, end)))
            begin = end
        self._rest = seen.of(slice(begin, None)) if begin < len(seen.failed) else None

    def pass_on(self, batch: int) -> bool:
        """Pass on to the proposer what a batch may know; returns whether that is all that it must know."""
        known = self._batches.known(batch)
        while self._waiting and self._observed < known:
            self._proposer.observe(self._waiting.popleft())
            self._observed += 1
        return self._observed >= known

    @property
    def complete(self) -> int:
        """How many batches are complete, counted from the first."""
        return self._observed + len(self._waiting)

    @property
    def unobserved(self) -> list[Proposals]:
        """The proposals of batches that are complete and that the proposer has not observed."""
        return [observed.proposals for observed in self._waiting]
