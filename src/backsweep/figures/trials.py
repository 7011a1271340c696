"""Figures of trials and their parameters: points, surfaces, parallel coordinates, and the two segments of folds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.figures.style import (
    COLOURS,
    MOST_POINTS,
    QUIET,
    SCALE,
    Figure,
    as_number,
    as_numbers,
    as_place,
    escaped,
    faded,
    log_ticks,
    make_layout,
    round_values,
    thinned,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_LINES = 400
"""Lines of parallel coordinates in each of the two colours."""

_MOST_LEVELS = 20  # values of an axis that have a cell each
_MOST_TICKS = 8


@dataclass(frozen=True)
class Axis:
    """An axis of the search space: a range, logarithmic or not, or the values that it has, with their names.

    Neighbouring values of an axis with an `order` may share a cell of a surface.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    levels: tuple[float, ...] | None = None
    labels: tuple[str, ...] = ()
    order: bool = False

    def to_unit(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map values to 0..1: equal distances, or equal ratios; levels to the middles of equal parts; NaN stays."""
        if self.levels is not None:
            places = np.searchsorted(np.array(self.levels), values)
            return np.where(np.isnan(values), np.nan, (places + 0.5) / len(self.levels))
        if self.high <= self.low:
            return np.where(np.isnan(values), np.nan, 0.5)
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        return np.clip(((np.log(values) if self.log else values) - low) / (high - low), 0.0, 1.0)

    def ticks(self, most: int) -> tuple[list[float], list[str]]:
        """Return places in 0..1 and their labels, at most so many."""
        if self.levels is not None:
            kept = range(0, len(self.levels), -(-len(self.levels) // most))
            return [(place + 0.5) / len(self.levels) for place in kept], [self.labels[place] for place in kept]
        values = round_values(self.low, self.high, most)
        if self.log:
            within = [value for value in log_ticks(self.low, self.high)["tickvals"] if self._holds(value)]
            tens = [value for value in within if f"{value:e}".startswith("1.000000e")]
            chosen = tens if len(within) > most and len(tens) > 2 else within
            values = [value for place, value in enumerate(chosen) if place % -(-len(chosen) // most) == 0]
        return self.to_unit(np.array(values)).tolist(), [f"{value:.6g}" for value in values]

    def _holds(self, value: float) -> bool:
        return self.low * (1.0 - 1e-9) <= value <= self.high * (1.0 + 1e-9)


def scatter_figure(
    x: Sequence[Any],
    y: NDArray[np.float64],
    titles: tuple[str, str],
    *,
    log: bool = False,
    marked: NDArray[np.bool_] | None = None,
    forms: tuple[str, str] = ("", ""),
) -> Figure:
    """Return points; of more than MOST_POINTS those of `thinned` are drawn. Points that are `marked` have a colour.

    `forms` are number formats of d3 for both axes.
    """
    marked = np.zeros(len(y), bool) if marked is None else marked
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [as_place(x[place]) for place in kept.tolist()],
            "y": as_numbers(y[kept]),
            "marker": {"size": 5 + 3 * place, "opacity": 0.7 + 0.3 * place, "color": COLOURS[place]},
            "showlegend": False,
        }
        for place, which in enumerate((~marked, marked))
        if len(kept := (found := np.flatnonzero(which))[thinned(len(found))])
    ]
    layout = make_layout(300)
    layout["xaxis"] |= {"title": {"text": escaped(titles[0])}}
    if log and (places := [float(each) for each in x if each > 0]):
        layout["xaxis"] |= {"type": "log", "minor": {"showgrid": False}, **log_ticks(min(places), max(places))}
    layout["yaxis"] |= {"title": {"text": escaped(titles[1])}}
    for axis, form in zip(("xaxis", "yaxis"), forms, strict=True):
        layout[axis] |= {"tickformat": form} if form else {}
    return {"data": data, "layout": layout}


def surface_figure(
    axes: tuple[Axis, Axis],
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    values: NDArray[np.float64],
    title: str,
    *,
    best: int,
    maximize: bool = True,
) -> Figure:
    """Return the medians of `values` in cells of two axes, brighter where they are better; a cross marks trial `best`.

    `points` are float64[trials] on each axis, `values` float64[trials]. The colours of the worst twentieth of the cells
    are the same.
    """
    sizes = [_cells(axis, len(values)) for axis in axes]
    units = [axis.to_unit(each) for axis, each in zip(axes, points, strict=True)]
    column, row = (np.minimum((unit * size).astype(int), size - 1) for unit, size in zip(units, sizes, strict=True))
    grid: list[list[float | None]] = [[None] * sizes[0] for _ in range(sizes[1])]
    counts = [[0] * sizes[0] for _ in range(sizes[1])]
    cells = row * sizes[0] + column
    order = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[order], prepend=-1))
    for members in np.split(order, starts[1:]):
        at = int(row[members[0]]), int(column[members[0]])
        grid[at[0]][at[1]], counts[at[0]][at[1]] = as_number(float(np.median(values[members]))), len(members)
    found = np.array([value for line in grid for value in line if value is not None])
    worst = float(np.quantile(found, 0.05 if maximize else 0.95))
    best_of_cells = float(found.max() if maximize else found.min())
    heat = {
        "type": "heatmap",
        "z": grid,
        "customdata": counts,
        "zmin": min(worst, best_of_cells),
        "zmax": max(worst, best_of_cells),
        "colorscale": [list(each) for each in SCALE],
        "reversescale": not maximize,
        "colorbar": {"title": {"text": escaped(title), "side": "right"}, "thickness": 12, "outlinewidth": 0},
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "median %{z:.4g} of %{customdata} trials<extra></extra>",
    }
    place = [float(unit[best] * size - 0.5) for unit, size in zip(units, sizes, strict=True)]
    cross = {
        "type": "scatter",
        "mode": "markers",
        "x": [as_number(place[0])],
        "y": [as_number(place[1])],
        "marker": {"symbol": "x-thin", "size": 13, "line": {"width": 3, "color": "#e0218a"}},
        "cliponaxis": False,
        "hovertemplate": "the best trial<extra></extra>",
        "showlegend": False,
    }
    layout = make_layout(380)
    for key, axis, size in zip(("xaxis", "yaxis"), axes, sizes, strict=True):
        places, labels = axis.ticks(_MOST_TICKS if axis.levels is not None else 5)
        layout[key] |= {
            "title": {"text": escaped(axis.name)},
            "tickvals": [as_number(place * size - 0.5) for place in places],
            "ticktext": [escaped(label) for label in labels],
            "range": [-0.5, size - 0.5],
            "showgrid": False,
            "zeroline": False,
        }
    return {"data": [heat, cross], "layout": layout}


def parallel_figure(
    axes: Sequence[Axis], points: Sequence[NDArray[np.float64]], good: NDArray[np.bool_], goal: str
) -> Figure:
    """Return a line for each trial over the axes, the last of which is `goal`; those that are `good` have a colour.

    `points` are float64[trials] on each axis. Of more than MOST_LINES in a colour, as many are drawn.
    """
    units = np.stack([axis.to_unit(each) for axis, each in zip(axes, points, strict=True)])
    data = []
    for which, colour in ((~good, faded(QUIET, 0.25)), (good, faded(COLOURS[1], 0.6))):
        found = np.flatnonzero(which)
        kept = found[thinned(len(found), MOST_LINES)]
        ends = np.vstack([units[:, kept], np.full((1, len(kept)), np.nan)])
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [place if place < len(axes) else None for place in range(len(axes) + 1)] * len(kept),
                "y": [None if math.isnan(value) else round(value, 4) for value in ends.T.ravel().tolist()],
                "line": {"width": 1, "color": colour},
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
    layout = make_layout(400)
    layout["margin"] |= {"t": 16, "r": 48, "b": 64}
    layout["meta"] = {"narrowest": 72 * len(axes)}  # a page that is narrower scrolls
    names = [_broken(axis.name) for axis in axes[:-1]] + [f"<b>{_broken(goal)}</b>"]
    layout["xaxis"] |= {
        "tickvals": list(range(len(axes))),
        "ticktext": names,
        "range": [-0.15, len(axes) - 0.55],
        "tickangle": 0,
        "zeroline": False,
    }
    layout["yaxis"] |= {"visible": False, "range": [-0.04, 1.04]}
    layout["annotations"] = [
        {
            "x": place,
            "y": at,
            "text": escaped(label),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 3,
            "font": {"size": 10},
        }
        for place, axis in enumerate(axes)
        for at, label in zip(*axis.ticks(5), strict=True)
    ]
    return {"data": data, "layout": layout}


def folds_figure(folds: Sequence[str], segments: Sequence[tuple[str, Sequence[float | None]]], title: str) -> Figure:
    """Return a bar for each fold and segment, in the colours of `segments`, whose values may be undefined."""
    data = [
        {
            "type": "bar",
            "name": escaped(name),
            "x": list(map(escaped, folds)),
            "y": [None if value is None else as_number(value) for value in values],
            "marker": {"color": colour},
        }
        for (name, values), colour in zip(segments, (faded(QUIET, 0.7), COLOURS[0]), strict=True)
    ]
    layout = make_layout(300)
    layout["xaxis"] |= {"type": "category", "title": {"text": "fold"}}
    layout["yaxis"] |= {"title": {"text": escaped(title)}}
    return {"data": data, "layout": layout}


def describe_thinning(count: int, most: int = MOST_POINTS, what: str = "points") -> str:
    """Return a sentence on what is not drawn; empty where everything is."""
    return f" Of {count:,} {what} {most:,} at equal distances are drawn." if count > most else ""


def _cells(axis: Axis, trials: int) -> int:
    """Return how many cells an axis has: one for each level, or about four trials in each of a square.

    Levels that have an order share cells where there are more than twice as many.
    """
    fitting = min(max(round(math.sqrt(trials / 4.0)), 4), _MOST_LEVELS)
    if axis.levels is None or (axis.order and len(axis.levels) > 2 * fitting):
        return fitting
    return len(axis.levels)


def _broken(name: str) -> str:
    """Return a name on several lines, broken after dots and underscores."""
    return "<br>".join(escaped(part) for part in name.replace("_", "_\n").replace(".", ".\n").split("\n"))
