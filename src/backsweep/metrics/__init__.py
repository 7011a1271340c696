"""Metrics: one function per metric, arrays to numbers, and all of them at once inside a trial.

reasons     undefined metrics: NaN and the code of the reason
returns, drawdown, trades, exposure, benchmark    the formulas, each once, as kernels
table       every metric declared: unit, formula, when it is undefined
summary     every metric of a trial, from one call after its run
plain       the same formulas as functions on plain arrays, exported here
"""

from backsweep.metrics.plain import (
    cagr,
    calmar,
    expectancy,
    kurtosis,
    max_drawdown,
    max_drawdown_sessions,
    profit_factor,
    sharpe,
    skew,
    sortino,
    total_return,
    volatility,
    win_rate,
)
from backsweep.metrics.reasons import REASONS
from backsweep.metrics.summary import METRICS

__all__ = [
    "METRICS",
    "REASONS",
    "cagr",
    "calmar",
    "expectancy",
    "kurtosis",
    "max_drawdown",
    "max_drawdown_sessions",
    "profit_factor",
    "sharpe",
    "skew",
    "sortino",
    "total_return",
    "volatility",
    "win_rate",
]
