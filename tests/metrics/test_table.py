"""Formulas and reasons that are declared are those that are computed; docs/reference/metrics.md shows them."""

import math

import numpy as np
import pytest

from backsweep.engine.tables import COUNTERS
from backsweep.metrics.benchmark import align
from backsweep.metrics.reasons import REASONS
from backsweep.metrics.summary import ALL_METRICS, compare, summarise
from backsweep.metrics.table import TABLE

RNG = np.random.default_rng(7)
GROWTH = 100.0 * np.cumprod(1.0 + RNG.normal(0.001, 0.02, 300))
INDEX = 50.0 * np.cumprod(1.0 + RNG.normal(0.0005, 0.015, 300))
PNL = np.array([5.0, -2.0, 7.5, -1.25, 0.0, -4.0])
WORLD = {name: getattr(np, name) for name in ("sqrt", "mean", "std", "minimum", "max", "cov", "var", "prod", "sum")} | {
    "__builtins__": {}
}


def run(equity, *, years=1.2, pnl=PNL, index=None):
    equity = np.asarray(equity, dtype=np.float64)
    exposure = np.linspace(0.2, 0.9, equity.size)
    values, reasons = np.empty(len(ALL_METRICS)), np.zeros(len(ALL_METRICS), np.uint8)
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    counters = np.ones(1, COUNTERS)[0]
    counters.initial_equity, counters.traded_notional = 100.0, 5e4
    counters.trades, counters.wins = pnl.size, wins.size
    counters.gross_profit, counters.gross_loss = wins.sum(), -losses.sum()
    returns, own, theirs = np.empty((3, equity.size))
    summarise(equity, exposure, years, 252.0, counters, values, reasons, returns)
    levels = np.append(50.0, INDEX[: equity.size] if index is None else index)
    found = align(returns, levels, own, theirs)
    compare(own[: found.n], theirs[: found.n], 252.0, values, reasons)
    return dict(zip(ALL_METRICS, values, strict=True)), dict(zip(ALL_METRICS, map(int, reasons), strict=True))


@pytest.mark.parametrize("name", [name for name, metric in TABLE.items() if metric.formula])
def test_a_formula_gives_the_value_of_its_metric(name):
    values, _ = run(GROWTH)
    returns = GROWTH / np.append(100.0, GROWTH[:-1]) - 1.0
    known = {
        "r": returns,
        "d": returns - returns.mean(),
        "equity": GROWTH,
        "initial": 100.0,
        "years": 1.2,
        "per_year": 252,
    }
    known |= {"exposure": np.linspace(0.2, 0.9, GROWTH.size), "traded": 5e4}
    known |= {"peak": np.maximum.accumulate(np.append(100.0, GROWTH))[1:], "trades": 6, "wins": 2}
    known |= {"gross_profit": 12.5, "gross_loss": 7.25, "cagr": values["cagr"], "max_drawdown": values["max_drawdown"]}
    benchmark = INDEX / np.append(50.0, INDEX[:-1]) - 1.0
    known |= {"x": returns, "b": benchmark, "intervals": 252.0, "beta": values["beta"]}
    shown = eval(TABLE[name].formula, WORLD, known)  # noqa: S307 - a formula of the package
    assert math.isclose(values[name], shown, rel_tol=1e-10)


def test_a_metric_is_undefined_for_the_reasons_that_are_declared_and_for_no_other():
    none = np.zeros(0)
    runs = [
        run(GROWTH),
        run([]),
        run([101.0]),
        run([100.0, 100.0, 100.0], pnl=none),
        run([110.0, 121.0, 133.1], pnl=np.array([3.0])),
        run(GROWTH, years=0.0),
        run([-5.0, -5.0]),
        run([110.0, 99.0, 110.0], index=[50.0, 50.0, 50.0]),
        run([110.0, 99.0, 110.0], index=[55.0, 49.5, 55.0]),
    ]
    for name, metric in TABLE.items():
        found = {reasons[name] for _, reasons in runs} - {0}
        assert {REASONS[code] for code in found} == {REASONS[code] for code in metric.undefined}, name
