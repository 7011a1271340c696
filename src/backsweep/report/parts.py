"""What a page consists of: sections of texts, listings, tables and charts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from backsweep.figures.style import Chart
from backsweep.report.formats import format_metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Cell", "Chart", "Charts", "Code", "Listing", "Part", "Section", "Table", "Text", "metric_cell"]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Listing:
    """Names and texts, a pair each line; `short` ones are in columns where the page is wide enough."""

    kind: ClassVar[str] = "listing"
    title: str
    entries: Mapping[str, str]
    short: bool = False


@dataclass(frozen=True)
class Code:
    """A text that is shown as it is."""

    kind: ClassVar[str] = "code"
    title: str
    code: str


@dataclass(frozen=True)
class Cell:
    """A cell of a table, and what it is sorted by; None sorts last."""

    text: str
    order: float | str | None = None


def metric_cell(name: str, value: float | None) -> Cell:
    """Return a metric in its unit, sorted by its value; what is undefined comes last. Ratios have three decimals."""
    if value is None or math.isnan(value):
        return Cell(format_metric(name, value))
    from backsweep.metrics.table import COUNT, RATIO, TABLE  # noqa: PLC0415 - loads Numba

    unit = TABLE[name].unit if name in TABLE else ""
    if unit == COUNT:
        return Cell(f"{value:,.0f}" if value == round(value) else f"{value:,.1f}", float(value))
    return Cell(f"{value:.3f}" if unit == RATIO else format_metric(name, value), float(value))


@dataclass(frozen=True)
class Table:
    """A table that sorts by a click on a heading; `text` says what it shows and what it does not.

    A `long` one scrolls in a window of its own, and has 40 rows on paper, where columns from number `quiet` on are left
    out.
    """

    kind: ClassVar[str] = "table"
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    text: str
    long: bool = False
    quiet: int | None = None


@dataclass(frozen=True)
class Charts:
    """Charts side by side under one text; with `pick` one at a time, chosen by its title."""

    kind: ClassVar[str] = "charts"
    title: str
    charts: Sequence[Chart]
    text: str
    pick: bool = False


Part = Text | Listing | Code | Table | Chart | Charts


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    title: str
    parts: Sequence[Part]
