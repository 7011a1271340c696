"""Wilcoxon's signed-rank test, one-sided and exact: whether paired differences lean below zero.

Differences of zero are left out; equal sizes share the mean of their ranks, and the distribution is that of these very
ranks under all 2^n choices of signs. Source: Wilcoxon (1945), "Individual Comparisons by Ranking Methods".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def signed_rank(differences: ArrayLike) -> float:
    """Return the probability of so small a sum of positive ranks, were either sign of each difference as likely.

    `differences` may be infinite, which only says that their ranks are the highest; NaN is dropped. 1 where nothing is
    left. The smallest value that n differences can give is 2^-n.
    """
    given: NDArray[np.float64] = np.asarray(differences, dtype=np.float64)
    given = given[~np.isnan(given) & (given != 0.0)]
    _, places, counts = np.unique(np.abs(given), return_inverse=True, return_counts=True)
    ranks = (2 * np.cumsum(counts) - counts + 1)[places]  # twice the mean rank of equal sizes, which is whole
    chances = np.zeros(int(ranks.sum()) + 1)  # of each sum of the positive ranks
    chances[0] = 1.0
    for rank in ranks.tolist():
        shifted = np.zeros_like(chances)
        shifted[rank:] = chances[:-rank]
        chances = 0.5 * (chances + shifted)
    return float(chances[: int(ranks[given > 0.0].sum()) + 1].sum())
