"""How many trials a study would have if they were independent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.statistics.arguments import matrix
from backsweep.statistics.blocks import BLOCKS, BlockSums, block_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def effective_trials(returns: ArrayLike, blocks: int = BLOCKS) -> float:
    """Return the participation ratio of the trials in returns (sessions, trials): from 1 to the number of blocks.

    (sum of eigenvalues)^2 / sum of squared eigenvalues of the correlations between the trials' block returns. Copies
    of one trial amount to one and trials without variation to none; NaN if none varies. Returns in fewer sessions than
    `blocks` are taken session by session.
    """
    given = matrix("returns", returns)
    return effective_of_blocks(block_sums(given, min(blocks, given.shape[0])))


def effective_of_blocks(kept: BlockSums) -> float:
    """Return the participation ratio from block sums, without any matrix of trials by trials."""
    gram = np.zeros((kept.blocks, kept.blocks))
    varying = 0
    for _, sums, _ in kept.chunks():
        centred = sums - sums.mean(axis=1, keepdims=True)
        squares = np.einsum("tb,tb->t", centred, centred)
        varies = squares > 1e-12 * np.einsum("tb,tb->t", sums, sums)
        unit = centred[varies] / np.sqrt(squares[varies])[:, None]
        gram += unit.T @ unit
        varying += unit.shape[0]
    return max(varying * varying / float(np.sum(gram * gram)), 1.0) if varying else math.nan
