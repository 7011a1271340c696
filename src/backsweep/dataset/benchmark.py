"""What a benchmark is worth at the sessions of the bars: an asset of them, or a file of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset.actions import place_actions
from backsweep.dataset.checks import read_checked
from backsweep.dataset.scan import Window
from backsweep.dataset.schema import nearest
from backsweep.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.schema import Table
    from backsweep.dataset.sessions import SessionTable
    from backsweep.sweepfile.data import DataSpec


def read_benchmark(tables: dict[str, Table], spec: DataSpec, sessions: SessionTable) -> NDArray[np.float64] | None:
    """Return the benchmark's value before the first session, then its last in each; None where none is declared.

    float64[sessions + 1], NaN where it has none. An asset's splits and dividends are included, as if these were
    reinvested at the close. Raises
    BadData where the bars do not have the asset, and where the benchmark has no value in two sessions.
    """
    if spec.benchmark is None:
        return None
    asset = spec.benchmark_asset
    frame = _read_asset(tables, spec, asset) if asset else _read_file(tables["benchmark"], spec)
    times, values = frame["timestamp"].to_numpy(), frame["close"].to_numpy()
    before = np.searchsorted(times, sessions.starts[:1], side="left")
    known = np.concatenate([before, np.searchsorted(times, sessions.ends, side="right")])
    is_new = np.diff(known, prepend=0) > 0
    levels = np.where(is_new, values[np.maximum(known - 1, 0)], np.nan)
    if is_new.sum() < 2:
        first, last = (np.datetime64(int(each), "ns").astype("datetime64[s]") for each in (times[0], times[-1]))
        raise BadData(
            "the benchmark has no return over the sessions of the bars",
            where=asset or tables["benchmark"].source,
            expected="values in two sessions or more",
            found=f"{len(times):,} values from {first} to {last}",
            remedy="give a benchmark of the same years, or take data.benchmark out",
        )
    return levels


def _read_asset(tables: dict[str, Table], spec: DataSpec, asset: str) -> pl.DataFrame:
    """Return an asset's closes, with the growth of splits and dividends where there are actions."""
    window = replace(Window.of(spec), assets=(asset,))
    try:
        rows = read_checked(tables["bars"], window).frame.select("timestamp", "close")
    except BadData as error:
        if not error.problem.startswith("unknown asset"):
            raise
        known = [each.strip() for each in error.found.split(",")]
        raise BadData(
            f"the benchmark {asset!r} is no asset of the bars",
            where=f"{tables['bars'].source}, data.benchmark",
            expected="an asset of the bars, or a file: `benchmark: index.csv`, `benchmark: {path: index.csv, ...}`",
            found=error.found,
            remedy=f"nearest is {close!r}" if (close := nearest(asset, known)) else "name one of them, or a file",
        ) from None
    if "actions" not in tables:
        return rows
    declared = read_checked(tables["actions"], window).frame
    placed = place_actions(declared, rows["timestamp"], pl.Series([asset]))
    placed = placed.group_by("timestamp").agg(pl.col("split").product(), pl.col("dividend").sum())
    rows = rows.join(placed, on="timestamp", how="left", maintain_order="left")
    worth = pl.col("close") * pl.col("split").fill_null(1.0) + pl.col("dividend").fill_null(0.0)
    growth = (worth / pl.col("close").shift(1)).fill_null(1.0)
    return rows.select("timestamp", close=growth.cum_prod() * pl.col("close").first())


def _read_file(table: Table, spec: DataSpec) -> pl.DataFrame:
    return read_checked(table, replace(Window.of(spec), assets=None, start=None)).frame
