"""Grid search: every combination of the axes' values. A trial's number determines its values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.proposals import Proposals, Proposer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search


class GridProposer(Proposer):
    """Every combination of the axes' values, the last axis varying fastest; never held in memory."""

    def __init__(self, space: Space, search: Search, where: str) -> None:  # noqa: ARG002 - the same for all samplers
        sizes = []
        for axis in space.dimensions:
            if axis.size is None:
                raise BadInput(
                    f"a grid needs a step for `{axis.name}`",
                    where=where,
                    expected="steps, whole numbers or choices on every axis",
                    found=f"a continuous range from {axis.low} to {axis.high}",
                    remedy=f"give `{axis.name}` a step or choices under `search.params`",
                )
            sizes.append(axis.size)
        self.limit = math.prod(sizes)
        self._space, self._sizes = space, sizes

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Count through the combinations as through a number whose digits have different bases."""
        rest = np.arange(batch * size, (batch + 1) * size, dtype=np.int64)
        values = np.empty((size, len(self._sizes)))
        for j in reversed(range(len(self._sizes))):
            rest, digit = np.divmod(rest, self._sizes[j])
            values[:, j] = self._space.dimensions[j].at(digit)
        return Proposals(values)


make = GridProposer
