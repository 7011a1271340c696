"""From what runs leave behind to their metrics: one run, or several put together.

The runs of a segment each began with the same cash. The equity of each goes on where the one before it ended; after
ruin nothing more is earned. Returns are those of the runs, bit for bit. Counts and amounts are added up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backsweep.engine.compile.kernel import compiled, kernel
from backsweep.engine.tables import COUNTERS
from backsweep.metrics.summary import METRICS, summarise
from backsweep.trial.range_sums import HEAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.trial.layout import Layout


class Curves(NamedTuple):
    """What a segment's metrics are computed from.

    Attributes
    ----------
    equity, exposure, returns : float64[sessions] at session ends, or longer: what is not of the segment is not read.
    head : float64[HEAD], the same memory as `counters`, a record of COUNTERS.

    """

    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    returns: NDArray[np.float64]
    head: NDArray[np.float64]
    counters: Any


def new_curves(sessions: int) -> Curves:
    """Return room for the curves of a segment of so many sessions."""
    head = np.zeros(HEAD)
    return Curves(np.zeros(sessions), np.zeros(sessions), np.zeros(sessions), head, head.view(COUNTERS)[0])


@kernel
def summarise_ranges(
    sums: NDArray[np.float64],
    ranges: Any,
    places: NDArray[np.int64],
    periods_per_year: float,
    curves: Any,
    values: NDArray[np.float64],
    reasons: NDArray[np.uint8],
) -> int:
    """Write metrics (float64[len(METRICS)]) and reason codes (uint8) of a segment of one or several ranges.

    `places` are the numbers of its `ranges`, records of RANGE, in order of time; `sums` hold what was left of each,
    float64[width]. The returns are left in `curves`; returns how many these are.
    """
    first = ranges[places[0]]
    cash = sums[first.start]
    scale, years, at = 1.0, 0.0, 0
    for i in range(HEAD):
        curves.head[i] = 0.0
    for number in range(places.size):
        part = ranges[places[number]]
        for i in range(HEAD if number > 0 else 0):
            curves.head[i] += sums[part.start + i]
        begin = part.start + HEAD
        for i in range(part.sessions):
            equity = sums[begin + i]
            curves.equity[at + i] = equity * scale
            curves.exposure[at + i] = sums[begin + part.sessions + i] / equity if equity > 0.0 else 0.0
        years += part.years
        at += part.sessions
        if at > 0:
            scale = max(curves.equity[at - 1], 0.0) / cash
    for i in range(HEAD):
        curves.head[i] += sums[first.start + i]
    curves.head[0] = cash
    equity, exposure, returns = curves.equity[:at], curves.exposure[:at], curves.returns[:at]
    summarise(equity, exposure, years, periods_per_year, curves.counters, values, reasons, returns)
    if places.size > 1:
        _keep_own_returns(sums, ranges, places, cash, returns)
    return at


@kernel
def _keep_own_returns(
    sums: NDArray[np.float64], ranges: Any, places: NDArray[np.int64], cash: float, returns: NDArray[np.float64]
) -> None:
    """Write the returns that each range's own equity gives, where there are any."""
    at = 0
    for number in range(places.size):
        part = ranges[places[number]]
        before = cash
        for i in range(part.sessions):
            equity = sums[part.start + HEAD + i]
            if not np.isnan(returns[at + i]):
                returns[at + i] = equity / before - 1.0 if before > 0.0 else 0.0
            before = equity
        at += part.sessions


_summarise_ranges = compiled(summarise_ranges)


def summarise_sums(
    sums: NDArray[np.float64],
    layout: Layout,
    slot: int,
    periods_per_year: float,
    values: NDArray[np.float64],
    reasons: NDArray[np.uint8],
) -> Curves:
    """Write metrics and reason codes of a slot as `summarise_ranges` does; return its curves."""
    places = layout.places_of(slot)
    curves = new_curves(int(layout.ranges["sessions"][places].sum()))
    _summarise_ranges(sums, layout.ranges, places, periods_per_year, curves, values, reasons)
    return curves


def mean_of_trainings(
    metrics: NDArray[np.float64], reasons: NDArray[np.uint8], trains: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return a trial's own metrics, float64[metrics], and reason codes: the means over its trainings, not its tests.

    `metrics` and `reasons` have a row for each segment, and before that any axes, such as one of trials. A metric that
    is undefined in one training is undefined, for that training's reason.
    """
    reason = reasons[..., trains, :].max(axis=-2)
    total = np.zeros_like(metrics[..., 0, :])
    for place in np.flatnonzero(trains):
        total += metrics[..., place, :]
    return total / trains.sum(), reason


def new_metrics(count: int, width: int = len(METRICS)) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return empty arrays for the metrics of `count` trials, `width` each, and their reason codes."""
    return np.full((count, width), np.nan), np.zeros((count, width), np.uint8)
