"""All metrics of one run, computed in one pass from its equity at session ends and its counters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backsweep.engine.compile.kernel import kernel
from backsweep.metrics.benchmark import alpha_of, beta_of, capture_of, information_ratio_of, relate
from backsweep.metrics.drawdown import calmar_of, drawdown, max_drawdown_of, max_drawdown_sessions_of
from backsweep.metrics.exposure import exposure_of, turnover_of
from backsweep.metrics.reasons import DEFINED, NO_FALL, NO_RISE, NOT_FINITE, REASONS, Measure
from backsweep.metrics.returns import (
    cagr_of,
    downside,
    final_equity_of,
    kurtosis_of,
    moments,
    session_returns,
    sharpe_of,
    skew_of,
    sortino_of,
    total_return_of,
    volatility_of,
)
from backsweep.metrics.table import BENCHMARK_METRICS, TABLE
from backsweep.metrics.trades import Tally, expectancy_of, profit_factor_of, win_rate_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ALL_METRICS", "METRICS", "REASONS", "compare", "summarise"]

METRICS = tuple(name for name in TABLE if name not in BENCHMARK_METRICS)
"""The metrics of every trial, in the order in which `summarise` writes them."""

ALL_METRICS = (*METRICS, *BENCHMARK_METRICS)
"""The metrics of a trial that has a benchmark: those of every trial come first, so that a metric has one place."""

FIRST_OF_BENCHMARK = len(METRICS)


@kernel
def summarise(
    equity: NDArray[np.float64],
    exposure: NDArray[np.float64],
    years: float,
    periods_per_year: float,
    counters: Any,
    values: NDArray[np.float64],
    reasons: NDArray[np.uint8],
    returns: NDArray[np.float64],
) -> None:
    """Write every metric of a trial to `values`, its reason code to `reasons`, and its per-session returns.

    An account whose equity fell to zero or below has a cagr of -1, even if it recovered on borrowed money; its return
    metrics use the sessions up to the fall. total_return, final_equity and the drawdown are those of the account.

    Parameters
    ----------
    equity : float64[n]
        Currency, at the ends of the n sessions; no NaN.
    exposure : float64[n]
        Gross position value over equity at the ends of the sessions; not read where equity is not above 0.
    years
        Elapsed calendar time in years of 365.25 days.
    periods_per_year
        Sessions in a year, above 0.
    counters
        Record of COUNTERS: what the run began with, above 0 and the first peak of the drawdown, and what it counted.
    values : float64[len(METRICS)]
        Written: the metrics, NaN where undefined.
    reasons : uint8[len(METRICS)]
        Written: positions in REASONS, 0 where defined.
    returns : float64[n]
        Written: NaN after the session that takes equity to zero or below.

    """
    initial_equity = counters.initial_equity
    defined = session_returns(equity, initial_equity, returns)
    m = moments(returns[:defined])
    shortfall = downside(returns[:defined], 0.0)
    d = drawdown(equity, initial_equity)
    t = Tally(counters.trades, counters.wins, counters.gross_profit, counters.gross_loss)
    cagr = cagr_of(equity[:defined], initial_equity, years)

    measures = (  # in the order of TABLE
        total_return_of(equity, initial_equity),
        cagr,
        volatility_of(m, periods_per_year),
        sharpe_of(m, 0.0, periods_per_year),
        sortino_of(m, shortfall, 0.0, periods_per_year),
        calmar_of(cagr, d),
        max_drawdown_of(d),
        max_drawdown_sessions_of(d),
        _counted(counters.trades),
        win_rate_of(t),
        profit_factor_of(t),
        expectancy_of(t),
        exposure_of(equity, exposure),
        turnover_of(equity, counters.traded_notional, years),
        _counted(counters.commission),
        _counted(counters.slippage),
        _counted(counters.financing),
        _counted(counters.currency_pnl),
        _counted(counters.ambiguous_fills),
        _counted(counters.ambiguous_pnl),
        _counted(counters.rejected_orders),
        final_equity_of(equity),
        _counted(equity.size),
        skew_of(m),
        kurtosis_of(m),
        sharpe_of(m, 0.0, 1.0),
    )
    for metric in range(len(measures)):
        value, reason = measures[metric]
        if reason == DEFINED and not math.isfinite(value):
            reason = NOT_FINITE
        values[metric] = value if reason == DEFINED else math.nan
        reasons[metric] = reason


@kernel
def compare(
    own: NDArray[np.float64],
    benchmark: NDArray[np.float64],
    periods_per_year: float,
    values: NDArray[np.float64],
    reasons: NDArray[np.uint8],
) -> None:
    """Write the metrics beside a benchmark behind those of every trial.

    Parameters
    ----------
    own, benchmark : float64[n]
        Returns over the intervals that both have (`metrics.benchmark.align`); `own` becomes what it is above the other.
    periods_per_year
        Intervals in a year, above 0.
    values, reasons : float64 and uint8[len(ALL_METRICS)]
        Written from number len(METRICS) on.

    """
    r = relate(own, benchmark)
    up = capture_of(own, benchmark, 1.0, NO_RISE)
    down = capture_of(own, benchmark, -1.0, NO_FALL)
    for i in range(own.size):
        own[i] -= benchmark[i]
    measures = (  # in the order of BENCHMARK_METRICS
        alpha_of(r, periods_per_year),
        beta_of(r),
        information_ratio_of(moments(own), periods_per_year),
        up,
        down,
    )
    for place in range(len(measures)):
        value, reason = measures[place]
        if reason == DEFINED and not math.isfinite(value):
            reason = NOT_FINITE
        values[FIRST_OF_BENCHMARK + place] = value if reason == DEFINED else math.nan
        reasons[FIRST_OF_BENCHMARK + place] = reason


@kernel
def _counted(value: float) -> Measure:
    """Return what the run counted, always defined, as a measure."""
    return float(value), DEFINED
