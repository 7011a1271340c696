"""Reading a table: filters on the columns as stored, so that Polars pushes them down into the files; then conversion.

Timestamps become int64 nanoseconds UTC (see `dataset.timestamps`), assets text, everything else Float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from backsweep.dataset.problems import place
from backsweep.dataset.schema import PART, REQUIRED, Layout, Table
from backsweep.dataset.sessions import time_to_date
from backsweep.dataset.sources import gather
from backsweep.dataset.text import ROW
from backsweep.errors import BadInput

if TYPE_CHECKING:
    from backsweep.sweepfile.data import DataSpec


@dataclass(frozen=True)
class Window:
    """What part of the data is wanted; None leaves a side open. Both bounds are inclusive; a date is a session's."""

    assets: tuple[str, ...] | None = None
    start: date | datetime | None = None
    end: date | datetime | None = None
    session_start: time = time()

    @classmethod
    def of(cls, spec: DataSpec) -> Window:
        """Return the part that a `data` section asks for."""
        return cls(spec.assets, spec.start, spec.end, spec.session_time)

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
        predicates.append(moment >= _bound(_moment(window.start, window), layout))
    if isinstance(window.end, datetime):
        predicates.append(moment <= _bound(window.end, layout))
    elif window.end is not None:
        predicates.append(moment < _bound(_moment(window.end + timedelta(days=1), window), layout))
    return predicates


def _moment(bound: date | datetime, window: Window) -> datetime:
    """Return a moment as it is, and of a date when its session begins."""
    if isinstance(bound, datetime):
        return bound
    return datetime(bound.year, bound.month, bound.day) - time_to_date(window.session_start)  # noqa: DTZ001 - of the data


def _bound(moment: datetime, layout: Layout) -> pl.Expr:
    """Express a bound in the time zone of the moments that it is compared with."""
    if layout.zone is None and moment.tzinfo is not None:
        raise BadInput(
            "mixed time zones",
            where=place(layout.part.name, None, layout.names["timestamp"]),
            expected="start and end without a time zone, as the timestamps have none",
            found=str(moment),
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
