"""Figures over time: growth and drawdown, months and years, one series; and bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.figures.style import (
    COLOURS,
    GAIN,
    LOSS,
    Figure,
    as_days,
    as_number,
    as_numbers,
    escaped,
    extremes,
    faded,
    growth_axis,
    make_layout,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def equity_figure(
    dates: Sequence[date], returns: Mapping[str, NDArray[np.float64]], starts: Sequence[date] = ()
) -> Figure:
    """Return growth of 1 above the drawdown of the first series; `starts` are where folds begin.

    `returns` are float64[dates] by name. The axis is logarithmic unless an account falls to zero or below.
    """
    curves = {name: np.cumprod(1.0 + each) for name, each in returns.items()}
    data = [
        _line(dates, curve, name=escaped(name), line={"width": 1.2 if place else 1.8, "color": _colour(place)})
        for place, (name, curve) in enumerate(curves.items())
    ]
    data.append(_line(dates, falls(next(iter(curves.values()))), yaxis="y2", showlegend=False, **_UNDER))
    layout = make_layout(460)
    layout["xaxis"] |= {"anchor": "y2"}
    layout["yaxis"] |= {"domain": [0.36, 1.0], "title": {"text": "growth of 1"}, "minor": {"showgrid": False}}
    layout["yaxis"] |= growth_axis(list(curves.values()))
    layout["yaxis2"] = {"domain": [0.0, 0.28], "tickformat": ".0%", "title": {"text": "drawdown"}, "automargin": True}
    layout["shapes"] = _marks(starts)
    return {"data": data, "layout": layout}


def drawdown_figure(
    dates: Sequence[date], returns: Mapping[str, NDArray[np.float64]], starts: Sequence[date] = ()
) -> Figure:
    """Return how far each series is below its highest so far, the first one filled; at `starts` folds begin."""
    data = []
    for place, (name, each) in enumerate(returns.items()):
        style = {"line": {"width": 1.2, "color": _colour(place)}} if place else _UNDER
        data.append(_line(dates, falls(np.cumprod(1.0 + each)), name=escaped(name), **style))
    layout = make_layout(320)
    layout["yaxis"] |= {"tickformat": ".0%", "title": {"text": "drawdown"}}
    layout["shapes"] = _marks(starts)
    return {"data": data, "layout": layout}


def account_figure(
    times: Sequence[date], equity: NDArray[np.float64], exposure: NDArray[np.float64], initial: float
) -> Figure:
    """Return an account's equity above its drawdown and its exposure; `initial` is what it began with."""
    layout = make_layout(560)
    layout["xaxis"] |= {"anchor": "y3"}
    layout["yaxis"] |= {"domain": [0.5, 1.0], "title": {"text": "equity"}, "minor": {"showgrid": False}}
    layout["yaxis"] |= growth_axis([equity])
    for name, domain, title in (("yaxis2", [0.25, 0.44], "drawdown"), ("yaxis3", [0.0, 0.19], "exposure")):
        layout[name] = {"domain": domain, "tickformat": ".0%", "title": {"text": title}, "automargin": True}
    data = [
        _line(times, equity, line={"width": 1.8, "color": COLOURS[0]}),
        _line(times, falls(equity / initial), yaxis="y2", **_UNDER),
        _line(times, exposure, yaxis="y3", fill="tozeroy", line={"width": 1, "color": COLOURS[1], "shape": "hv"}),
    ]
    return {"data": [{**each, "showlegend": False} for each in data], "layout": layout}


def monthly_figure(years: Sequence[int], months: Sequence[int], returns: Sequence[float]) -> Figure:
    """Return a heat map of the returns of months, a row for each year, the latest below."""
    rows = sorted(set(years))
    grid: list[list[float | None]] = [[None] * len(MONTHS) for _ in rows]
    for year, month, value in zip(years, months, returns, strict=True):
        grid[rows.index(year)][month - 1] = as_number(value)
    most = max((abs(value) for value in returns), default=0.0) or 1.0
    data = {
        "type": "heatmap",
        "x": list(MONTHS),
        "y": [str(year) for year in rows],
        "z": grid,
        "zmin": -most,
        "zmax": most,
        "colorscale": [[0.0, LOSS], [0.5, faded(LOSS)], [0.5, faded(GAIN)], [1.0, GAIN]],
        "showscale": False,
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "texttemplate": "%{z:.1%}",
        "textfont": {"size": 10},
        "hovertemplate": "%{x} %{y}: %{z:.2%}<extra></extra>",
    }
    layout = make_layout(90 + 26 * len(rows))
    layout["xaxis"] |= {"showgrid": False}
    layout["yaxis"] |= {"type": "category", "autorange": "reversed", "showgrid": False}
    return {"data": [data], "layout": layout}


def bar_figure(names: Sequence[str], values: Sequence[float], form: str, *, sideways: bool = False) -> Figure:
    """Return bars, losses in their own colour; `form` is a number format of d3, such as `.1%`."""
    labels, numbers = [escaped(name) for name in names], [as_number(value) for value in values]
    colours = [LOSS if value < 0.0 else GAIN for value in values]
    data: Figure = {
        "type": "bar",
        "marker": {"color": colours, "line": {"width": 1, "color": colours}},  # without a line, zero has no text
        "textposition": "auto" if sideways else "outside",
        "texttemplate": f"%{{{'x' if sideways else 'y'}:{form}}}",
        "cliponaxis": False,
        "textangle": 0,
        "hoverinfo": "none",
    }
    data |= {"x": numbers, "y": labels, "orientation": "h"} if sideways else {"x": labels, "y": numbers}
    layout = make_layout(90 + 28 * len(labels) if sideways else 300)
    layout["xaxis"] |= {"tickformat": form} if sideways else {"type": "category"}
    layout["yaxis"] |= {"type": "category", "autorange": "reversed"} if sideways else {"tickformat": form}
    return {"data": [data], "layout": layout}


def line_figure(dates: Sequence[date], values: NDArray[np.float64], title: str, form: str = "") -> Figure:
    """Return one series over time; undefined values are gaps, `form` is a number format of d3."""
    data = _line(dates, values, line={"width": 1.5, "color": COLOURS[0]})
    layout = make_layout(280)
    layout["yaxis"] |= {"title": {"text": escaped(title)}, "tickformat": form}
    return {"data": [data], "layout": layout}


def falls(equity: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return how far equity, that began at 1, is below its highest so far: fractions, 0 or less."""
    whole = np.concatenate([[1.0], equity])
    return np.asarray((whole / np.maximum.accumulate(whole) - 1.0)[1:])


_UNDER: Figure = {"fill": "tozeroy", "line": {"width": 1, "color": LOSS}}


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _line(dates: Sequence[date], values: NDArray[np.floating[Any]], **style: Any) -> Figure:
    """Return a line; of more points than MOST_POINTS those that are `extremes`."""
    kept = extremes(values)
    days = as_days([dates[place] for place in kept.tolist()])
    return {"type": "scatter", "mode": "lines", "x": days, "y": as_numbers(values[kept]), **style}


def _marks(starts: Sequence[date]) -> list[Figure]:
    """Return dotted vertical lines."""
    line = {"width": 1, "dash": "dot", "color": "#888888"}
    across = {"type": "line", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "line": line}
    return [{**across, "x0": day, "x1": day} for day in as_days(starts)]
