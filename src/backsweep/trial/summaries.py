"""From what runs leave behind to their metrics: one run, or several put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backsweep.engine.compile.kernel import compiled
from backsweep.engine.tables import COUNTERS
from backsweep.metrics.summary import METRICS, summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.engine.state import Table

_summarise = compiled(summarise)


@dataclass(frozen=True, eq=False)
class RunSummary:
    """What a run left behind: its record of COUNTERS, equity and exposure at session ends, and the years it took.

    `per_year` is how many sessions a year has.
    """

    counters: Table
    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    years: float
    per_year: float


class Curves(NamedTuple):
    """What metrics are computed from: float64[sessions] at session ends, and a record of COUNTERS."""

    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    returns: NDArray[np.float64]
    counters: Any


def summarise_run(
    run: RunSummary, values: NDArray[np.float64], reasons: NDArray[np.uint8], returns: NDArray[np.float64]
) -> Curves:
    """Write the metrics, reason codes and returns of one run; return what they were computed from."""
    _summarise(run.equity, run.exposure, run.years, run.per_year, run.counters[0], values, reasons, returns)
    return Curves(run.equity, run.exposure, returns, run.counters[0])


def summarise_runs(
    runs: Sequence[RunSummary], values: NDArray[np.float64], reasons: NDArray[np.uint8], returns: NDArray[np.float64]
) -> Curves:
    """Write metrics, reasons and returns of runs that each began with the same cash, as `Runner.summarise` does of one.

    The equity of each goes on where the one before it ended; after ruin nothing more is earned. Returns are those of
    the runs, bit for bit. Counts and amounts are added up.
    """
    first, *others = (run.counters.view(np.float64) for run in runs)
    counters = (sum(others) + first).view(COUNTERS)
    counters["initial_equity"] = cash = runs[0].counters["initial_equity"][0]
    scale = 1.0
    curves: list[NDArray[np.float64]] = []
    own: list[NDArray[np.float64]] = []
    for run in runs:
        curves.append(run.equity * scale)
        scale = max(float(curves[-1][-1]), 0.0) / cash
        before = np.append(cash, run.equity[:-1])
        own.append(np.divide(run.equity, before, out=np.ones_like(before), where=before > 0.0) - 1.0)
    exposure = np.concatenate([run.exposure for run in runs])
    years = sum(run.years for run in runs)
    whole = RunSummary(counters, np.concatenate(curves), exposure, years, runs[0].per_year)
    curves_of_all = summarise_run(whole, values, reasons, returns)
    np.copyto(returns, np.concatenate(own), where=~np.isnan(returns))
    return curves_of_all


def mean_of_trainings(
    metrics: NDArray[np.float64], reasons: NDArray[np.uint8], trains: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return a trial's own metrics, float64[metrics], and reason codes: the means over its trainings, not its tests.

    `metrics` and `reasons` have a row for each segment; a metric that is undefined in one training is undefined, for
    that training's reason.
    """
    reason = reasons[trains].max(axis=0)
    total = np.zeros(metrics.shape[1])
    for row in metrics[trains]:
        total += row
    return total / trains.sum(), reason


def new_metrics(count: int, width: int = len(METRICS)) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return empty arrays for the metrics of `count` trials, `width` each, and their reason codes."""
    return np.full((count, width), np.nan), np.zeros((count, width), np.uint8)
