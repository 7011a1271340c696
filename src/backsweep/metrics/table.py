"""The metrics of a trial, declared: what each is, its unit, its formula, and when it is undefined.

In a formula, r are the session returns (float64[n], up to the session that ruins the account), d their deviations from
the mean, x and b the returns of the account and of the benchmark over the intervals that both have
(`metrics.benchmark`), intervals how many of these a year has, equity and exposure are at the sessions' ends, peak is
the running maximum of the initial cash and equity; per_year are the sessions in a year (`data.sessions_per_year`),
years those of 365.25 days. The risk-free rate is zero.

Sources: Sharpe (1994), "The Sharpe Ratio"; Sortino and Price (1994), "Performance Measurement in a Downside Risk
Framework"; Jensen (1968), "The Performance of Mutual Funds in the Period 1945-1964", for alpha and beta; Goodwin
(1998), "The Information Ratio"; Morningstar (2011), "Upside and Downside Capture Ratios".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from backsweep.metrics.benchmark import alpha_of, beta_of, information_ratio_of
from backsweep.metrics.drawdown import calmar_of, max_drawdown_of, max_drawdown_sessions_of
from backsweep.metrics.exposure import exposure_of, turnover_of
from backsweep.metrics.reasons import (
    NO_DOWNSIDE,
    NO_DRAWDOWN,
    NO_FALL,
    NO_LOSS,
    NO_RISE,
    NO_SESSION,
    NO_TIME,
    NO_TRADE,
    NO_VARIATION,
    RUINED,
    STEADY_BENCHMARK,
    TOO_FEW,
)
from backsweep.metrics.returns import (
    cagr_of,
    final_equity_of,
    kurtosis_of,
    sharpe_of,
    skew_of,
    sortino_of,
    total_return_of,
    volatility_of,
)
from backsweep.metrics.trades import expectancy_of, profit_factor_of, win_rate_of

SESSIONS_PER_YEAR = 252.0
"""Where nothing else is known: of plain arrays, and of studies that were begun before their own were recorded."""

FRACTION, YEARLY, RATIO, MONEY, COUNT = "fraction", "fraction a year", "ratio", "account currency", "count"


class Metric(NamedTuple):
    """One metric.

    `of` is the kernel that computes it, whose docstring says what it is, or that text, where the account counts it
    during the run. `formula` is an expression of NumPy. `undefined` has the reason codes it can have; besides, any can
    be NOT_FINITE, or have the code of a run that was pruned.
    """

    unit: str
    of: Callable[..., Any] | str
    formula: str = ""
    undefined: tuple[int, ...] = ()


TABLE: Mapping[str, Metric] = {
    "total_return": Metric(FRACTION, total_return_of, "equity[-1] / initial - 1", (NO_SESSION,)),
    "cagr": Metric(YEARLY, cagr_of, "(equity[-1] / initial) ** (1 / years) - 1", (NO_SESSION, NO_TIME)),
    "volatility": Metric(YEARLY, volatility_of, "sqrt(per_year) * std(r, ddof=1)", (TOO_FEW,)),
    "sharpe": Metric(RATIO, sharpe_of, "sqrt(per_year) * mean(r) / std(r, ddof=1)", (TOO_FEW, NO_VARIATION)),
    "sortino": Metric(
        RATIO, sortino_of, "sqrt(per_year) * mean(r) / sqrt(mean(minimum(r, 0) ** 2))", (TOO_FEW, NO_DOWNSIDE)
    ),
    "calmar": Metric(RATIO, calmar_of, "cagr / max_drawdown", (NO_SESSION, NO_TIME, NO_DRAWDOWN)),
    "max_drawdown": Metric(FRACTION, max_drawdown_of, "max(1 - equity / peak)", (NO_SESSION,)),
    "max_drawdown_sessions": Metric(COUNT, max_drawdown_sessions_of, undefined=(NO_SESSION,)),
    "trades": Metric(COUNT, "Trades that were closed, from flat to flat."),
    "win_rate": Metric(FRACTION, win_rate_of, "wins / trades", (NO_TRADE,)),
    "profit_factor": Metric(RATIO, profit_factor_of, "gross_profit / gross_loss", (NO_TRADE, NO_LOSS)),
    "expectancy": Metric(MONEY, expectancy_of, "(gross_profit - gross_loss) / trades", (NO_TRADE,)),
    "exposure": Metric(FRACTION, exposure_of, "mean(exposure[equity > 0])", (NO_SESSION, RUINED)),
    "turnover": Metric(RATIO, turnover_of, "traded / 2 / mean(equity) / years", (NO_SESSION, NO_TIME, RUINED)),
    "commission": Metric(MONEY, "What all orders paid; below 0 where rebates were more."),
    "slippage": Metric(MONEY, "What all fills cost beyond the market's price."),
    "financing": Metric(MONEY, "Interest, borrow fees and funding that were paid, less what was received."),
    "currency_pnl": Metric(MONEY, "What changes of rates added to cash in other currencies."),
    "ambiguous_fills": Metric(
        COUNT, "Fills where the bar's range, or that of its finer bars, allowed another choice, such as target or stop."
    ),
    "ambiguous_pnl": Metric(MONEY, "What the opposite choice at those fills would have added, to the bar's close."),
    "rejected_orders": Metric(COUNT, "Orders that were rejected, when they were asked for or when they were to fill."),
    "final_equity": Metric(MONEY, final_equity_of, "equity[-1]", (NO_SESSION,)),
    "sessions": Metric(COUNT, "Sessions of the run; of one that was pruned, those that it ran."),
    "skew": Metric(RATIO, skew_of, "mean(d ** 3) / mean(d ** 2) ** 1.5", (TOO_FEW, NO_VARIATION)),
    "kurtosis": Metric(RATIO, kurtosis_of, "mean(d ** 4) / mean(d ** 2) ** 2", (TOO_FEW, NO_VARIATION)),
    "sharpe_per_session": Metric(RATIO, sharpe_of, "mean(r) / std(r, ddof=1)", (TOO_FEW, NO_VARIATION)),
    "alpha": Metric(YEARLY, alpha_of, "(mean(x) - beta * mean(b)) * intervals", (TOO_FEW, STEADY_BENCHMARK)),
    "beta": Metric(RATIO, beta_of, "cov(x, b)[0, 1] / var(b, ddof=1)", (TOO_FEW, STEADY_BENCHMARK)),
    "information_ratio": Metric(
        RATIO, information_ratio_of, "sqrt(intervals) * mean(x - b) / std(x - b, ddof=1)", (TOO_FEW, NO_VARIATION)
    ),
    "up_capture": Metric(
        RATIO,
        "Mean compound return over that of the benchmark, in the intervals in which it rose.",
        "(prod(1 + x[b > 0]) ** (1 / sum(b > 0)) - 1) / (prod(1 + b[b > 0]) ** (1 / sum(b > 0)) - 1)",
        (NO_RISE,),
    ),
    "down_capture": Metric(
        RATIO,
        "The same in the intervals in which it fell; smaller is better.",
        "(prod(1 + x[b < 0]) ** (1 / sum(b < 0)) - 1) / (prod(1 + b[b < 0]) ** (1 / sum(b < 0)) - 1)",
        (NO_FALL,),
    ),
}
"""By name, in the order in which they are written; each is a column, an objective and a constraint."""

BENCHMARK_METRICS = ("alpha", "beta", "information_ratio", "up_capture", "down_capture")
"""The last of them, which a trial has where `data.benchmark` is given."""
