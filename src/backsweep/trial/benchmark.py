"""A benchmark beside runs: its value at session ends, and the metrics of a run over some sessions compared with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep import metrics
from backsweep.engine.compile.kernel import compiled
from backsweep.metrics.benchmark import align
from backsweep.metrics.summary import compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.trial.session_range import SessionRange

_align, _compare = compiled(align), compiled(compare)

Levels = dict[str, "NDArray[np.float64]"]
"""What each benchmark is worth, by name: float64[sessions + 1] as in `Benchmark`."""

FIGURES = ("total_return", "volatility", "sharpe", "max_drawdown")


class Benchmark:
    """A benchmark at the sessions of the data.

    `levels`, float64[sessions + 1], has its value before the first session, then its last value in each session; NaN
    where there is none; `per_year` is how many sessions a year has.
    """

    def __init__(self, levels: NDArray[np.float64], per_year: float) -> None:
        self.levels = levels
        self._per_year = per_year
        latest = np.maximum.accumulate(np.where(np.isnan(levels), 0, np.arange(len(levels))))
        self._known = levels[latest]

    def over(self, sessions: SessionRange) -> NDArray[np.float64]:
        """Return its levels over some sessions, with what it was worth last before them: float64[n + 1]."""
        levels = self.levels[sessions.first : sessions.last + 1].copy()
        levels[0] = self._known[sessions.first]
        return levels

    def write(
        self,
        ranges: Sequence[SessionRange],
        returns: NDArray[np.float64],
        values: NDArray[np.float64],
        reasons: NDArray[np.uint8],
    ) -> None:
        """Write a run's metrics beside the benchmark into `values` and `reasons`, behind those of every trial.

        `returns`, float64[n], are those of the sessions of all `ranges`, one after the other. What the benchmark was
        worth last before a range is where it begins.
        """
        own, theirs = np.empty((2, returns.size))
        first = count = covered = 0
        for each in ranges:
            found = _align(returns[first : first + each.sessions], self.over(each), own[count:], theirs[count:])
            first, count, covered = first + each.sessions, count + found.n, covered + found.sessions
        per_year = self._per_year * (count / covered if covered else 1.0)
        _compare(own[:count], theirs[:count], per_year, values, reasons)


def tabulate_benchmarks(
    levels: Levels, per_year: float, wanted: Sequence[tuple[int | None, Sequence[SessionRange]]]
) -> pl.DataFrame:
    """Return the figures of each benchmark over ranges of sessions, compounded: `fold`, `benchmark`, and FIGURES.

    `wanted` are the ranges of folds; None stands for no fold. A year has `per_year` sessions. Undefined is null.
    """
    rows = []
    for fold, each in wanted:
        for name, series in levels.items():
            benchmark = Benchmark(series, per_year)
            known = [(run.sessions, over[~np.isnan(over)]) for run in each for over in [benchmark.over(run)]]
            returns = np.concatenate([values[1:] / values[:-1] - 1.0 for _, values in known] or [np.zeros(0)])
            share = returns.size / max(sum(sessions for sessions, _ in known), 1)
            rows.append({"fold": fold, "benchmark": name, **_figures(returns, per_year * share)})
    schema = {"fold": pl.Int32(), "benchmark": pl.String(), **dict.fromkeys(FIGURES, pl.Float64())}
    return pl.DataFrame(rows, schema=schema)


def _figures(returns: NDArray[np.float64], per_year: float) -> dict[str, float | None]:
    if not returns.size:
        return dict.fromkeys(FIGURES)
    figures = {
        "total_return": metrics.total_return(returns),
        "volatility": metrics.volatility(returns, per_year),
        "sharpe": metrics.sharpe(returns, periods_per_year=per_year),
        "max_drawdown": metrics.max_drawdown(returns),
    }
    return {name: None if np.isnan(value) else value for name, value in figures.items()}
