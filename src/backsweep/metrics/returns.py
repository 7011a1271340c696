"""Metrics of per-session returns, as kernels: plain loops in one order of summation, compiled or interpreted.

Arrays hold no NaN here. Equity starts at `initial` > 0 before the first session. The series of returns ends with the
session that takes equity to zero or below, because a return on nothing has no meaning: that session's own return, -1 or
less, is the last. Definitions: Sharpe (1994), "The Sharpe Ratio"; Sortino and Price (1994), "Performance Measurement in
a Downside Risk Framework".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backsweep.engine.compile.kernel import kernel
from backsweep.metrics.reasons import (
    DEFINED,
    NEGLIGIBLE,
    NO_DOWNSIDE,
    NO_SESSION,
    NO_TIME,
    NO_VARIATION,
    NOT_FINITE,
    TOO_FEW,
    Measure,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_LOGARITHM = 700.0
"""The exponential of a larger number does not fit a float."""


class Moments(NamedTuple):
    """Number n, mean, and sums of the second, third and fourth powers of the deviations from the mean."""

    n: int
    mean: float
    squares: float
    cubes: float
    fourths: float


@kernel
def session_returns(equity: NDArray[np.float64], initial: float, returns: NDArray[np.float64]) -> int:
    """Write each session's return, NaN after the session that ruins the account, and return how many are not NaN.

    `equity` and `returns` are float64[n]; `equity` is in currency, at the sessions' ends.
    """
    before = float(initial)
    count = 0
    for i in range(equity.size):
        if before > 0.0:
            after = float(equity[i])
            returns[i] = after / before - 1.0
            before = after
            count += 1
        else:
            returns[i] = math.nan
    return count


@kernel
def compound(returns: NDArray[np.float64], equity: NDArray[np.float64]) -> int:
    """Write the equity that grows from one by `returns` (float64[n], both) and return the number of sessions written.

    Ends with the session that takes equity to zero or below.
    """
    value = 1.0
    count = 0
    for i in range(returns.size):
        value += value * float(returns[i])
        equity[i] = value
        count += 1
        if value <= 0.0:
            break
    return count


@kernel
def moments(values: NDArray[np.float64]) -> Moments:
    """Count, mean and centred sums of float64[n], in two passes.

    The mean is taken relative to the first value, so that a constant series has deviations of exactly 0.
    """
    count = values.size
    if count == 0:
        return Moments(0, math.nan, math.nan, math.nan, math.nan)
    first = float(values[0])
    total = 0.0
    for i in range(count):
        total += float(values[i]) - first
    mean = first + total / count
    squares = 0.0
    cubes = 0.0
    fourths = 0.0
    for i in range(count):
        deviation = float(values[i]) - mean
        square = deviation * deviation
        squares += square
        cubes += square * deviation
        fourths += square * square
    return Moments(count, mean, squares, cubes, fourths)


@kernel
def deviation_of(m: Moments) -> float:
    """Return the sample standard deviation (ddof 1) of 2 or more values; exactly 0 where their spread is rounding."""
    deviation = math.sqrt(m.squares / (m.n - 1))
    if deviation <= NEGLIGIBLE * (1.0 + abs(m.mean)):
        return 0.0
    return deviation


@kernel
def final_equity_of(equity: NDArray[np.float64]) -> Measure:
    """Return the last of equity float64[n], in currency."""
    if equity.size == 0:
        return math.nan, NO_SESSION
    return float(equity[equity.size - 1]), DEFINED


@kernel
def total_return_of(equity: NDArray[np.float64], initial: float) -> Measure:
    """Return final equity over `initial`, minus one."""
    if equity.size == 0:
        return math.nan, NO_SESSION
    return float(equity[equity.size - 1]) / initial - 1.0, DEFINED


@kernel
def cagr_of(equity: NDArray[np.float64], initial: float, years: float) -> Measure:
    """Return the compound growth a year of equity float64[n] in `years` of 365.25 days; -1 where nothing is left."""
    if equity.size == 0:
        return math.nan, NO_SESSION
    factor = float(equity[equity.size - 1]) / initial
    if factor <= 0.0:
        return -1.0, DEFINED
    if not years > 0.0:
        return math.nan, NO_TIME
    logarithm = math.log(factor) / years
    if logarithm > LARGEST_LOGARITHM:
        return math.nan, NOT_FINITE
    if logarithm < -LARGEST_LOGARITHM:
        return -1.0, DEFINED
    return factor ** (1.0 / years) - 1.0, DEFINED


@kernel
def volatility_of(m: Moments, periods_per_year: float) -> Measure:
    """Return the annual standard deviation of returns; 0 where they do not vary."""
    if m.n < 2:
        return math.nan, TOO_FEW
    return math.sqrt(periods_per_year) * deviation_of(m), DEFINED


@kernel
def sharpe_of(m: Moments, risk_free: float, periods_per_year: float) -> Measure:
    """Return mean over standard deviation of the returns above `risk_free` (a session), annualised.

    One period per year gives the Sharpe ratio per session.
    """
    if m.n < 2:
        return math.nan, TOO_FEW
    deviation = deviation_of(m)
    if deviation == 0.0:
        return math.nan, NO_VARIATION
    return math.sqrt(periods_per_year) * ((m.mean - risk_free) / deviation), DEFINED


@kernel
def downside(returns: NDArray[np.float64], required: float) -> float:
    """Return the root mean square of what float64[n] falls short of `required`, over all n; NaN for none."""
    if returns.size == 0:
        return math.nan
    squares = 0.0
    for i in range(returns.size):
        excess = float(returns[i]) - required
        if excess < 0.0:
            squares += excess * excess
    return math.sqrt(squares / returns.size)


@kernel
def sortino_of(m: Moments, shortfall: float, required: float, periods_per_year: float) -> Measure:
    """Return the mean above `required` (a session) over the downside deviation `shortfall`, annualised."""
    if m.n < 2:
        return math.nan, TOO_FEW
    if shortfall <= NEGLIGIBLE * (1.0 + abs(required)):
        return math.nan, NO_DOWNSIDE
    return math.sqrt(periods_per_year) * ((m.mean - required) / shortfall), DEFINED


@kernel
def skew_of(m: Moments) -> Measure:
    """Return the population skewness: third central moment over the cube of the standard deviation (ddof 0)."""
    if m.n < 2:
        return math.nan, TOO_FEW
    if deviation_of(m) == 0.0:
        return math.nan, NO_VARIATION
    variance = m.squares / m.n
    return m.cubes / m.n / (variance * math.sqrt(variance)), DEFINED


@kernel
def kurtosis_of(m: Moments) -> Measure:
    """Return the population kurtosis, 3 for a normal distribution: fourth central moment over the squared variance."""
    if m.n < 2:
        return math.nan, TOO_FEW
    if deviation_of(m) == 0.0:
        return math.nan, NO_VARIATION
    variance = m.squares / m.n
    return m.fourths / m.n / (variance * variance), DEFINED
