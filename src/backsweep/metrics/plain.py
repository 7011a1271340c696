"""Metrics as functions on plain arrays: the kernels of this layer behind checked arguments.

Returns are per-session simple net returns, in any one-dimensional sequence of numbers; NaN and null are dropped, though
their sessions' time has passed. Equity starts at one and ends with the session that takes it to zero or below. Where a
metric is undefined, or does not fit a float, the functions return NaN. Arguments of another shape or sign raise
BadInput.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.compile.kernel import compiled
from backsweep.errors import BadInput
from backsweep.metrics import drawdown as falls
from backsweep.metrics import returns as kernels
from backsweep.metrics import trades as rounds

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from backsweep.metrics.reasons import Measure

_compound = compiled(kernels.compound)
_moments = compiled(kernels.moments)
_downside = compiled(kernels.downside)
_drawdown = compiled(falls.drawdown)
_tally = compiled(rounds.tally)


def total_return(returns: ArrayLike) -> float:
    """Return the growth over all sessions, as a fraction of the initial equity."""
    return _value(kernels.total_return_of(_equity(returns), 1.0))


def cagr(returns: ArrayLike, *, years: float | None = None, periods_per_year: float = 252.0) -> float:
    """Return the compound growth a year; -1 where nothing is left.

    `years` is the elapsed calendar time in years of 365.25 days; by default it is all sessions, those of dropped NaN
    included, over `periods_per_year`.
    """
    return _value(kernels.cagr_of(_equity(returns), 1.0, _years(returns, years, periods_per_year)))


def volatility(returns: ArrayLike, periods_per_year: float = 252.0) -> float:
    """Return the annual standard deviation (ddof 1); 0 for returns that do not vary."""
    periods = _positive("periods_per_year", periods_per_year)
    return _value(kernels.volatility_of(_moments(_numbers(returns)), periods))


def sharpe(returns: ArrayLike, risk_free: float = 0.0, periods_per_year: float = 252.0) -> float:
    """Return the annual Sharpe ratio of the returns above `risk_free`, which is a rate per session.

    With periods_per_year=1 it is the Sharpe ratio per session. Source: Sharpe (1994), "The Sharpe Ratio".
    """
    periods = _positive("periods_per_year", periods_per_year)
    return _value(kernels.sharpe_of(_moments(_numbers(returns)), float(risk_free), periods))


def sortino(returns: ArrayLike, required: float = 0.0, periods_per_year: float = 252.0) -> float:
    """Return the annual Sortino ratio against `required`, a rate per session; the denominator is over all sessions.

    Source: Sortino and Price (1994), "Performance Measurement in a Downside Risk Framework".
    """
    periods = _positive("periods_per_year", periods_per_year)
    numbers = _numbers(returns)
    shortfall = _downside(numbers, float(required))
    return _value(kernels.sortino_of(_moments(numbers), shortfall, float(required), periods))


def calmar(returns: ArrayLike, *, years: float | None = None, periods_per_year: float = 252.0) -> float:
    """Return the compound growth a year (see `cagr`) over the deepest drawdown."""
    equity = _equity(returns)
    growth = kernels.cagr_of(equity, 1.0, _years(returns, years, periods_per_year))
    return _value(falls.calmar_of(growth, _drawdown(equity, 1.0)))


def max_drawdown(returns: ArrayLike) -> float:
    """Return the deepest fall below the running peak, a non-negative fraction; a first-session loss counts."""
    return _value(falls.max_drawdown_of(_drawdown(_equity(returns), 1.0)))


def max_drawdown_sessions(returns: ArrayLike) -> float:
    """Return the most sessions from a peak until it was regained, or until the end where it was not."""
    return _value(falls.max_drawdown_sessions_of(_drawdown(_equity(returns), 1.0)))


def skew(returns: ArrayLike) -> float:
    """Return the population (biased) skewness."""
    return _value(kernels.skew_of(_moments(_numbers(returns))))


def kurtosis(returns: ArrayLike) -> float:
    """Return the population (biased) kurtosis, not in excess: 3 for a normal distribution."""
    return _value(kernels.kurtosis_of(_moments(_numbers(returns))))


def win_rate(pnl: ArrayLike) -> float:
    """Return the share of closed trades with a P&L above 0; `pnl` is net, in currency, one number a trade."""
    return _value(rounds.win_rate_of(_tally(_numbers(pnl))))


def profit_factor(pnl: ArrayLike) -> float:
    """Return what the winning trades won over what the losing ones lost; `pnl` as in `win_rate`."""
    return _value(rounds.profit_factor_of(_tally(_numbers(pnl))))


def expectancy(pnl: ArrayLike) -> float:
    """Return the mean net P&L of a closed trade, in currency; `pnl` as in `win_rate`."""
    return _value(rounds.expectancy_of(_tally(_numbers(pnl))))


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise BadInput(
            "a metric takes one series",
            expected="a one-dimensional array",
            found=f"an array of shape {array.shape}",
            remedy="pass one column at a time",
        )
    return array[~np.isnan(array)]


def _equity(returns: ArrayLike) -> NDArray[np.float64]:
    numbers = _numbers(returns)
    equity = np.empty(numbers.size)
    return equity[: _compound(numbers, equity)]


def _years(returns: ArrayLike, years: float | None, periods_per_year: float) -> float:
    if years is None:
        return np.size(returns) / _positive("periods_per_year", periods_per_year)
    return _positive("years", years)


def _positive(name: str, value: float) -> float:
    if not 0.0 < value < math.inf:
        raise BadInput(
            f"{name} is not a length of time",
            where=name,
            expected="a finite number above 0",
            found=str(value),
            remedy="pass the sessions in a year, 252 for daily bars" if name != "years" else "pass the elapsed years",
        )
    return float(value)


def _value(measure: Measure) -> float:
    value = float(measure[0])
    return value if math.isfinite(value) else math.nan
