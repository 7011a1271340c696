"""Metrics of how much was held and traded: plain loops in one order of summation, compiled or interpreted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backsweep.engine.compile.kernel import kernel
from backsweep.metrics.reasons import DEFINED, NO_SESSION, NO_TIME, NOT_FINITE, RUINED, Measure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def exposure_of(equity: NDArray[np.float64], exposure: NDArray[np.float64]) -> Measure:
    """Return the mean of `exposure` (float64[n]) over the sessions that end with equity above 0."""
    if equity.size == 0:
        return math.nan, NO_SESSION
    total = 0.0
    count = 0
    for i in range(equity.size):
        if equity[i] > 0.0:
            total += float(exposure[i])
            count += 1
    if count == 0:
        return math.nan, RUINED
    return total / count, DEFINED


@kernel
def turnover_of(equity: NDArray[np.float64], traded_notional: float, years: float) -> Measure:
    """Return half of what was traded over the mean of equity (float64[n], currency), a year."""
    if equity.size == 0:
        return math.nan, NO_SESSION
    if not years > 0.0:
        return math.nan, NO_TIME
    total = 0.0
    for i in range(equity.size):
        total += float(equity[i])
    mean = total / equity.size
    if not math.isfinite(mean):
        return math.nan, NOT_FINITE
    if mean <= 0.0:
        return math.nan, RUINED
    return float(traded_notional) / 2.0 / mean / years, DEFINED
