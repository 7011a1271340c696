"""Figures as Plotly's plain data: a page draws them with plotly.js, and `plotly.graph_objects.Figure` takes them as is.

Building one imports nothing of Plotly. Colours of text, grid and background are left to the page, which has a light and
a dark one. Names from data are `escaped`: Plotly reads some tags in texts.
"""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.printable import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

Figure = dict[str, Any]
"""`data` and `layout` of a Plotly figure."""

MOST_POINTS = 4000
"""Points of a scatter of trials; of more, every so many are drawn."""

COLOURS = ("#2a6fdb", "#d9822b", "#3a9d5d", "#8e5bb5")
LOSS, GAIN = "#c8403a", "#2a6fdb"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def escaped(text: str) -> str:
    """Return a name from data as Plotly shows it literally."""
    return html.escape(clean(text), quote=False)


def equity_figure(
    dates: Sequence[date], returns: Mapping[str, NDArray[np.float64]], starts: Sequence[date] = ()
) -> Figure:
    """Return growth of 1 above the drawdown of the first series; `starts` are where folds begin.

    `returns` are float64[dates] by name. The axis is logarithmic unless an account falls to zero or below.
    """
    days, curves = _days(dates), {name: np.cumprod(1.0 + each) for name, each in returns.items()}
    first = next(iter(curves.values()))
    whole = np.concatenate([[1.0], first])
    fall = (whole / np.maximum.accumulate(whole) - 1.0)[1:]
    data: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": escaped(name),
            "x": days,
            "y": _plain(curve),
            "line": {"width": 1.2 if place else 1.8, "color": COLOURS[place % len(COLOURS)]},
        }
        for place, (name, curve) in enumerate(curves.items())
    ]
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "drawdown",
            "x": days,
            "y": _plain(fall),
            "yaxis": "y2",
            "fill": "tozeroy",
            "line": {"width": 1, "color": LOSS},
            "showlegend": False,
        }
    )
    positive = all(curve.min() > 0.0 for curve in curves.values())
    layout = _layout(460)
    layout["xaxis"] |= {"anchor": "y2"}
    layout["yaxis"] |= {
        "domain": [0.36, 1.0],
        "type": "log" if positive else "linear",
        "title": {"text": "growth of 1"},
        "nticks": 8,
        "minor": {"showgrid": False},
    }
    if positive:
        layout["yaxis"] |= _log_ticks(
            min(float(curve.min()) for curve in curves.values()), max(float(curve.max()) for curve in curves.values())
        )
    layout["yaxis2"] = {"domain": [0.0, 0.28], "tickformat": ".0%", "title": {"text": "drawdown"}, "automargin": True}
    layout["shapes"] = [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": day,
            "x1": day,
            "y0": 0,
            "y1": 1,
            "line": {"width": 1, "dash": "dot", "color": "#888888"},
        }
        for day in _days(starts)
    ]
    return {"data": data, "layout": layout}


def _log_ticks(low: float, high: float) -> dict[str, Any]:
    """Return ticks for a logarithmic axis at round numbers: Plotly labels single digits, which overlap."""
    steps = (0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0)
    if not high / low < 10.0:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        values = [digit * 10.0**decade for decade in decades for digit in (1.0, 2.0, 5.0)]
        return {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}
    step = next((each for each in steps if (high - low) / each <= 7.0), 10.0)
    values = [round(step * place, 2) for place in range(math.ceil(low / step), math.floor(high / step) + 1)]
    values = [value for value in values if value > 0.0]
    return {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def monthly_figure(years: Sequence[int], months: Sequence[int], returns: Sequence[float]) -> Figure:
    """Return a heat map of the returns of months, a row for each year, the latest below."""
    rows = sorted(set(years))
    grid: list[list[float | None]] = [[None] * len(MONTHS) for _ in rows]
    for year, month, value in zip(years, months, returns, strict=True):
        grid[rows.index(year)][month - 1] = _round(value)
    most = max((abs(value) for value in returns), default=0.0) or 1.0
    data = {
        "type": "heatmap",
        "x": list(MONTHS),
        "y": [str(year) for year in rows],
        "z": grid,
        "zmin": -most,
        "zmax": most,
        "colorscale": [[0.0, LOSS], [0.5, _faded(LOSS)], [0.5, _faded(GAIN)], [1.0, GAIN]],
        "showscale": False,
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "texttemplate": "%{z:.1%}",
        "textfont": {"size": 10},
        "hovertemplate": "%{x} %{y}: %{z:.2%}<extra></extra>",
    }
    layout = _layout(90 + 26 * len(rows))
    layout["yaxis"] |= {"type": "category", "autorange": "reversed"}
    return {"data": [data], "layout": layout}


def bar_figure(names: Sequence[str], values: Sequence[float], form: str, *, sideways: bool = False) -> Figure:
    """Return bars, losses in their own colour; `form` is a number format of d3, such as `.1%`."""
    labels, numbers = [escaped(name) for name in names], [_round(value) for value in values]
    data: Figure = {
        "type": "bar",
        "marker": {"color": [LOSS if value < 0.0 else GAIN for value in values]},
        "texttemplate": f"%{{{'x' if sideways else 'y'}:{form}}}",
        "cliponaxis": False,
        "hoverinfo": "none",
    }
    data |= {"x": numbers, "y": labels, "orientation": "h"} if sideways else {"x": labels, "y": numbers}
    layout = _layout(90 + 28 * len(labels) if sideways else 300)
    layout["xaxis"] |= {"tickformat": form} if sideways else {"type": "category"}
    layout["yaxis"] |= {"type": "category", "autorange": "reversed"} if sideways else {"tickformat": form}
    return {"data": [data], "layout": layout}


def line_figure(dates: Sequence[date], values: NDArray[np.float64], title: str) -> Figure:
    """Return one series over time; undefined values are gaps."""
    data = {
        "type": "scatter",
        "mode": "lines",
        "x": _days(dates),
        "y": _plain(values),
        "line": {"width": 1.5, "color": COLOURS[0]},
    }
    layout = _layout(280)
    layout["yaxis"] |= {"title": {"text": escaped(title)}}
    return {"data": [data], "layout": layout}


def scatter_figure(
    x: Sequence[Any],
    y: NDArray[np.float64],
    titles: tuple[str, str],
    *,
    log: bool = False,
    marked: NDArray[np.bool_] | None = None,
) -> Figure:
    """Return points; of more than MOST_POINTS those of `thinned` are drawn. Points that are `marked` have a colour."""
    marked = np.zeros(len(y), bool) if marked is None else marked
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [_place(x[place]) for place in kept.tolist()],
            "y": _plain(y[kept]),
            "marker": {"size": 5 + 2 * place, "opacity": 0.55 + 0.35 * place, "color": COLOURS[place]},
            "showlegend": False,
        }
        for place, which in enumerate((~marked, marked))
        if len(kept := (found := np.flatnonzero(which))[thinned(len(found))])
    ]
    layout = _layout(300)
    layout["xaxis"] |= {"title": {"text": escaped(titles[0])}} | ({"type": "log"} if log else {})
    layout["yaxis"] |= {"title": {"text": escaped(titles[1])}}
    return {"data": data, "layout": layout}


def thinned(count: int) -> NDArray[np.int64]:
    """Return which of so many points are drawn: all up to MOST_POINTS, of more as many at equal distances."""
    return np.arange(count) if count <= MOST_POINTS else np.linspace(0, count - 1, MOST_POINTS).astype(np.int64)


def _layout(height: int) -> Figure:
    return {
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 24, "b": 44},
        "xaxis": {"automargin": True},
        "yaxis": {"automargin": True},
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.08, "x": 0},
    }


def _place(value: Any) -> Any:
    """Return a value of an axis: numbers as they are, all others as texts, which make categories."""
    return escaped(str(value).lower() if isinstance(value, bool) else value) if isinstance(value, str | bool) else value


def _faded(colour: str) -> str:
    """Return a colour that shows only what is behind it: the middle of a scale, on a light page and a dark one."""
    return f"rgba({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))}, 0)"


def _days(dates: Sequence[date]) -> list[str]:
    return [day.isoformat() for day in dates]


def _plain(values: NDArray[np.floating[Any]]) -> list[float | None]:
    """Return numbers as JSON has them, with None for what is undefined."""
    return [_round(value) for value in values.tolist()]


def _round(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
