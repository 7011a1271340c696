"""Metrics of a run beside a benchmark, over intervals that both have: plain loops in one order of summation.

An interval ends with a session in which the benchmark has a new value, and begins where the one before it ended: the
returns of sessions without one are compounded into the next. Returns are above a risk-free rate of zero, as in the
Sharpe ratio. Definitions: Jensen (1968), "The Performance of Mutual Funds in the Period 1945-1964" (alpha and beta);
Goodwin (1998), "The Information Ratio"; Morningstar (2011), "Upside and Downside Capture Ratios".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backsweep.engine.compile.kernel import kernel
from backsweep.metrics.reasons import (
    DEFINED,
    NEGLIGIBLE,
    NO_VARIATION,
    NOT_FINITE,
    STEADY_BENCHMARK,
    TOO_FEW,
    Measure,
)
from backsweep.metrics.returns import Moments, deviation_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Aligned(NamedTuple):
    """How many intervals there are, and how many sessions they cover."""

    n: int
    sessions: int


class Relation(NamedTuple):
    """Means of n pairs of returns, own and the benchmark's, and sums of products of their deviations from them."""

    n: int
    mean: float
    benchmark_mean: float
    benchmark_squares: float
    products: float


@kernel
def align(
    returns: NDArray[np.float64],
    levels: NDArray[np.float64],
    own: NDArray[np.float64],
    benchmark: NDArray[np.float64],
) -> Aligned:
    """Write the returns of both over the intervals that both have.

    Parameters
    ----------
    returns : float64[n]
        Per session; NaN from the session after ruin on, which is not compared.
    levels : float64[n + 1]
        The benchmark's value before the first session, and its new value in each; NaN where there is none.
    own, benchmark : float64[n]
        Written: returns over the intervals.

    """
    before = float(levels[0])
    growth = 1.0
    pending = 0
    count = 0
    sessions = 0
    for i in range(returns.size):
        if math.isnan(returns[i]):
            break
        growth *= 1.0 + float(returns[i])
        pending += 1
        after = float(levels[i + 1])
        if math.isnan(after):
            continue
        if before > 0.0:
            own[count] = growth - 1.0
            benchmark[count] = after / before - 1.0
            count += 1
            sessions += pending
        before = after
        growth = 1.0
        pending = 0
    return Aligned(count, sessions)


@kernel
def relate(own: NDArray[np.float64], benchmark: NDArray[np.float64]) -> Relation:
    """Return means and sums of products of float64[n] pairs, in two passes."""
    count = own.size
    if count == 0:
        return Relation(0, math.nan, math.nan, math.nan, math.nan)
    mean = 0.0
    benchmark_mean = 0.0
    for i in range(count):
        mean += float(own[i])
        benchmark_mean += float(benchmark[i])
    mean /= count
    benchmark_mean /= count
    squares = 0.0
    products = 0.0
    for i in range(count):
        deviation = float(benchmark[i]) - benchmark_mean
        squares += deviation * deviation
        products += deviation * (float(own[i]) - mean)
    return Relation(count, mean, benchmark_mean, squares, products)


@kernel
def beta_of(r: Relation) -> Measure:
    """Return the slope of that regression: the covariance with the benchmark over its variance."""
    if r.n < 2:
        return math.nan, TOO_FEW
    if math.sqrt(r.benchmark_squares / (r.n - 1)) <= NEGLIGIBLE * (1.0 + abs(r.benchmark_mean)):
        return math.nan, STEADY_BENCHMARK
    return r.products / r.benchmark_squares, DEFINED


@kernel
def alpha_of(r: Relation, periods_per_year: float) -> Measure:
    """Return the intercept of the regression of the returns on the benchmark's, times the intervals in a year."""
    beta, reason = beta_of(r)
    if reason != DEFINED:
        return math.nan, reason
    return (r.mean - beta * r.benchmark_mean) * periods_per_year, DEFINED


@kernel
def information_ratio_of(active: Moments, periods_per_year: float) -> Measure:
    """Return mean over standard deviation of the returns less the benchmark's, annualised."""
    if active.n < 2:
        return math.nan, TOO_FEW
    deviation = deviation_of(active)
    if deviation == 0.0:
        return math.nan, NO_VARIATION
    return math.sqrt(periods_per_year) * (active.mean / deviation), DEFINED


@kernel
def capture_of(own: NDArray[np.float64], benchmark: NDArray[np.float64], side: float, undefined: int) -> Measure:
    """Return the mean compound return over that of the benchmark, where the benchmark's has the sign of `side`.

    `undefined` is the reason's code where there is no such interval.
    """
    count = 0
    growth = 0.0
    benchmark_growth = 0.0
    for i in range(own.size):
        if float(benchmark[i]) * side > 0.0:
            count += 1
            growth += math.log1p(float(own[i])) if own[i] > -1.0 else -math.inf
            benchmark_growth += math.log1p(float(benchmark[i])) if benchmark[i] > -1.0 else -math.inf
    if count == 0:
        return math.nan, undefined
    mean, benchmark_mean = math.expm1(growth / count), math.expm1(benchmark_growth / count)
    if abs(benchmark_mean) <= NEGLIGIBLE:
        return math.nan, NOT_FINITE
    return mean / benchmark_mean, DEFINED
