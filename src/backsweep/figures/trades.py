"""Figures of trades: their results, how far prices went for and against them, and prices with fills."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.figures.style import (
    GAIN,
    LOSS,
    MOST_POINTS,
    QUIET,
    Figure,
    as_days,
    as_number,
    as_numbers,
    escaped,
    extremes,
    growth_axis,
    make_layout,
    thinned,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray


_WIDE = 4.0  # highest over lowest price from which the axis is logarithmic


def histogram_figure(values: NDArray[np.float64], title: str) -> Figure:
    """Return how many values lie in each of equal ranges, of which one begins at zero; losses in their own colour.

    The lowest and the highest hundredth are in the outermost ranges, so that a few do not squeeze all others.
    """
    low, high = np.quantile(values, [0.01, 0.99]).tolist() if len(values) >= 100 else (values.min(), values.max())
    span = (high - low) or 2.0 * max(abs(low), 1.0)
    width = span / min(max(math.sqrt(len(values)) * 2.0, 8.0), 40.0)
    first, last = math.floor(low / width), math.ceil(high / width)
    last = max(last, first + 1)
    places = np.clip(np.floor(values / width).astype(int), first, last - 1) - first
    counts = np.bincount(places, minlength=last - first)
    edges = [width * (first + place) for place in range(last - first + 1)]
    data = {
        "type": "bar",
        "x": [as_number((edges[place] + edges[place + 1]) / 2.0) for place in range(len(counts))],
        "y": counts.tolist(),
        "width": as_number(width * 0.94),
        "marker": {"color": [LOSS if edges[place + 1] <= width / 2.0 else GAIN for place in range(len(counts))]},
        "hovertemplate": "%{y} trades around %{x:,.4s}<extra></extra>",
    }
    layout = make_layout(300)
    layout["xaxis"] |= {"title": {"text": escaped(title)}}
    layout["yaxis"] |= {"title": {"text": "trades"}}
    return {"data": [data], "layout": layout}


def excursion_figure(
    adverse: NDArray[np.float64], favourable: NDArray[np.float64], gained: NDArray[np.bool_]
) -> Figure:
    """Return a point for each trade: how far the price went against it and in its favour, fractions of the entry."""
    data = []
    for name, which, colour in (("closed with a loss", ~gained, LOSS), ("closed with a gain", gained, GAIN)):
        found = np.flatnonzero(which)
        kept = found[thinned(len(found), MOST_POINTS // 2)]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": as_numbers(adverse[kept]),
                "y": as_numbers(favourable[kept]),
                "marker": {"size": 6, "opacity": 0.75, "color": colour},
                "cliponaxis": False,
            }
        )
    layout = make_layout(340)
    layout["xaxis"] |= {"title": {"text": "furthest against it"}, "tickformat": ".1~%", "rangemode": "tozero"}
    layout["yaxis"] |= {"title": {"text": "furthest in its favour"}, "tickformat": ".1~%", "rangemode": "tozero"}
    end = as_number(min(float(adverse.max(initial=0.0)), float(favourable.max(initial=0.0))))
    line = {"width": 1, "dash": "dot", "color": QUIET}
    layout["shapes"] = [{"type": "line", "x0": 0, "y0": 0, "x1": end, "y1": end, "layer": "below", "line": line}]
    return {"data": data, "layout": layout}


def price_figure(
    times: Sequence[datetime],
    closes: NDArray[np.float64],
    fills: Sequence[tuple[datetime, float, float, str]],
    most: int = MOST_POINTS,
) -> Figure:
    """Return closes with fills on them: time, signed quantity, price and reason of each; without closes only fills."""
    kept = extremes(closes, most)
    data: list[Figure] = []
    if len(closes):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "close",
                "x": as_days([times[place] for place in kept.tolist()]),
                "y": as_numbers(closes[kept]),
                "line": {"width": 1.1, "color": QUIET},
                "hoverinfo": "skip",
            }
        )
    for name, sign, symbol, colour in (("bought", 1, "triangle-up", GAIN), ("sold", -1, "triangle-down", LOSS)):
        of_sign = [fill for fill in fills if fill[1] * sign > 0.0]
        chosen = [of_sign[place] for place in thinned(len(of_sign), max(most // 4, 1)).tolist()]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": as_days([fill[0] for fill in chosen]),
                "y": [as_number(fill[2]) for fill in chosen],
                "text": [escaped(f"{fill[1]:+,.6g} at {fill[2]:,.6g}: {fill[3]}") for fill in chosen],
                "hovertemplate": "%{x}<br>%{text}<extra></extra>",
                "marker": {"size": 8, "symbol": symbol, "color": colour, "line": {"width": 1, "color": "#ffffff"}},
            }
        )
    layout = make_layout(380)
    layout["yaxis"] |= {"title": {"text": "price"}, "minor": {"showgrid": False}}
    prices = np.concatenate([closes, [fill[2] for fill in fills]])
    if np.nanmax(prices) > _WIDE * np.nanmin(prices) > 0.0:
        layout["yaxis"] |= growth_axis([prices[np.isfinite(prices)]])
    return {"data": data, "layout": layout}
