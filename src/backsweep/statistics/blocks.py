"""Sums over fixed blocks of time: the summary of a trial from which the statistics of a study are computed.

128 contiguous blocks of r and r^2, 1 KB a trial in float32. Sharpe ratios of any choice of blocks follow from them, so
that cross-validation and bootstrap are sums of sums, whatever the number of sessions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.statistics.arguments import matrix, whole

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

BLOCKS = 128
FEWEST_SESSIONS = 4
"""The fewest sessions of a record that is tested: two blocks of two."""
NEGLIGIBLE = 1e-6
"""Squared deviations below this share of the sum of squares are the rounding of float32 sums, not variation."""
_WIDTH = 4096


@dataclass(frozen=True)
class BlockSums:
    """Sums of returns and of squared returns, floats (trials, blocks), and each block's sessions, int64[blocks]."""

    sums: NDArray[np.floating]
    squares: NDArray[np.floating]
    counts: NDArray[np.int64]

    @property
    def trials(self) -> int:
        """The number of trials."""
        return int(self.sums.shape[0])

    @property
    def blocks(self) -> int:
        """The number of blocks."""
        return int(self.counts.size)

    @property
    def sessions(self) -> int:
        """The number of sessions."""
        return int(self.counts.sum())

    def sharpe(self) -> NDArray[np.float64]:
        """Return each trial's Sharpe ratio per session over all blocks; NaN where it does not vary."""
        total = self.sums.sum(axis=1, dtype=np.float64)
        return sharpe_of_sums(total, self.squares.sum(axis=1, dtype=np.float64), np.float64(self.sessions))

    def mean(self) -> NDArray[np.float64]:
        """Return each trial's mean return per session over all blocks."""
        total: NDArray[np.float64] = self.sums.sum(axis=1, dtype=np.float64)
        return total / self.sessions

    def merged(self, blocks: int) -> BlockSums:
        """Return the sums of neighbouring blocks; `blocks` is a divisor of their number, or BadInput is raised."""
        ratio = self.blocks // whole("blocks", blocks, 1, self.blocks)
        if ratio * blocks != self.blocks:
            expected, remedy = f"a divisor of {self.blocks}", "pass a divisor of the number of blocks"
            raise BadInput("blocks do not merge", expected=expected, found=str(blocks), remedy=remedy)
        parts = (self.trials, blocks, ratio)
        sums = self.sums.reshape(parts).sum(axis=2, dtype=np.float64)
        squares = self.squares.reshape(parts).sum(axis=2, dtype=np.float64)
        return BlockSums(sums, squares, self.counts.reshape(blocks, ratio).sum(axis=1))

    def chunks(self, width: int = _WIDTH) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64]]]:
        """Yield where, and float64 sums and squares of, at most `width` trials at a time."""
        for start in range(0, self.trials, width):
            part = slice(start, min(start + width, self.trials))
            yield part, self.sums[part].astype(np.float64), self.squares[part].astype(np.float64)


@dataclass(frozen=True, eq=False)
class Records:
    """The summaries of k trials: their numbers, block sums, two moments, and whether any session lost."""

    numbers: NDArray[np.int64]
    block_sums: BlockSums
    skew: NDArray[np.float64]
    kurtosis: NDArray[np.float64]
    lost: NDArray[np.bool_]


def block_bounds(sessions: int, blocks: int) -> NDArray[np.int64]:
    """Return the first session of each block, and the end: int64[blocks + 1]. Lengths differ by one at most."""
    return np.arange(blocks + 1, dtype=np.int64) * sessions // blocks


def standard_blocks(sessions: int) -> int:
    """Return 128, or the largest power of two that leaves two sessions a block (four sessions or more)."""
    return int(min(BLOCKS, 2 ** ((sessions // 2).bit_length() - 1)))


def block_sums(returns: ArrayLike, blocks: int = BLOCKS, dtype: DTypeLike = np.float64) -> BlockSums:
    """Return the block sums of returns (sessions, trials), stored as `dtype` (float32 or float64).

    `blocks` is between 2 and the number of sessions, or BadInput is raised.
    """
    given = matrix("returns", returns)
    sessions, trials = given.shape
    bounds = block_bounds(sessions, whole("blocks", blocks, 2, sessions))
    sums, squares = (np.empty((trials, blocks), dtype=dtype) for _ in range(2))
    for start in range(0, trials, _WIDTH):
        part = slice(start, start + _WIDTH)
        values = given[:, part].astype(np.float64)
        sums[part] = np.add.reduceat(values, bounds[:-1], axis=0).T
        squares[part] = np.add.reduceat(values * values, bounds[:-1], axis=0).T
    return BlockSums(sums, squares, np.diff(bounds))


def sharpe_of_sums(
    sums: NDArray[np.float64], squares: NDArray[np.float64], counts: NDArray[np.float64] | np.float64
) -> NDArray[np.float64]:
    """Return mean over standard deviation (ddof 1) from sums of r, of r^2 and counts; NaN where nothing varies."""
    deviations = sums / counts
    deviations *= sums
    np.subtract(squares, deviations, out=deviations)
    varies = deviations > NEGLIGIBLE * squares
    deviations[~varies] = np.nan
    np.sqrt(deviations, out=deviations)
    np.divide(sums, deviations, out=deviations)
    deviations *= np.sqrt((counts - 1.0) / counts / counts)
    return deviations
