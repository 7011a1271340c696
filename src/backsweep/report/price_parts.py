"""Prices with fills on them, for the assets that were traded most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backsweep.figures.trades import price_figure
from backsweep.report.parts import Chart, Charts

if TYPE_CHECKING:
    from collections.abc import Callable

    from backsweep.report.parts import Part
    from backsweep.study.store.run_records import RunRecords

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
