"""Extremes of blocks of bars: a block that cannot meet what a run waits for needs no look at its bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 32
"""Bars of a block, a power of two."""


def block_extremes(values: NDArray[np.float64], pick: Any) -> NDArray[np.float64]:
    """Return what `pick`, np.fmin or np.fmax, leaves of every block of values: float64[blocks], NaN where all are."""
    left = np.full((-(-len(values) // BLOCK), BLOCK), np.nan)
    left.ravel()[: len(values)] = values
    while left.shape[1] > 1:
        left = pick(left[:, ::2], left[:, 1::2])
    return left[:, 0]
