"""What is kept of trials' records for the statistics of a study, computed where the trials ran.

It takes about a tenth of a microsecond a session: done by one driver for many workers it would be what they wait for.
Each trial's numbers depend on its own returns alone, whatever stands beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.statistics.blocks import FEWEST_SESSIONS, block_bounds, standard_blocks
from backsweep.trial.contract import RecordSums
from backsweep.trial.folds import record_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.trial.folds import Segment

_ROWS = 32  # records at a time, which the processor's cache holds


def sum_records(returns: NDArray[np.float32], segments: Sequence[Segment] = ()) -> RecordSums:
    """Sum up trials with these returns, float32[k, width]; with segments the record is that of the tests.

    A session without a return, such as after ruin, earned nothing.
    """
    record = returns[:, record_places(segments)] if segments else returns
    count, sessions = record.shape
    blocks = standard_blocks(sessions) if sessions >= FEWEST_SESSIONS else 0
    sums, squares = (np.zeros((count, blocks), dtype=np.float32) for _ in range(2))
    skew, kurtosis = (np.full(count, np.nan) for _ in range(2))
    lost = np.zeros(count, np.bool_)
    firsts = block_bounds(sessions, blocks)[:-1] if blocks else None
    for start in range(0, count if sessions else 0, _ROWS):
        part = slice(start, start + _ROWS)
        finite = record[part]
        if not np.isfinite(finite).all():
            finite = np.nan_to_num(finite, nan=0.0)
        lost[part] = (finite < 0.0).any(axis=1)
        values = finite.astype(np.float64)
        if firsts is not None:
            sums[part] = np.add.reduceat(values, firsts, axis=1)
            squares[part] = np.add.reduceat(values * values, firsts, axis=1)
        skew[part], kurtosis[part] = _moments(values)
    return RecordSums(sessions, skew, kurtosis, lost, sums, squares)


def _moments(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return skew and kurtosis (population moments, not in excess) of each row; NaN where it does not vary."""
    deviations = values - values.mean(axis=1, keepdims=True)
    squares = deviations * deviations
    variance = squares.mean(axis=1)
    variance[variance == 0.0] = np.nan
    third, fourth = ((squares * each).mean(axis=1) for each in (deviations, squares))  # einsum looks beyond the row
    return third / variance**1.5, fourth / variance**2
