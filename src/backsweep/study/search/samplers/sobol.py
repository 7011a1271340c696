"""Sobol sequences: points spread evenly over the space. A trial's number determines its values.

Direction numbers: S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections",
SIAM J. Sci. Comput. 30 (2008) 2635-2654, their table new-joe-kuo-6. Order of points: Antonov and Saleev's Gray code.
"""

from __future__ import annotations

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

_SHIFT = 2  # keeps the streams of one seed apart
_BITS = 32

# Per dimension from the second on: coefficients of the primitive polynomial (without the first and the last), and the
# initial direction numbers, as many as the polynomial's degree.
_JOE_KUO: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, (1,)),
    (1, (1, 3)),
    (1, (1, 3, 1)),
    (2, (1, 1, 1)),
    (1, (1, 1, 3, 3)),
    (4, (1, 3, 5, 13)),
    (2, (1, 1, 5, 5, 17)),
    (4, (1, 1, 5, 5, 5)),
    (7, (1, 1, 7, 11, 19)),
    (11, (1, 1, 5, 1, 1)),
    (13, (1, 1, 1, 3, 11)),
    (14, (1, 3, 5, 5, 31)),
    (1, (1, 3, 3, 9, 7, 49)),
    (13, (1, 1, 1, 15, 21, 21)),
    (16, (1, 3, 1, 13, 27, 49)),
    (19, (1, 1, 1, 15, 7, 5)),
    (22, (1, 3, 1, 15, 13, 25)),
    (25, (1, 1, 5, 5, 19, 61)),
    (1, (1, 3, 7, 11, 23, 15, 103)),
    (4, (1, 3, 7, 13, 13, 15, 69)),
)
MAX_DIMENSIONS = len(_JOE_KUO) + 1


def _directions() -> NDArray[np.uint32]:
    """Return uint32[dimensions, bits], the number that each bit of a point's Gray code adds to it."""
    table = np.zeros((MAX_DIMENSIONS, _BITS), dtype=np.uint32)
    table[0] = [1 << (_BITS - 1 - bit) for bit in range(_BITS)]
    for row, (polynomial, initial) in enumerate(_JOE_KUO, start=1):
        degree = len(initial)
        numbers = [m << (_BITS - 1 - bit) for bit, m in enumerate(initial)]
        for bit in range(degree, _BITS):
            number = numbers[bit - degree] ^ (numbers[bit - degree] >> degree)
            for k in range(1, degree):
                if polynomial >> (degree - 1 - k) & 1:
                    number ^= numbers[bit - k]
            numbers.append(number)
        table[row] = numbers
    return table


_TABLE = _directions()


def sobol_points(start: int, count: int, shift: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Points `start` to `start + count` of the sequence, each digit-shifted: float64[count, dimensions] in (0, 1).

    `shift` is uint32[dimensions]; a shift of 0 gives the plain sequence, half a last digit to the right.
    """
    index = np.arange(start, start + count, dtype=np.uint64)
    gray = index ^ (index >> np.uint64(1))
    points = np.tile(shift, (count, 1))
    for bit in range(int(gray.max(initial=0)).bit_length()):
        chosen = (gray >> np.uint64(bit) & np.uint64(1)).astype(bool)
        points[chosen] ^= _TABLE[: len(shift), bit]
    return (points.astype(np.float64) + 0.5) / 2.0**_BITS


class SobolProposer(Proposer):
    """A Sobol sequence with a random digital shift: evenly spread, and different for every seed."""

    def __init__(self, space: Space, search: Search, where: str) -> None:
        count = len(space.dimensions)
        if count > MAX_DIMENSIONS:
            raise BadInput(
                "too many parameters for a Sobol sequence",
                where=where,
                expected=f"at most {MAX_DIMENSIONS}",
                found=str(count),
                remedy="use `sampler: random`, or fix some parameters",
            )
        self._shift: NDArray[np.uint32] = np.random.default_rng([_SHIFT, search.seed]).integers(
            2**32, size=count, dtype=np.uint32
        )
        self._points = Sequel(space.region, lambda start, size: space.from_unit(sobol_points(start, size, self._shift)))

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Return the next points of the sequence, computed from their numbers."""
        return Proposals(self._points.batch(batch, size))


make = SobolProposer
