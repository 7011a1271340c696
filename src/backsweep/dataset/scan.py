"""Reading a table: filters on the columns as stored, so that Polars pushes them down into the files; then conversion.

Timestamps become int64 nanoseconds UTC (see `dataset.timestamps`), assets text, everything else Float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from backsweep.dataset.problems import place
from backsweep.dataset.schema import PART, REQUIRED, Layout, Table
from backsweep.dataset.sources import gather
from backsweep.dataset.text import ROW
from backsweep.errors import BadInput


@dataclass(frozen=True)
class Window:
    """What part of the data is wanted; None leaves a side open. Both bounds are inclusive."""

    assets: tuple[str, ...] | None = None
    start: date | datetime | None = None
    end: date | datetime | None = None

    def __str__(self) -> str:
        bounds = [f"{name} {bound}" for name, bound in (("start", self.start), ("end", self.end)) if bound is not None]
        return ", ".join(([f"assets {', '.join(self.assets)}"] if self.assets else []) + bounds)


def read_table(table: Table, window: Window, *, located: bool = False) -> pl.DataFrame:
    """Read the rows inside `window`; `located` adds where each row stands, at the price of the pushdown."""
    columns = (*REQUIRED[table.role], *table.values)
    return gather(
        (layout.part.name, scan_layout(layout, columns, window, number if located else None))
        for number, layout in enumerate(table.layouts)
    )


def scan_layout(layout: Layout, columns: tuple[str, ...], window: Window, number: int | None = None) -> pl.LazyFrame:
    """Scan one part, filtered, renamed and converted; with `number`, each row carries it and its own row."""
    frame = layout.part.frame
    located = []
    if number is not None:
        frame = layout.part.located
        located = [pl.lit(number).alias(PART), pl.col(ROW)]
    if window.assets is not None and "asset" in layout.names:
        frame = frame.filter(_asset_in(layout, window.assets))
    for bound in _bounds(layout, window):
        frame = frame.filter(bound)
    return frame.select(*(_converted(layout, name) for name in columns), *located)


def _asset_in(layout: Layout, assets: tuple[str, ...]) -> pl.Expr:
    stored = layout.names["asset"]
    text = layout.part.schema[stored] == pl.String
    asset = pl.col(stored) if text else pl.col(stored).cast(pl.String)
    return asset.is_in(list(assets))


def _bounds(layout: Layout, window: Window) -> list[pl.Expr]:
    moment, predicates = layout.clock.moment, []
    if window.start is not None:
        predicates.append(moment >= _bound(window.start, layout))
    if isinstance(window.end, datetime):
        predicates.append(moment <= _bound(window.end, layout))
    elif window.end is not None:
        predicates.append(moment < _bound(window.end + timedelta(days=1), layout))
    return predicates


def _bound(bound: date | datetime, layout: Layout) -> pl.Expr:
    """Express a bound in the time zone of the moments that it is compared with."""
    moment = bound if isinstance(bound, datetime) else datetime(bound.year, bound.month, bound.day)  # noqa: DTZ001
    if layout.zone is None and moment.tzinfo is not None:
        raise BadInput(
            "mixed time zones",
            where=place(layout.part.name, None, layout.names["timestamp"]),
            expected="start and end without a time zone, as the timestamps have none",
            found=str(bound),
            remedy="write start and end without a zone",
        )
    if layout.zone is None:
        return pl.lit(moment)
    zone = ZoneInfo(layout.zone)
    aware = moment.astimezone(zone) if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    stored = layout.clock.stored
    if stored is None:
        return pl.lit(aware.replace(tzinfo=None))
    return pl.lit(aware.astimezone(ZoneInfo(stored)), dtype=pl.Datetime("us", stored))


def _converted(layout: Layout, name: str) -> pl.Expr:
    column = pl.col(layout.names[name])
    if name == "timestamp":  # beyond the years that fit it becomes null, which the checks report
        column = layout.clock.nanoseconds
    elif name == "asset":
        column = column.cast(pl.String)
    else:
        column = column.cast(pl.Float64)
    return column.alias(name)
