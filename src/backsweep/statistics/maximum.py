"""The distribution of the best of many trials without skill.

Sources: Bailey and Lopez de Prado (2014), "The Deflated Sharpe Ratio"; Bailey, Borwein, Lopez de Prado and Zhu (2014),
"Pseudo-Mathematics and Financial Charlatanism".
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backsweep.statistics.arguments import number
from backsweep.statistics.normal import cumulative, survival, upper_quantile
from backsweep.statistics.sharpe import probabilistic_sharpe_ratio

EXACT_BELOW = 50
_STEP = 1.0 / 64.0
_GRID = np.arange(-37 * 64, 39 * 64 + 1) * _STEP
_DENSITY = np.exp(-_GRID * _GRID / 2.0) / math.sqrt(2.0 * math.pi)
_LOG_CUMULATIVE = np.array([math.log(cumulative(z)) if z < 0.0 else math.log1p(-survival(z)) for z in _GRID.tolist()])


class Maximum(NamedTuple):
    """Mean and variance of the largest of several standard normal values."""

    mean: float
    variance: float


class Band(NamedTuple):
    """A deflated Sharpe ratio between its strictest and its mildest count of trials."""

    low: float
    high: float


def exact_maximum(n: float) -> Maximum:
    """Return mean and variance of the maximum of `n` >= 1 standard normals, by quadrature to 13 digits.

    The trapezoidal rule converges geometrically for smooth densities that vanish at both ends. `n` may be a fraction.
    """
    count = number("n", n, 1.0)
    weights = _STEP * count * _DENSITY * np.exp((count - 1.0) * _LOG_CUMULATIVE)
    mean = float(np.sum(weights * _GRID)) if count > 1.0 else 0.0
    return Maximum(mean, float(np.sum(weights * (_GRID - mean) ** 2)))


def expected_maximum(n: float, exact: bool | None = None) -> float:
    """Return the expected maximum of `n` >= 1 independent standard normals, in standard deviations.

    `exact` asks for quadrature or for the approximation from extreme values; by default it is exact below 50.
    """
    count = number("n", n, 1.0)
    if exact or (exact is None and count < EXACT_BELOW):
        return exact_maximum(count).mean
    gamma = float(np.euler_gamma)
    tails = (1.0 - gamma) * upper_quantile(1.0 / count) + gamma * upper_quantile(1.0 / (count * math.e))
    return max(tails, 0.0)


def minimum_backtest_length(n: float, sharpe: float) -> float:
    """Return the years below which the best of `n` trials without skill is expected to show the annual `sharpe`.

    By the approximation that the source uses for every `n`; infinite where `sharpe` <= 0.
    """
    expected = expected_maximum(n, exact=False)
    if math.isnan(sharpe):
        return math.nan
    return (expected / sharpe) ** 2 if sharpe > 0.0 else math.inf


def deflated_sharpe_ratio(
    sharpe: float,
    n: float,
    trials: float,
    variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    *,
    exact: bool | None = None,
) -> float:
    """Return the probability that `sharpe` over `n` sessions beats the best expected of `trials` trials without skill.

    `variance` is that of the trials' Sharpe ratios per session. Taken across the trials it loses all power where some
    of them have real edges, which inflate it: 1 / n is the variance under no skill. `exact` is that of
    `expected_maximum`; the source's own figures need False.
    """
    spread = math.sqrt(number("variance", variance, 0.0))
    benchmark = spread * expected_maximum(trials, exact)
    return probabilistic_sharpe_ratio(sharpe, n, skew, kurtosis, benchmark)


def deflated_sharpe_band(
    sharpe: float, n: float, trials: float, effective: float, skew: float = 0.0, kurtosis: float = 3.0
) -> Band:
    """Return the deflated Sharpe ratio at the `trials` run and at the `effective` number, with variance 1 / n."""
    few, many = sorted((number("effective", effective, 1.0), number("trials", trials, 1.0)))
    low = deflated_sharpe_ratio(sharpe, n, many, 1.0 / n, skew, kurtosis)
    return Band(low, deflated_sharpe_ratio(sharpe, n, few, 1.0 / n, skew, kurtosis))
