"""Intervals for metrics of out-of-sample returns, by the stationary block bootstrap.

Blocks of random length, wrapped around the end, keep the dependence between sessions. Meant for returns on which
nothing was chosen: an interval around the best of many trials is an interval around luck. Sources: Politis and Romano
(1994), "The Stationary Bootstrap"; Politis and White (2004), with the correction by Patton, Politis and White (2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.statistics.arguments import number, one_of, series, whole
from backsweep.statistics.blocks import NEGLIGIBLE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

QUIET = 5
"""So many autocorrelations in a row must be small before the dependence counts as over."""
_WIDTH = 250_000  # returns at a time


@dataclass(frozen=True)
class Interval:
    """A metric's estimate and the percentiles of its resamples.

    `length` is the expected block length in sessions; `undefined` counts the resamples without a value, which are left
    out. All figures are NaN where the estimate or every resample is undefined.
    """

    estimate: float
    low: float
    high: float
    length: float
    undefined: int


def bootstrap_interval(
    returns: ArrayLike,
    metric: str = "sharpe",
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    length: float | None = None,
    periods_per_year: float = 252.0,
) -> Interval:
    """Return the central interval of `level` for a metric of per-session returns; NaN dropped, 4 sessions or more.

    `metric` is sharpe, volatility (both annual), mean (a session), total_return or max_drawdown. `length` is the
    expected block length in sessions, by default that of Politis and White. Raises BadInput.
    """
    values = _enough(returns)
    measure = _METRICS[one_of("metric", metric, tuple(_METRICS))]
    tail = (1.0 - number("level", level, 0.0, 1.0)) / 2.0
    periods = number("periods_per_year", periods_per_year, 0.0, strict=True)
    expected = number("length", optimal_block_length(values) if length is None else length, 1.0, math.inf)
    chance = np.random.Generator(np.random.PCG64(seed))
    results = np.empty(whole("resamples", resamples, 1))
    step = max(1, _WIDTH // values.size)
    for start in range(0, results.size, step):  # one resample after the other draws the same numbers at any step
        places = [resample(values.size, expected, chance) for _ in range(start, min(start + step, results.size))]
        results[start : start + step] = measure(values[np.stack(places)], periods)
    defined = results[~np.isnan(results)]
    estimate = float(measure(values[None, :], periods)[0])
    if math.isnan(estimate) or not defined.size:
        return Interval(estimate, math.nan, math.nan, expected, results.size - defined.size)
    low, high = (float(x) for x in np.quantile(defined, (tail, 1.0 - tail)))
    return Interval(estimate, low, high, expected, results.size - defined.size)


def resample(sessions: int, length: float, chance: np.random.Generator) -> NDArray[np.int64]:
    """Return which session stands at each place of one stationary resample: int64[sessions]."""
    begins = chance.random(sessions) < 1.0 / length
    firsts = chance.integers(0, sessions, sessions)
    places = np.arange(sessions)
    last = np.maximum.accumulate(places * begins)
    found: NDArray[np.int64] = (firsts[last] + places - last) % sessions
    return found


def optimal_block_length(returns: ArrayLike) -> float:
    """Return the expected block length, in sessions, that suits the dependence between returns; 1 or more."""
    values = _enough(returns)
    n = values.size
    centred = values - values.mean()
    if not centred @ centred > NEGLIGIBLE * (values @ values):
        return 1.0
    most = min(math.ceil(math.sqrt(n)) + QUIET, n - 1)
    covariance: NDArray[np.float64] = np.array([centred[lag:] @ centred[: n - lag] for lag in range(most + 1)]) / n
    loud = np.abs(covariance[1:] / covariance[0]) >= 2.0 * math.sqrt(math.log10(n) / n)
    lag = _first_quiet(loud)
    width = min(2 * max(lag, 1), most)
    lags = np.arange(1, width + 1)
    window = np.minimum(1.0, 2.0 * (1.0 - lags / width))
    slope = 2.0 * float(np.sum(window * lags * covariance[1 : width + 1]))
    density = float(covariance[0] + 2.0 * np.sum(window * covariance[1 : width + 1]))
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if density == 0.0:
        return float(longest)
    return float(min(max((slope / density) ** 2 * n, 1.0) ** (1.0 / 3.0), longest))


def _first_quiet(loud: NDArray[np.bool_]) -> int:
    """Return the lag after which QUIET autocorrelations in a row are small, or all that are left."""
    for lag in range(loud.size):
        if not loud[lag : lag + QUIET].any():
            return lag
    return loud.size


def _enough(returns: ArrayLike) -> NDArray[np.float64]:
    values = series("returns", returns)
    if values.size < 4:
        found, remedy = f"{values.size} sessions", "pass more sessions"
        raise BadInput("returns are too few", expected="4 sessions or more", found=found, remedy=remedy)
    return values


def _deviation(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation (ddof 1) of each row; exactly 0 for a constant row."""
    deviation: NDArray[np.float64] = np.std(rows - rows[:, :1], axis=1, ddof=1)
    return deviation


def _sharpe(rows: NDArray[np.float64], periods: float) -> NDArray[np.float64]:
    deviation = _deviation(rows)
    varies = deviation > NEGLIGIBLE * np.abs(rows).max(axis=1)
    return np.where(varies, math.sqrt(periods) * rows.mean(axis=1) / np.where(varies, deviation, 1.0), math.nan)


def _equity(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the equity of each row from one; it stays at zero once it gets there."""
    equity: NDArray[np.float64] = np.maximum(1.0 + rows, 0.0).cumprod(axis=1)
    return equity


def _max_drawdown(rows: NDArray[np.float64], _: float) -> NDArray[np.float64]:
    equity = _equity(rows)
    deepest: NDArray[np.float64] = np.max(1.0 - equity / np.maximum(np.maximum.accumulate(equity, axis=1), 1.0), axis=1)
    return deepest


_METRICS: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.float64]]] = {
    "sharpe": _sharpe,
    "volatility": lambda rows, periods: math.sqrt(periods) * _deviation(rows),
    "mean": lambda rows, _: rows.mean(axis=1),
    "total_return": lambda rows, _: _equity(rows)[:, -1] - 1.0,
    "max_drawdown": _max_drawdown,
}
