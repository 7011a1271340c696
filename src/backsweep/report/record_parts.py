"""What was selected, over time: growth and drawdown, months, years, worst drawdowns and rolling Sharpe ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.figures.record import bar_figure, line_figure, monthly_figure
from backsweep.report.formats import fixed, format_metric
from backsweep.report.parts import Cell, Chart, Listing, Table, Text, metric_cell
from backsweep.study.results.record_charts import equity_chart, record_series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from backsweep.report.parts import Part
    from backsweep.study.results.study import Study

_WORST = 5
_METRICS = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown", "max_drawdown_sessions")


def record_parts(study: Study) -> list[Part]:
    """Return the parts on the record of what was selected."""
    if not len(study.record):
        return [Text("The record has no session: no fold has a test yet.")]
    dates, series = record_series(study)
    returns = next(iter(series.values()))
    per_year = study.sweep.sessions_per_year
    parts: list[Part] = [_metrics(study), equity_chart(study)]
    if study.benchmark is not None:
        parts.append(_beside(study.benchmark))
    return parts + time_parts(dates, returns, per_year)


def time_parts(dates: Sequence[date], returns: NDArray[np.float64], per_year: float) -> list[Part]:
    """Return months, years, worst drawdowns and the rolling Sharpe ratio of returns, float64[dates]."""
    rolling = _rolling(dates, returns, per_year)
    parts = [*_calendar(pl.DataFrame({"date": dates, "return": returns})), _drawdowns(dates, returns)]
    return [*parts, *([rolling] if rolling else [])]


def _metrics(study: Study) -> Part:
    figures = study.selected_metrics
    from backsweep.metrics.table import BENCHMARK_METRICS  # noqa: PLC0415 - loads Numba

    names = [name for name in (*_METRICS, *BENCHMARK_METRICS) if name in figures]
    entries = {name.replace("_", " "): metric_cell(name, figures[name]).text for name in names}
    found = study.statistics
    if found is not None and found.out_of_sample is not None:
        entries["sharpe"] += f" (95% interval {fixed(found.out_of_sample.low)} to {fixed(found.out_of_sample.high)})"
    elif found is not None:
        entries["sharpe"] += f" (best of {found.tried:,} trials; noise would have given {fixed(found.expected_noise)})"
    else:
        entries["sharpe"] += f" (best of {len(study.trials):,} trials, on too few sessions to judge it)"
    return Listing("", entries)


def _beside(figures: pl.DataFrame) -> Table:
    names = [name for name in figures.columns if name not in {"fold", "benchmark"}]
    rows = [
        [Cell(label := row["benchmark"].replace("_", " "), label), *(metric_cell(name, row[name]) for name in names)]
        for row in figures.filter(pl.col("fold").is_null()).to_dicts()
    ]
    text = "The benchmark, and all assets bought and held, over the same sessions and without costs."
    return Table("The benchmark", ("", *(name.replace("_", " ") for name in names)), rows, text)


def _calendar(rows: pl.DataFrame) -> list[Part]:
    years, months = pl.col("date").dt.year(), pl.col("date").dt.month()
    grown = (pl.col("return") + 1.0).product() - 1.0
    monthly = rows.group_by(years.alias("year"), months.alias("month"), maintain_order=True).agg(grown)
    annual = rows.group_by(years.alias("year"), maintain_order=True).agg(grown)
    months_text = "Return of each month; empty where there is no session. The first and the last may be partial."
    years_text = "Return of each calendar year; the first and the last may be partial. A few years prove nothing."
    return [
        Chart("Months", monthly_figure(*(monthly[name].to_list() for name in monthly.columns)), months_text),
        Chart(
            "Years", bar_figure([str(year) for year in annual["year"]], annual["return"].to_list(), ".1%"), years_text
        ),
    ]


def _drawdowns(dates: Sequence[date], returns: NDArray[np.float64]) -> Part:
    rows = [
        [
            Cell(str(dates[begun]), dates[begun].toordinal()),
            Cell(str(dates[low]), dates[low].toordinal()),
            Cell("not yet") if over is None else Cell(str(dates[over]), dates[over].toordinal()),
            Cell(format_metric("max_drawdown", depth), depth),
            Cell(f"{(over or len(dates) - 1) - begun + 1:,}", float((over or len(dates) - 1) - begun + 1)),
        ]
        for begun, low, over, depth in worst_drawdowns(returns, _WORST)
    ]
    if not rows:
        return Text("There was no drawdown.")
    text = "From the first session below a peak to the session that reaches it again. A longer record has deeper ones."
    return Table("Worst drawdowns", ("began", "lowest", "recovered", "depth", "sessions"), rows, text)


def worst_drawdowns(returns: NDArray[np.float64], count: int) -> list[tuple[int, int, int | None, float]]:
    """Return the deepest drawdowns as positions of the first session, the lowest and the recovery, and the depth.

    The recovery is None where there is none yet; depths are fractions of the peak, above zero.
    """
    equity = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    fall = 1.0 - equity / np.maximum.accumulate(equity)
    under = np.concatenate([fall[1:] > 0.0, [False]])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], under]).astype(np.int8)))
    found = []
    for begun, over in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        low = begun + int(np.argmax(fall[1 + begun : 1 + over]))
        found.append((begun, low, over if over < len(returns) else None, float(fall[1 + low])))
    return sorted(found, key=lambda each: (-each[3], each[0]))[:count]


def _rolling(dates: Sequence[date], returns: NDArray[np.float64], per_year: float) -> Part | None:
    window = max(round(per_year), 2)
    if len(returns) < window * 1.25:
        return None
    views = np.lib.stride_tricks.sliding_window_view(returns, window)
    deviation = views.std(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = np.where(deviation > 0.0, views.mean(axis=1) / deviation * math.sqrt(per_year), math.nan)
    error = math.sqrt(per_year / window)
    text = (
        f"Annual Sharpe ratio of the {window:,} sessions up to each one; a gap is where returns do not vary. "
        f"Neighbours share most of their sessions, and without any skill the standard deviation of each is {error:.1f}."
    )
    return Chart("Rolling Sharpe ratio", line_figure(dates[window - 1 :], sharpe, "Sharpe, one year"), text)
