"""Proposers without a memory: random draws, a Sobol sequence, a grid. A trial's number says what it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.proposals import Proposals
from backsweep.study.search.samplers.sobol import MAX_DIMENSIONS, sobol_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.proposals import Observations
    from backsweep.study.search.space import Space

_RANDOM, _SHIFT = 1, 2  # keep the streams of one seed apart


class RandomProposer:
    """Independent draws, uniform on every axis."""

    adaptive = False
    limit: int | None = None

    def __init__(self, space: Space, seed: int, batch: int) -> None:
        self._space, self._seed, self._size = space, seed, batch

    def propose(self, batch: int, past: Sequence[Observations], running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Draw a batch from a stream of its own."""
        stream = np.random.default_rng([_RANDOM, self._seed, batch])
        return Proposals(self._space.from_unit(stream.random((self._size, len(self._space.dimensions)))))


class SobolProposer:
    """A Sobol sequence with a random digital shift: evenly spread, and different for every seed."""

    adaptive = False
    limit: int | None = None

    def __init__(self, space: Space, seed: int, batch: int, where: str) -> None:
        count = len(space.dimensions)
        if count > MAX_DIMENSIONS:
            raise BadInput(
                "too many parameters for a Sobol sequence",
                where=where,
                expected=f"at most {MAX_DIMENSIONS}",
                found=str(count),
                remedy="use `sampler: random`, or fix some parameters",
            )
        self._space, self._size = space, batch
        self._shift: NDArray[np.uint32] = np.random.default_rng([_SHIFT, seed]).integers(
            2**32, size=count, dtype=np.uint32
        )

    def propose(self, batch: int, past: Sequence[Observations], running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Take the sequence's next points; they are found by their number, not by walking there."""
        return Proposals(self._space.from_unit(sobol_points(batch * self._size, self._size, self._shift)))


class GridProposer:
    """Every combination of the axes' values, the last axis varying fastest; never held in memory."""

    adaptive = False

    def __init__(self, space: Space, batch: int, where: str) -> None:
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
        self.limit: int | None = math.prod(sizes)
        self._space, self._size, self._sizes = space, batch, sizes

    def propose(self, batch: int, past: Sequence[Observations], running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Count through the combinations as through a number whose digits have different bases."""
        rest = np.arange(batch * self._size, (batch + 1) * self._size, dtype=np.int64)
        values = np.empty((self._size, len(self._sizes)))
        for j in reversed(range(len(self._sizes))):
            rest, digit = np.divmod(rest, self._sizes[j])
            values[:, j] = self._space.dimensions[j].at(digit)
        return Proposals(values)
