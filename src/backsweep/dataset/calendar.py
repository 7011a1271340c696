"""The assets and sessions of a dataset, and the number of bars of each asset, read before any shard is loaded.

The survey streams over timestamps and assets only, so its memory does not grow with the number of bars. Assets are
divided into blocks of fixed size, which depend on the data alone; a shard is any range of consecutive blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset.checks import check_assets, check_empty, check_keys
from backsweep.dataset.coverage import check_assets_match, check_timestamps_match, describe_assets_without_bars
from backsweep.dataset.fingerprint import unchanged
from backsweep.dataset.scan import Window, scan_layout
from backsweep.dataset.sources import gather
from backsweep.dataset.tables import open_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.schema import Table
    from backsweep.dataset.shards import Shard
    from backsweep.sweepfile.data import DataSpec

NANOSECONDS_PER_CALENDAR_YEAR = 365.25 * 86400e9  # interest has another: engine.account.ledger

BLOCK = 4
"""Assets in a block. Few, so that small universes can be sharded; results of blocks are added in a fixed tree."""


@dataclass(frozen=True, eq=False)
class Calendar:
    """The assets and sessions of a dataset.

    Attributes
    ----------
    assets : names in ascending order.
    bars : int64[assets], how many bars each has.
    starts, ends : int64[sessions], first and last timestamp of every session, nanoseconds UTC.
    notes : warnings about data that no shard has, such as assets without a bar.

    """

    assets: tuple[str, ...]
    bars: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    @property
    def blocks(self) -> int:
        """The number of blocks of assets; the last may be smaller."""
        return -(-len(self.assets) // BLOCK)

    def assets_of(self, blocks: range) -> tuple[str, ...]:
        """Return the assets of consecutive blocks."""
        return self.assets[blocks.start * BLOCK : blocks.stop * BLOCK]

    def divide(self, shards: int) -> tuple[range, ...]:
        """Divide the blocks into consecutive ranges with similar numbers of bars: `shards`, or one for each block."""
        shards = min(shards, self.blocks)
        until = np.cumsum(np.add.reduceat(self.bars, np.arange(0, len(self.assets), BLOCK)))
        cuts = [0]
        for shard in range(1, shards):
            near = int(np.searchsorted(until, until[-1] * shard / shards, side="left")) + 1
            cuts.append(min(max(near, cuts[-1] + 1), self.blocks - (shards - shard)))
        return tuple(range(first, last) for first, last in zip(cuts, [*cuts[1:], self.blocks], strict=True))

    def sessions_of(self, timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each timestamp's session, from 0."""
        return np.searchsorted(self.starts, timestamps, side="right") - 1

    def years(self, first: int, last: int) -> float:
        """Return the years from the beginning of session `first` to the end of session `last` - 1."""
        return float(self.ends[last - 1] - self.starts[first]) / NANOSECONDS_PER_CALENDAR_YEAR


def survey(spec: DataSpec) -> Calendar:
    """Find assets and sessions; raises BadInput and BadData for what cannot be read, and for rows without a key."""
    with unchanged(spec):
        tables = open_tables(spec)
        window = Window(spec.assets, spec.start, spec.end)
        for role in ("bars", "signals", "actions"):
            if role in tables:
                check_keys(tables[role], window)
        calendar = _read(tables["bars"], window)
        notes: list[str] = []
        for role in ("signals", "actions"):
            if role in tables:
                notes += _check_matches(role, tables, window, calendar.assets)
        return replace(calendar, notes=tuple(notes))


def _check_matches(role: str, tables: dict[str, Table], window: Window, assets: tuple[str, ...]) -> list[str]:
    """Raise BadData if no signal or action matches a bar, which no single shard knows; list assets without bars."""

    def distinct(role: str, key: str) -> pl.Series:
        layouts = tables[role].layouts
        scans = ((each.part.name, scan_layout(each, (key,), window).unique()) for each in layouts)
        return gather(scans, streaming=True)[key].unique()

    source = tables[role].source
    own = distinct(role, "asset").sort().to_list()
    check_assets_match(role, own, assets, source)
    if role == "signals":
        check_timestamps_match(distinct(role, "timestamp"), distinct("bars", "timestamp"), source)
    return describe_assets_without_bars(role, own, assets)


def calendar_of(shard: Shard) -> Calendar:
    """Return the calendar of data in memory."""
    timestamps, counts = shard.context["timestamp"].to_numpy(), np.bincount(shard.rows["asset"].to_numpy())
    last = np.flatnonzero(np.diff(shard.sessions, append=shard.sessions[-1] + 1))
    first = np.append(0, last[:-1] + 1)
    return Calendar(shard.assets, counts.astype(np.int64), timestamps[first], timestamps[last], shard.notes)


def _read(table: Table, window: Window) -> Calendar:
    """Stream over the bars twice: once by asset, once by day."""
    scans = [(layout.part.name, scan_layout(layout, ("timestamp", "asset"), window)) for layout in table.layouts]
    assets = gather(((name, scan.group_by("asset").len()) for name, scan in scans), streaming=True)
    assets = assets.group_by("asset").agg(pl.col("len").sum()).sort("asset")
    if window.assets is not None:
        check_assets(table, assets, window.assets)
    if assets.is_empty():
        check_empty(table, window)
    moment = pl.from_epoch("timestamp", time_unit="ns").dt.replace_time_zone("UTC")
    local = moment.dt.convert_time_zone(table.zone or "UTC").dt.replace_time_zone(None)
    # within one offset from UTC local time does not go back, so a day's timestamps there follow each other
    keys = (local.dt.date().alias("day"), (local.cast(pl.Int64) - pl.col("timestamp")).alias("offset"))
    span = (pl.col("timestamp").min().alias("start"), pl.col("timestamp").max().alias("end"))
    days = gather(((name, scan.group_by(*keys).agg(*span)) for name, scan in scans), streaming=True)
    merged = days.group_by("day", "offset").agg(pl.col("start").min(), pl.col("end").max()).sort("start")
    sessions = merged.with_columns(pl.col("day").cum_max()).group_by("day", maintain_order=True)
    spans = sessions.agg(pl.col("start").first(), pl.col("end").last())
    bars = assets["len"].cast(pl.Int64).to_numpy()
    return Calendar(tuple(assets["asset"]), bars, spans["start"].to_numpy(), spans["end"].to_numpy())
