"""The assets and sessions of a dataset, and the number of bars of each asset, read before any shard is loaded.

The survey streams over timestamps and assets only, so its memory does not grow with the number of bars. Assets are
divided into blocks of fixed size, which depend on the data alone; a shard is any range of consecutive blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from backsweep.dataset.benchmark import read_benchmark
from backsweep.dataset.checks import check_assets, check_empty, check_keys
from backsweep.dataset.coverage import check_assets_match, check_timestamps_match, describe_assets_without_bars
from backsweep.dataset.exchange import compare_sessions
from backsweep.dataset.fingerprint import unchanged
from backsweep.dataset.scan import Window, scan_layout
from backsweep.dataset.sessions import SessionClock, SessionTable, cut_sessions
from backsweep.dataset.sources import gather
from backsweep.dataset.tables import open_tables
from backsweep.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.schema import Table
    from backsweep.dataset.shards import Shard
    from backsweep.sweepfile.data import DataSpec

Cash = TypeVar("Cash", float, "NDArray[np.float64]")

NANOSECONDS_PER_CALENDAR_YEAR = 365.25 * 86400e9

BLOCK = 4
"""Assets in a block. Few, so that small universes can be sharded; results of blocks are added in a fixed tree."""


@dataclass(frozen=True, eq=False)
class Calendar:
    """The assets and sessions of a dataset.

    Attributes
    ----------
    assets : names in ascending order.
    bars : int64[assets], how many bars each has.
    sessions : of all assets together.
    notes : warnings about data that no shard has, such as assets without a bar.
    benchmark : as in `Shard`.
    accounts : among how many sleeves the cash is divided, where these are not all: see `of`.
    signals : names of the columns of signals and of those of the bars beyond the required ones.

    """

    assets: tuple[str, ...]
    bars: NDArray[np.int64]
    sessions: SessionTable
    notes: tuple[str, ...] = ()
    benchmark: NDArray[np.float64] | None = None
    accounts: int | None = None
    signals: tuple[str, ...] = ()

    def of(self, assets: tuple[str, ...]) -> Calendar:
        """Return the calendar of some assets, with the sessions of all and an account as large as among all.

        Raises BadInput for assets that have no bar.
        """
        if missing := [asset for asset in assets if asset not in self.assets]:
            remedy = "correct the group, or data.start, data.end and data.assets"
            raise BadInput("a group has assets without a bar", found=", ".join(missing), remedy=remedy)
        places = [self.assets.index(asset) for asset in sorted(assets)]
        named = tuple(self.assets[place] for place in places)
        return replace(self, assets=named, bars=self.bars[places], accounts=self.accounts or len(self.assets))

    def part_of_cash(self, cash: Cash) -> Cash:
        """Return what each sleeve has of some cash."""
        return cash / (self.accounts or len(self.assets))

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

    def years(self, first: int, last: int) -> float:
        """Return the years from the beginning of session `first` to the end of session `last` - 1."""
        return float(self.sessions.ends[last - 1] - self.sessions.starts[first]) / NANOSECONDS_PER_CALENDAR_YEAR


def survey(spec: DataSpec) -> Calendar:
    """Find assets and sessions; raises BadInput and BadData for what cannot be read, and for rows without a key."""
    with unchanged(spec):
        tables = open_tables(spec)
        window = Window.of(spec)
        for role in ("bars", "signals", "actions", "detail"):
            if role in tables:
                check_keys(tables[role], window)
        calendar = _read(tables["bars"], window, SessionClock.of(tables["bars"], spec), spec.sessions_per_year)
        notes = compare_sessions(calendar.sessions, spec.calendar)
        for role in ("signals", "actions", "detail"):
            if role in tables:
                notes += _check_matches(role, tables, window, calendar.assets)
        benchmark = read_benchmark(tables, spec, calendar.sessions)
        signals = tuple(name for role in ("bars", "signals") if role in tables for name in tables[role].values)
        return replace(calendar, notes=tuple(notes), benchmark=benchmark, signals=signals)


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
    counts = np.bincount(shard.rows["asset"].to_numpy())
    table = shard.session_table
    return Calendar(shard.assets, counts.astype(np.int64), table, shard.notes, shard.benchmark, signals=shard.signals)


def _read(table: Table, window: Window, clock: SessionClock, per_year: float | None) -> Calendar:
    """Stream over the bars twice: once by asset, once by day."""
    scans = [(layout.part.name, scan_layout(layout, ("timestamp", "asset"), window)) for layout in table.layouts]
    assets = gather(((name, scan.group_by("asset").len()) for name, scan in scans), streaming=True)
    assets = assets.group_by("asset").agg(pl.col("len").sum()).sort("asset")
    if window.assets is not None:
        check_assets(table, assets, window.assets)
    if assets.is_empty():
        check_empty(table, window)
    spans = gather(((name, clock.spans(scan)) for name, scan in scans), streaming=True)
    bars = assets["len"].cast(pl.Int64).to_numpy()
    return Calendar(tuple(assets["asset"]), bars, cut_sessions(spans, clock, per_year))
