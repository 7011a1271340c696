"""Reading a table: filters on the columns as stored, so that Polars pushes them down into the files; then conversion.

Timestamps become int64 nanoseconds UTC (a time without a zone counts as UTC, a date as its midnight), assets text,
everything else Float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from backsweep.dataset.schema import PART, REQUIRED, ROW, Layout, Table, place
from backsweep.dataset.sources import gather
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
        frame = frame.with_row_index(ROW, offset=1)
        located = [pl.lit(number).alias(PART), pl.col(ROW)]
    predicates = _predicates(layout, window)
    if predicates:
        frame = frame.filter(*predicates)
    return frame.select(*(_converted(layout, name) for name in columns), *located)


def _predicates(layout: Layout, window: Window) -> list[pl.Expr]:
    predicates = []
    if window.assets is not None and "asset" in layout.names:
        stored = layout.names["asset"]
        text = layout.part.schema[stored] == pl.String
        asset = pl.col(stored) if text else pl.col(stored).cast(pl.String)
        predicates.append(asset.is_in(list(window.assets)))
    timestamp = pl.col(layout.names["timestamp"])
    if window.start is not None:
        predicates.append(timestamp >= _moment(window.start, layout))
    if isinstance(window.end, datetime):
        predicates.append(timestamp <= _moment(window.end, layout))
    elif window.end is not None:
        predicates.append(timestamp < _moment(window.end + timedelta(days=1), layout))
    return predicates


def _moment(bound: date | datetime, layout: Layout) -> pl.Expr:
    """Express a bound in the time zone of the column it is compared with."""
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
    return pl.lit(aware, dtype=pl.Datetime("us", layout.zone))


def _converted(layout: Layout, name: str) -> pl.Expr:
    column = pl.col(layout.names[name])
    if name == "timestamp":  # beyond the years that fit it becomes null, which the checks report
        column = column.cast(pl.Datetime("ns", layout.zone), strict=False).cast(pl.Int64)
    elif name == "asset":
        column = column.cast(pl.String)
    else:
        column = column.cast(pl.Float64)
    return column.alias(name)
