"""A shard: the checked, joined and sorted data that a trial runs on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset.actions import SCHEMA, add_split_factor, check_ends, place_actions
from backsweep.dataset.benchmark import read_benchmark
from backsweep.dataset.checks import Checked, read_checked
from backsweep.dataset.coverage import (
    check_assets_match,
    check_rows_match,
    check_timestamps_match,
    describe_unknown,
    describe_unmatched,
)
from backsweep.dataset.exchange import compare_sessions
from backsweep.dataset.finer_bars import FinerBars, read_finer_bars
from backsweep.dataset.fingerprint import unchanged
from backsweep.dataset.join import join_context, join_signals
from backsweep.dataset.rounding import ULPS
from backsweep.dataset.scan import Window
from backsweep.dataset.schema import BAR
from backsweep.dataset.sessions import SessionClock, SessionTable, sessions_of
from backsweep.dataset.sources import part_of_frame
from backsweep.dataset.tables import arrange_frames, open_tables
from backsweep.sweepfile.data import ROLES, BenchmarkSpec, DataSpec

if TYPE_CHECKING:
    from collections.abc import Collection

    from backsweep.dataset.schema import Table


@dataclass(frozen=True, eq=False)
class Shard:
    """Market data, ready for the engine.

    assets : names in ascending order; the position is the asset's code.
    rows : sorted by (timestamp, asset), one row per bar: `timestamp` int64 ns UTC (times without a zone as written),
        `asset` int32 code, `open`, `high`, `low`, `close`, `volume` float64, then one float64 column per signal, NaN
        where there is none.
    signals : names of the signal columns.
    context : one row per distinct timestamp of `rows`, in order: `timestamp`, then one float64 column per series, its
        last value at or before the timestamp, NaN before the first.
    sessions : int32 (context.height,), number of the session of each distinct timestamp, from 0.
    session_table : those sessions; see `dataset.sessions`.
    zone : time zone of the bars, None where their times have none.
    actions : corporate actions in order of effect: `timestamp` (one of `rows`), `asset` code, `split`, `dividend`,
        `delisting` float64 (1.0, 0.0 and 0.0 where there is none); see `dataset.actions`. Without rows where no actions
        were given; with them, `split_factor` is one of the signals.
    notes : warnings about data that were left out or changed, or that match no bar.
    finer_bars : those of `data.detail` by row of `rows`; see `dataset.finer_bars`. None without.
    benchmark : float64 (sessions + 1,), the benchmark's value before the first session, then its last in each, NaN
        where it has none; None without a benchmark, and for a part of the assets.
    """

    assets: tuple[str, ...]
    rows: pl.DataFrame
    signals: tuple[str, ...]
    context: pl.DataFrame
    sessions: np.ndarray[tuple[int], np.dtype[np.int32]]
    session_table: SessionTable
    zone: str | None
    actions: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    notes: tuple[str, ...] = ()
    benchmark: np.ndarray[tuple[int], np.dtype[np.float64]] | None = None
    finer_bars: FinerBars | None = None

    def part(self, assets: tuple[str, ...]) -> Shard:
        """Return the bars of some consecutive assets; timestamps and sessions stay those of all."""
        first = self.assets.index(assets[0])
        rows, actions = (
            frame.filter(pl.col("asset").is_between(first, first + len(assets) - 1)).with_columns(
                pl.col("asset") - first
            )
            for frame in (self.rows, self.actions)
        )
        kept = self.rows["asset"].is_between(first, first + len(assets) - 1).to_numpy()
        finer = None if self.finer_bars is None else self.finer_bars.of_rows(kept)
        return replace(self, assets=assets, rows=rows, actions=actions, finer_bars=finer)

    def by_asset(self) -> Shard:
        """Return the same bars sorted by (asset, timestamp); `sessions` stay those of the timestamps."""
        rows, finer = self.rows.sort("asset", maintain_order=True), self.finer_bars
        if finer is not None:
            finer = finer.of_rows(np.argsort(self.rows["asset"].to_numpy(), kind="stable"))
        return replace(self, rows=rows, finer_bars=finer)


def load(spec: DataSpec, rates: Collection[str] = (), *, part: bool = False) -> Shard:
    """Read, check and join what `spec` asks for; `rates` are columns of the context whose values are above zero.

    With `part`, the assets are some of a dataset that was surveyed as a whole: none of them need have signals, and
    notes with counts name the assets.

    Raises BadInput where there is nothing to read or a rename meets no column, and BadData where the data breaks a
    rule; the text names file, row (from 1, the header not counted), column and remedy. BadData too where `spec` has a
    seal and the files are not those that were sealed.
    """
    with unchanged(spec):
        return _assemble(open_tables(spec), spec, rates, part=part)


def shard_from_frames(
    bars: pl.DataFrame | pl.LazyFrame,
    signals: pl.DataFrame | pl.LazyFrame | None = None,
    context: pl.DataFrame | pl.LazyFrame | None = None,
    actions: pl.DataFrame | pl.LazyFrame | None = None,
    rates: Collection[str] = (),
    spec: DataSpec | None = None,
    *,
    benchmark: pl.DataFrame | pl.LazyFrame | None = None,
    detail: pl.DataFrame | pl.LazyFrame | None = None,
    part: bool = False,
) -> Shard:
    """Check and join frames in memory, under the same rules as files; errors count rows of the frame from 1.

    `spec` declares how all of them are read, as the `data` section does for files; `part` is as in `load`.
    """
    frames = dict(zip(ROLES, (bars, signals, context, actions, benchmark, detail), strict=True))
    parts = {role: part_of_frame(frame, role) for role, frame in frames.items() if frame is not None}
    spec = spec or DataSpec(bars="frame")
    if benchmark is not None:
        spec = spec.model_copy(update={"benchmark": BenchmarkSpec(path="benchmark")})
    return _assemble(arrange_frames(parts, spec), spec, rates, part=part)


def _assemble(tables: dict[str, Table], spec: DataSpec, rates: Collection[str], *, part: bool = False) -> Shard:
    bars, window = tables["bars"], Window.of(spec)
    checked = read_checked(bars, window)
    rows = checked.frame
    notes = [note for table in tables.values() for note in table.left_out]
    counted = _describe_widened(checked)
    if "signals" in tables:
        signals = read_checked(tables["signals"], window).frame
        counted += _match(rows, signals, tables["signals"].source, part=part)
        rows = join_signals(rows, signals, tables["signals"].source)
    timestamps = rows["timestamp"].unique(maintain_order=True)
    context = _context(tables.get("context"), timestamps, window, rates)
    if not part:
        counted += describe_unknown(context)
    assets = rows["asset"].unique().sort()
    rows = rows.with_columns(pl.col("asset").cast(pl.Enum(assets)).to_physical().cast(pl.Int32))
    actions = pl.DataFrame(schema=SCHEMA)
    if "actions" in tables:
        known = read_checked(tables["actions"], window).frame
        without = known.filter(pl.col("asset").is_in(assets.implode()).not_())
        if not part:
            check_assets_match("actions", known["asset"].unique().to_list(), assets.to_list(), tables["actions"].source)
            counted.append(describe_unmatched("actions", without, known.height))
        actions = place_actions(known, timestamps, assets)
        check_ends(rows, actions, assets, tables["actions"].source)
        rows = add_split_factor(rows, actions, bars.source)
    first, last = assets[0], assets[-1]
    of_part = (f"{first}: " if first == last else f"{first} to {last}: ") if part else ""
    names = tuple(name for name in rows.columns if name not in BAR)
    rows = rows.with_columns(pl.col(names).fill_null(float("nan")))
    sessions = sessions_of(timestamps, SessionClock.of(bars, spec), spec.sessions_per_year)
    finer = None
    if "detail" in tables:
        finer, found = read_finer_bars(tables["detail"], window, rows, assets, sessions, part=part)
        counted += found
    if not part:
        notes += compare_sessions(sessions, spec.calendar)
    return Shard(
        assets=tuple(assets),
        rows=rows.rechunk(),
        signals=names,
        context=context.rechunk(),
        sessions=sessions.numbers(timestamps.to_numpy()).astype(np.int32),
        session_table=sessions,
        zone=bars.zone,
        actions=actions.rechunk(),
        notes=(*notes, *(of_part + note for note in counted if note)),
        benchmark=None if part else read_benchmark(tables, spec, sessions),
        finer_bars=finer,
    )


def _match(rows: pl.DataFrame, signals: pl.DataFrame, source: str, *, part: bool) -> list[str]:
    """Check that signals match the bars, except for a part of the assets; returns notes."""
    unmatched = signals.join(rows.select("timestamp", "asset"), on=["timestamp", "asset"], how="anti")
    if not part:
        check_assets_match("signals", signals["asset"].unique().to_list(), rows["asset"].unique().to_list(), source)
        check_timestamps_match(signals["timestamp"], rows["timestamp"].unique(), source)
        check_rows_match(signals, unmatched, source)
    return [describe_unmatched("signals", unmatched, signals.height)]


def _describe_widened(bars: Checked) -> list[str]:
    if not bars.widened:
        return []
    count = f"{bars.widened:,} of {bars.frame.height:,} bars"
    return [f"{count} were widened by rounding: a price lay up to {ULPS} units in the last place outside [low, high]"]


def _context(table: Table | None, timestamps: pl.Series, window: Window, rates: Collection[str]) -> pl.DataFrame:
    """Read the context up to the window's end; what came before its start still holds inside."""
    if table is None:
        return timestamps.to_frame("timestamp")
    return join_context(timestamps, read_checked(table, replace(window, assets=None, start=None), rates).frame)
