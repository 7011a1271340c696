"""Drawdown: the fraction by which equity lies below its running peak, and how long it stays there.

The first peak is the initial equity, so that a loss on the first session counts. Equity within rounding of the peak has
regained it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backsweep.engine.compile.kernel import kernel
from backsweep.metrics.reasons import DEFINED, NEGLIGIBLE, NO_DRAWDOWN, NO_SESSION, Measure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Drawdown(NamedTuple):
    """The deepest fall below a peak, the longest one in sessions, and whether the longest is open at the end.

    Above 1 the depth means debt. `sessions` counts from the peak to the session that regains it, or to the last one.
    Both are NaN for equity that is not finite.
    """

    n: int
    depth: float
    sessions: float
    is_open: bool


@kernel
def drawdown(equity: NDArray[np.float64], initial: float) -> Drawdown:
    """Return the drawdown of equity float64[n], in currency at the sessions' ends, without NaN; `initial` > 0."""
    peak = float(initial)
    peak_at = 0
    depth = 0.0
    longest = 0
    lasted = 0
    below = False
    for i in range(equity.size):
        value = float(equity[i])
        if not math.isfinite(value):
            return Drawdown(equity.size, math.nan, math.nan, False)
        fall = 1.0 - value / peak
        was_below = below
        below = fall > NEGLIGIBLE
        depth = fall if fall > depth and below else depth
        if below or was_below:
            lasted = i + 1 - peak_at
            longest = max(longest, lasted)
        if not below:
            peak = max(peak, value)
            peak_at = i + 1
    return Drawdown(equity.size, depth, float(longest), below and lasted == longest)


@kernel
def max_drawdown_of(d: Drawdown) -> Measure:
    """Return the deepest drawdown, a non-negative fraction of the peak."""
    if d.n == 0:
        return math.nan, NO_SESSION
    return d.depth, DEFINED


@kernel
def max_drawdown_sessions_of(d: Drawdown) -> Measure:
    """Return the most sessions from a peak until it was regained, or until the end."""
    if d.n == 0:
        return math.nan, NO_SESSION
    return d.sessions, DEFINED


@kernel
def calmar_of(growth_a_year: Measure, d: Drawdown) -> Measure:
    """Return the compound growth a year over the deepest drawdown."""
    value, reason = growth_a_year
    if reason != DEFINED:
        return math.nan, reason
    if d.depth == 0.0:
        return math.nan, NO_DRAWDOWN
    return value / d.depth, DEFINED
