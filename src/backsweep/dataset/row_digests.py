"""Digests of blocks of rows, by which it is said what of a study's data has changed: whose rows, and on which days.

A row's digest is that of its time and of its values by the names of their columns; a block's is the sum of those of its
rows modulo 2^64, so that their order does not count. A block has the rows of one asset on one day, or where there would
be more than `MOST` of them on several days. Only rows up to the last bar count: what comes later decides nothing, and
data that have grown have the same blocks up to there. The scan streams, so its memory does not grow with the number of
bars. A digest of 64 bits shows what has changed by accident; what proves that nothing has is the fingerprint.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.fingerprint import unchanged
from backsweep.dataset.scan import Window, scan_layout
from backsweep.dataset.schema import KEYS, REQUIRED
from backsweep.dataset.sessions import SessionClock
from backsweep.dataset.sources import gather
from backsweep.dataset.tables import open_tables

if TYPE_CHECKING:
    from backsweep.dataset.schema import Table
    from backsweep.sweepfile.data import DataSpec

MOST = 32_768
"""Blocks, about, of which each takes some 9 bytes on disk."""

WIDTHS = (1, 7, 28, 364, 3640)  # days of a block, the narrowest that makes few enough
_GOLDEN, _MIX = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9  # of splitmix64 (Steele, Lea, Flood 2014)
_MODULUS, _HALF = 1 << 64, 1 << 32
_EMPTY = 0x7FF8DEADBEEF0000  # a missing value: the bits of no number

_KEYS = ("role", "columns", "asset", "first")
_SUMS = (pl.col("rows").sum(), pl.col("digest").sum())


def digest_rows(spec: DataSpec, until: int | None = None, days: int | None = None) -> pl.DataFrame:
    """Return `role, columns, asset, first, days, rows, digest` of each block of the data, by role, asset and day.

    `columns` are the names of the values, `asset` is null for roles without, `first` is the first day of the block and
    `days` how many it has, the same for all; None chooses it. `until` is the last time that counts, nanoseconds UTC:
    that of the last bar for None. Raises BadInput and BadData for what cannot be read.
    """
    with unchanged(spec):
        tables = open_tables(spec)
        clock, window = SessionClock.of(tables["bars"], spec), Window.of(spec)
        if until is None:
            until = _last(tables["bars"], window)
        found = [_by_day(table, window, clock, until) for table in tables.values()]
    rows = pl.concat(found)
    for width in WIDTHS if days is None else (days,):
        blocks = _widened(rows, width)
        if len(blocks) <= MOST:
            break
    return blocks.select(*_KEYS, pl.lit(width, pl.Int32).alias("days"), "rows", "digest")


def last_bar(spec: DataSpec) -> int:
    """Return the time of the last bar, nanoseconds UTC; raises BadInput and BadData for what cannot be read."""
    with unchanged(spec):
        return _last(open_tables(spec)["bars"], Window.of(spec))


def _last(table: Table, window: Window) -> int:
    scans = ((each.part.name, scan_layout(each, ("timestamp",), window).max()) for each in table.layouts)
    last: int | None = gather(scans, streaming=True)["timestamp"].max()  # type: ignore[assignment]
    return 0 if last is None else last


def _by_day(table: Table, window: Window, clock: SessionClock, until: int) -> pl.DataFrame:
    """Return the blocks of one day of a table; what holds as of a time also counts before the window."""
    keys = KEYS[table.role]
    values = sorted({*REQUIRED[table.role], *table.values} - set(keys))
    if "asset" not in keys:
        window = replace(window, assets=None, start=None)
    asset = pl.col("asset") if "asset" in keys else pl.lit(None, pl.String).alias("asset")
    scans = (
        (
            layout.part.name,
            scan_layout(layout, (*keys, *values), window)
            .filter(pl.col("timestamp") <= until)
            .with_columns(_combined(values).alias("digest"))
            .with_columns(_mixed(pl.col("digest")))
            .group_by(asset, clock.of_session.dt.date().alias("first"))
            .agg(rows=pl.len().cast(pl.UInt64), digest=pl.col("digest").sum()),
        )
        for layout in table.layouts
    )
    names = (pl.lit(table.role).alias("role"), pl.lit(", ".join(values)).alias("columns"))
    return gather(scans, streaming=True).select(*names, "asset", "first", "rows", "digest")


def _combined(values: list[str]) -> pl.Expr:
    """Return time and values of each row as one number, UInt64, in which every column has an odd factor of its own."""
    total = pl.col("timestamp").reinterpret(dtype=pl.UInt64) * pl.lit(_GOLDEN, pl.UInt64)
    for place, name in enumerate(values, start=1):
        number = pl.col(name).cast(pl.Float64) + 0.0  # -0.0 is 0.0
        bits = number.reinterpret(dtype=pl.UInt64).fill_null(pl.lit(_EMPTY, pl.UInt64))
        total = total + bits * pl.lit(((2 * place + 1) * _MIX) % _MODULUS, pl.UInt64)
    return total


def _mixed(bits: pl.Expr) -> pl.Expr:
    """Return numbers whose sums differ where rows have exchanged their values."""
    return (bits ^ (bits // pl.lit(_HALF, pl.UInt64))) * pl.lit(_GOLDEN, pl.UInt64)


def _widened(rows: pl.DataFrame, days: int) -> pl.DataFrame:
    """Return blocks of so many days, counted from the first of 1970."""
    number = pl.col("first").to_physical()
    first = (number - number % days).cast(pl.Date)
    return rows.with_columns(first.alias("first")).group_by(_KEYS).agg(_SUMS).sort(_KEYS)


def describe_changes(before: pl.DataFrame, now: pl.DataFrame) -> list[str]:
    """Return what has changed from one to the other, a text for each asset of a role; both have blocks as long."""
    texts = []
    columns = {role: part["columns"][0] for (role,), part in before.group_by("role")}
    for (role,), part in now.group_by("role", maintain_order=True):
        known = columns.pop(role, None)
        if known is None:
            texts.append(f"{role} are new")
        elif part["columns"][0] != known:
            texts.append(f"{role} have the columns {part['columns'][0]}, and had {known}")
        else:
            texts += _changes_of(str(role), before.filter(pl.col("role") == role), part)
    return texts + [f"{role} are no longer there" for role in columns]


def _changes_of(role: str, before: pl.DataFrame, now: pl.DataFrame) -> list[str]:
    keys, days = ["asset", "first"], int(before["days"][0])
    pair = before.join(now, on=keys, how="full", coalesce=True, nulls_equal=True, suffix="_now")
    same = pl.col("digest").eq_missing(pl.col("digest_now")) & pl.col("rows").eq_missing(pl.col("rows_now"))
    changed = pair.filter(~same).sort("first")
    texts = []
    for (asset,), part in changed.group_by("asset", maintain_order=True):
        first, last = part["first"][0], part["first"][-1] + timedelta(days=days - 1)
        when = f"on {first}" if first == last else f"between {first} and {last}"
        many = f", in {len(part):,} blocks of {days} days" if days > 1 else f", on {len(part):,} days"
        rows = int(part["rows_now"].sum()) - int(part["rows"].sum())
        what = (
            "other values"
            if rows == 0
            else f"{abs(rows):,} row{'s' if abs(rows) > 1 else ''} {'more' if rows > 0 else 'fewer'}"
        )
        of = "" if asset is None else f" of {asset}"
        texts.append(f"{role}{of} {when}{many if first != last and len(part) > 1 else ''}: {what}")
    return texts
