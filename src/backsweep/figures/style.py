"""What all figures share: colours, layout, and how numbers, dates and names of data are written."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from backsweep.printable import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

Figure = dict[str, Any]
"""`data` and `layout` of a Plotly figure."""

MOST_POINTS = 4000
"""Points of a scatter of trials, and of a line; of more, every so many are drawn."""

COLOURS = ("#3b7ddd", "#d9822b", "#3a9d5d", "#8e5bb5")
LOSS, GAIN, QUIET = "#d0453f", "#3b7ddd", "#8a93a3"

SCALE = ((0.0, "#2b2a63"), (0.25, "#2f5d9b"), (0.5, "#2f9494"), (0.75, "#7cc36a"), (1.0, "#f3e155"))
"""From low to high; neighbours differ in lightness, so that it reads without colours, too."""


@dataclass(frozen=True)
class Chart:
    """A figure with its title; `text` says what it shows and what it does not."""

    kind: ClassVar[str] = "chart"
    title: str
    figure: Figure
    text: str


def escaped(text: str) -> str:
    """Return a name from data as Plotly shows it literally."""
    return html.escape(clean(text), quote=False)


def make_layout(height: int) -> Figure:
    """Return the layout that every figure begins with."""
    return {
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 24, "b": 44},
        "xaxis": {"automargin": True},
        "yaxis": {"automargin": True},
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }


def thinned(count: int, most: int = MOST_POINTS) -> NDArray[np.int64]:
    """Return which of so many points are drawn: all up to `most`, of more as many at equal distances."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)


def extremes(values: NDArray[np.floating[Any]], most: int = MOST_POINTS) -> NDArray[np.int64]:
    """Return which points of a line are drawn: all up to `most`, of more the lowest and highest of equal stretches.

    The first and the last point are among them. NaN is neither lowest nor highest.
    """
    if len(values) <= most:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), most // 2 - 1).astype(np.int64)
    kept = [0, len(values) - 1]
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = values[first:last]
        if np.isfinite(stretch).any():
            kept += [first + int(np.nanargmin(stretch)), first + int(np.nanargmax(stretch))]
    return np.unique(kept)


def as_place(value: Any) -> Any:
    """Return a value of an axis: numbers as they are, all others as texts, which make categories."""
    return escaped(str(value).lower() if isinstance(value, bool) else value) if isinstance(value, str | bool) else value


def faded(colour: str, opacity: float = 0.0) -> str:
    """Return a colour through which what is behind it shows, on a light page and a dark one."""
    return f"rgba({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))}, {opacity:g})"


def as_days(dates: Sequence[date]) -> list[str]:
    """Return dates and times as Plotly reads them."""
    return [day.isoformat() for day in dates]


def as_numbers(values: NDArray[np.floating[Any]]) -> list[float | None]:
    """Return numbers as JSON has them, with None for what is undefined."""
    return [as_number(value) for value in values.tolist()]


def as_number(value: float) -> float | None:
    """Return a number with six significant digits, None for what is undefined."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def growth_axis(curves: Sequence[NDArray[np.floating[Any]]]) -> Figure:
    """Return a logarithmic axis with round ticks, where all curves are positive, and else a linear one."""
    low, high = min(float(curve.min()) for curve in curves), max(float(curve.max()) for curve in curves)
    return {"type": "log", **log_ticks(low, high)} if low > 0.0 else {"type": "linear", "nticks": 8}


def round_values(low: float, high: float, most: int) -> list[float]:
    """Return round numbers at equal distances in a range, at most so many (two or more)."""
    if not high > low:
        return [low]
    unit = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (unit * each for each in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0)):
        places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
        if len(places) <= most:
            break
    return [float(f"{step * place:.9g}") for place in places]


def log_ticks(low: float, high: float) -> Figure:
    """Return ticks for a logarithmic axis at round numbers: Plotly labels single digits, which overlap."""
    if not high / low < 10.0:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        values = [digit * 10.0**decade for decade in decades for digit in (1.0, 2.0, 5.0)]
    else:
        unit = 10.0 ** math.floor(math.log10(high)) / 100.0
        steps = (unit * each for each in (1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 500.0))
        step = next(each for each in steps if (high - low) / each <= 7.0)
        places = range(math.ceil(low / step), math.floor(high / step) + 1)
        values = [value for place in places if (value := float(f"{step * place:.9g}")) > 0.0]
    return {"tickvals": values, "ticktext": [f"{value:,.10g}" for value in values]}
