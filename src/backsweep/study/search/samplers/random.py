"""Random search: independent draws, uniform where the relations hold. A trial's number determines its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.proposals import Proposals, Proposer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

_RANDOM = 1  # keeps the streams of one seed apart


class RandomProposer(Proposer):
    """Independent draws, uniform on every axis."""

    def __init__(self, space: Space, search: Search, where: str) -> None:  # noqa: ARG002 - the same for all samplers
        self._region, self._seed = space.region, search.seed

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Draw a batch from a stream of its own."""
        stream = np.random.default_rng([_RANDOM, self._seed, batch])
        return Proposals(self._region.draw(size, stream))


make = RandomProposer
