"""Grid search: every combination of the axes' values that relations allow, each once.

A trial's number determines its values. Combinations that differ in parameters which conditions rule out are one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.proposals import Proposals, Proposer
from backsweep.study.search.region import Sequel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search


_MOST = 10**9  # combinations that are counted at the start
_BLOCK = 2**16


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
        self._space, self._sizes = space, sizes
        related = {name for each in (*space.relations, *space.when.values()) for name in each.names} | space.when.keys()
        self._related = [name in related for name in space.names]
        self.limit = self._count(where)
        counts = self._counts if related else None
        self._points = Sequel(space.region, lambda start, size: self._values(start, size, self._sizes), counts)

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Return the next combinations, found by their numbers; behind the last one it begins again."""
        return Proposals(self._space.masked(self._points.batch(batch, size)))

    def _counts(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which combinations count, bool[k]: relations hold, and what is ruled out has its axis' first value."""
        counts = self._space.region.holds(values)
        active = self._space.region.conditions.active(values)
        for j in self._space.region.conditions.places:
            counts &= active[:, j] | (values[:, j] == self._space.dimensions[j].at(np.asarray(0)))
        return counts

    def _values(self, start: int, size: int, sizes: Sequence[int]) -> NDArray[np.float64]:
        """Count through the combinations as through a number whose digits have different bases."""
        rest = np.arange(start, start + size, dtype=np.int64)
        values = np.empty((size, len(sizes)))
        for j in reversed(range(len(sizes))):
            rest, digit = np.divmod(rest, sizes[j])
            values[:, j] = self._space.dimensions[j].at(digit)
        return values

    def _count(self, where: str) -> int:
        """Return how many combinations there are; those of axes that relations and conditions name are looked at."""
        pairs = list(zip(self._sizes, self._related, strict=True))
        named = math.prod(size for size, related in pairs if related)
        others = math.prod(size for size, related in pairs if not related)
        if named > _MOST:
            raise BadInput(
                "a grid too fine for its relations",
                where=where,
                expected=f"at most {_MOST:,} combinations of the parameters that relations and conditions name",
                found=f"{named:,}",
                remedy="give these parameters larger steps, or use `sampler: sobol`",
            )
        if not any(self._related):
            return others
        sizes = [size if related else 1 for size, related in pairs]
        blocks = ((start, min(_BLOCK, named - start)) for start in range(0, named, _BLOCK))
        held = sum(int(self._counts(self._values(*block, sizes)).sum()) for block in blocks)
        if not held:
            expected, found = "relations that some combination satisfies", f"none of {named:,} does"
            raise BadInput("an empty grid", where=where, expected=expected, found=found, remedy="use smaller steps")
        return held * others


make = GridProposer
