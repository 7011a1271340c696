"""All metrics of one trial, computed inside its run from per-session figures and counters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backsweep.engine.compile.kernel import kernel
from backsweep.metrics.drawdown import calmar_of, drawdown, max_drawdown_of, max_drawdown_sessions_of
from backsweep.metrics.exposure import exposure_of, turnover_of
from backsweep.metrics.reasons import DEFINED, NOT_FINITE, REASONS, Measure
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
from backsweep.metrics.table import TABLE
from backsweep.metrics.trades import Tally, expectancy_of, profit_factor_of, win_rate_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["METRICS", "REASONS", "summarise"]

METRICS = tuple(TABLE)
"""The metrics of a trial, in the order in which `summarise` writes them."""

(
    TOTAL_RETURN,
    CAGR,
    VOLATILITY,
    SHARPE,
    SORTINO,
    CALMAR,
    MAX_DRAWDOWN,
    MAX_DRAWDOWN_SESSIONS,
    TRADES,
    WIN_RATE,
    PROFIT_FACTOR,
    EXPECTANCY,
    EXPOSURE,
    TURNOVER,
    COMMISSION,
    SLIPPAGE,
    FINANCING,
    CURRENCY_PNL,
    AMBIGUOUS_FILLS,
    AMBIGUOUS_PNL,
    REJECTED_ORDERS,
    FINAL_EQUITY,
    SESSIONS,
    SKEW,
    KURTOSIS,
    SHARPE_PER_SESSION,
) = range(len(METRICS))


@kernel
def summarise(
    equity: NDArray[np.float64],
    initial_equity: float,
    exposure: NDArray[np.float64],
    years: float,
    periods_per_year: float,
    trades: int,
    wins: int,
    gross_profit: float,
    gross_loss: float,
    commission: float,
    slippage: float,
    financing: float,
    currency_pnl: float,
    traded_notional: float,
    ambiguous_fills: int,
    ambiguous_pnl: float,
    rejected_orders: int,
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
    initial_equity
        Currency, above 0; the first peak of the drawdown.
    exposure : float64[n]
        Gross position value over equity at the ends of the sessions; not read where equity is not above 0.
    years
        Elapsed calendar time in years of 365.25 days.
    periods_per_year
        Sessions in a year, above 0.
    trades, wins
        Closed trades, and those with a P&L above 0.
    gross_profit, gross_loss
        Sums of the net P&L of the winning and of the losing trades, in currency, both non-negative.
    commission, slippage, financing
        Totals, in currency.
    currency_pnl
        What changes of rates added to cash in other currencies, in currency.
    traded_notional
        Sum of the absolute values of all fills, in currency.
    ambiguous_fills, rejected_orders
        Counts.
    ambiguous_pnl
        What the opposite choice at the ambiguous fills would have added, in currency.
    values : float64[len(METRICS)]
        Written: the metrics, NaN where undefined.
    reasons : uint8[len(METRICS)]
        Written: positions in REASONS, 0 where defined.
    returns : float64[n]
        Written: NaN after the session that takes equity to zero or below.

    """
    defined = session_returns(equity, initial_equity, returns)
    m = moments(returns[:defined])
    shortfall = downside(returns[:defined], 0.0)
    d = drawdown(equity, initial_equity)
    t = Tally(trades, wins, gross_profit, gross_loss)
    cagr = cagr_of(equity[:defined], initial_equity, years)

    _put(values, reasons, TOTAL_RETURN, total_return_of(equity, initial_equity))
    _put(values, reasons, CAGR, cagr)
    _put(values, reasons, VOLATILITY, volatility_of(m, periods_per_year))
    _put(values, reasons, SHARPE, sharpe_of(m, 0.0, periods_per_year))
    _put(values, reasons, SORTINO, sortino_of(m, shortfall, 0.0, periods_per_year))
    _put(values, reasons, CALMAR, calmar_of(cagr, d))
    _put(values, reasons, MAX_DRAWDOWN, max_drawdown_of(d))
    _put(values, reasons, MAX_DRAWDOWN_SESSIONS, max_drawdown_sessions_of(d))
    _put(values, reasons, TRADES, (float(trades), DEFINED))
    _put(values, reasons, WIN_RATE, win_rate_of(t))
    _put(values, reasons, PROFIT_FACTOR, profit_factor_of(t))
    _put(values, reasons, EXPECTANCY, expectancy_of(t))
    _put(values, reasons, EXPOSURE, exposure_of(equity, exposure))
    _put(values, reasons, TURNOVER, turnover_of(equity, traded_notional, years))
    _put(values, reasons, COMMISSION, (float(commission), DEFINED))
    _put(values, reasons, SLIPPAGE, (float(slippage), DEFINED))
    _put(values, reasons, FINANCING, (float(financing), DEFINED))
    _put(values, reasons, CURRENCY_PNL, (float(currency_pnl), DEFINED))
    _put(values, reasons, AMBIGUOUS_FILLS, (float(ambiguous_fills), DEFINED))
    _put(values, reasons, AMBIGUOUS_PNL, (float(ambiguous_pnl), DEFINED))
    _put(values, reasons, REJECTED_ORDERS, (float(rejected_orders), DEFINED))
    _put(values, reasons, FINAL_EQUITY, final_equity_of(equity))
    _put(values, reasons, SESSIONS, (float(equity.size), DEFINED))
    _put(values, reasons, SKEW, skew_of(m))
    _put(values, reasons, KURTOSIS, kurtosis_of(m))
    _put(values, reasons, SHARPE_PER_SESSION, sharpe_of(m, 0.0, 1.0))


@kernel
def _put(values: NDArray[np.float64], reasons: NDArray[np.uint8], metric: int, measure: Measure) -> None:
    value, reason = measure
    if reason == DEFINED and not math.isfinite(value):
        reason = NOT_FINITE
    values[metric] = value if reason == DEFINED else math.nan
    reasons[metric] = reason
