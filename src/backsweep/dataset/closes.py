"""The closes of some assets, for charts: read without the checks, as the trials have read the same files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.scan import Window, scan_layout
from backsweep.dataset.sources import gather
from backsweep.dataset.tables import open_tables

if TYPE_CHECKING:
    from backsweep.sweepfile.data import DataSpec


def read_closes(spec: DataSpec, assets: tuple[str, ...]) -> pl.DataFrame:
    """Read `timestamp` (UTC, or as written), `asset` and `close` of some assets, by time; raises as `load` does."""
    window = replace(Window.of(spec), assets=assets)
    columns = ("timestamp", "asset", "close")
    layouts = open_tables(spec)["bars"].layouts
    frame = gather((layout.part.name, scan_layout(layout, columns, window)) for layout in layouts)
    return frame.select(pl.from_epoch("timestamp", time_unit="ns"), "asset", "close").sort("timestamp")
