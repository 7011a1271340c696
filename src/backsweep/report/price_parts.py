"""Prices with fills on them, for the assets that were traded most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.closes import read_closes
from backsweep.dataset.fingerprint import fingerprint
from backsweep.errors import BacksweepError
from backsweep.figures.trades import price_figure
from backsweep.report.parts import Chart, Charts
from backsweep.study.store.run_records import on_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from backsweep.report.parts import Part
    from backsweep.study.store.run_records import RunRecords
    from backsweep.sweepfile.data import DataSpec

_ASSETS = 20
_POINTS = 40_000  # of closes, all assets together


def price_parts(records: RunRecords, read: Callable[[tuple[str, ...]], pl.DataFrame | str]) -> list[Part]:
    """Return closes with fills; `read` returns `timestamp, asset, close` of assets, or why there are none."""
    fills = records.fills
    if not len(fills):
        return []
    counts = fills.group_by("asset").len().sort("len", "asset", descending=[True, False])
    assets = tuple(sorted(counts["asset"].head(_ASSETS).to_list()))
    closes = read(assets)
    known = isinstance(closes, pl.DataFrame)
    charts = []
    for asset in assets:
        own = fills.filter(pl.col("asset") == asset).sort("timestamp")
        marks = list(own.select("timestamp", "quantity", "price", "reason").iter_rows())
        rows = closes.filter(pl.col("asset") == asset) if isinstance(closes, pl.DataFrame) else own.clear()
        line = rows["close"].to_numpy() if known else rows["price"].to_numpy()
        figure = price_figure(rows["timestamp"].to_list(), line, marks, _POINTS // len(assets))
        charts.append(Chart(asset, figure, ""))
    few = f" Of {len(counts):,} assets these have the most fills." if len(counts) > _ASSETS else ""
    away = " A fill away from the line filled inside its bar, or before a split." if known else ""
    drawn = "Closes of one asset, and its fills at their prices" if known else f"Fills at their prices ({closes})"
    text = (
        f"{drawn}: triangles up bought, down sold; the pointer shows quantity and reason.{few}{away} "
        "It does not show orders that did not fill."
    )
    return [Charts("Prices with fills", charts, text, pick=True)]


def known_closes(
    spec: DataSpec, digest: str, ends: tuple[datetime, datetime], assets: tuple[str, ...]
) -> pl.DataFrame | str:
    """Return the closes of some assets, on the data's clock, or why there are none; `digest` is that of the data.

    `ends` are the first and the last time of them that is shown, UTC.
    """
    try:
        if fingerprint(spec) != digest:
            return "the data files have changed since, so there is no line of closes"
        closes = read_closes(spec, assets)
    except (BacksweepError, OSError, pl.exceptions.PolarsError) as error:
        why = error.problem if isinstance(error, BacksweepError) else str(error).partition("\n")[0]
        return f"the data cannot be read, so there is no line of closes: {why}"
    seen = closes.filter(pl.col("timestamp").is_between(*ends))
    return seen if spec.timezone is None else on_clock(seen, spec.timezone)
