"""How sure one Sharpe ratio is: standard error, probability, and the record it needs.

Sharpe ratios and benchmarks are per session and skew and kurtosis those of the sessions' returns: population moments,
kurtosis 3 for a normal distribution. Feeding an annual Sharpe with the number of sessions overstates every certainty.
Source: Bailey and Lopez de Prado (2012), "The Sharpe Ratio Efficient Frontier".
"""

from __future__ import annotations

import math

from backsweep.statistics.arguments import number
from backsweep.statistics.normal import cumulative, quantile


def sharpe_standard_error(sharpe: float, n: float, skew: float = 0.0, kurtosis: float = 3.0) -> float:
    """Return the standard error of a Sharpe ratio over `n` > 1 sessions; NaN for moments that no returns have."""
    sessions = number("n", n, 1.0, strict=True)
    return math.sqrt(_variance(sharpe, skew, kurtosis) / (sessions - 1.0))


def probabilistic_sharpe_ratio(
    sharpe: float, n: float, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float:
    """Return the probability that the true Sharpe exceeds `benchmark`, after `n` > 1 sessions."""
    error = sharpe_standard_error(sharpe, n, skew, kurtosis)
    return cumulative((sharpe - benchmark) / error) if error > 0.0 else math.nan


def minimum_track_record_length(
    sharpe: float, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0, confidence: float = 0.95
) -> float:
    """Return the sessions needed to call `sharpe` above `benchmark` with `confidence`; infinite if it is not above."""
    z = quantile(number("confidence", confidence, 0.0, 1.0))
    if math.isnan(sharpe) or math.isnan(benchmark):
        return math.nan
    if sharpe <= benchmark:
        return math.inf
    return 1.0 + _variance(sharpe, skew, kurtosis) * (z / (sharpe - benchmark)) ** 2


def _variance(sharpe: float, skew: float, kurtosis: float) -> float:
    """Return the variance of a Sharpe ratio times (n - 1); NaN where the moments contradict each other."""
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    return variance if variance >= 0.0 else math.nan
