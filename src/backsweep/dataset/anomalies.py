"""Rows that break no rule and are probably wrong.

Prices that jump and return, splits that are not declared, zero volumes, repeated rows, prices that stand still. Every
bound is relative to what is usual of the asset, and far from it, so that a crash is no anomaly. What is found is
reported, never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from backsweep.dataset.schema import PRICES

if TYPE_CHECKING:
    from backsweep.dataset.shards import Shard

SPIKE, WICK = 20.0, 50.0
"""How many times the median of an asset's moves, or of its wicks, a jump must be that the next bar takes back, or that
the bar itself does."""

AROUND, LOCAL = 21, 8.0
"""In how many bars around a jump it must stand out as well, and how many times their median it must be: in a crisis
large moves are usual."""

RETURNED = 0.25
"""What may be left of a jump after the next bar, as a share of it."""

RATIOS = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 100.0)
NEAR = 0.04
"""How far, as a logarithm, an opening may be from a split's ratio."""

FEWEST = 20
"""Bars that an asset must have before anything is usual of it."""

STALE = 5
"""Sessions in a row that an asset must spend at one price."""


@dataclass(frozen=True)
class Anomaly:
    """What is odd, how often, where first (asset, and time in nanoseconds as in the shard), and what to do about it."""

    what: str
    count: int
    asset: str
    timestamp: int
    remedy: str

    def describe(self, zone: str | None) -> str:
        """Return it as one line, with the time in the data's zone."""
        first = f"{self.asset} {describe_time(self.timestamp, zone)}".strip()
        return f"{self.count:,} {self.what} (first: {first}): {self.remedy}"


def describe_time(timestamp: int, zone: str | None) -> str:
    """Return nanoseconds since 1970 UTC as a text in a zone: a date, with the time of day where it is not midnight."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=timestamp // 1000)
    return f"{moment.astimezone(ZoneInfo(zone)) if zone else moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def find_anomalies(shard: Shard) -> list[Anomaly]:
    """Return the kinds of suspicious rows that a shard has, each with its first."""
    bars = by_asset(shard)
    marked = _mark(bars, shard.actions)
    kinds = {
        "spike": ("jumps that the next bar takes back", "correct or drop these rows: stops and targets fill there"),
        "wick": ("highs or lows far outside their bar", "correct or drop these rows: stops and targets fill there"),
        "split": ("openings that look like splits", "use adjusted prices, or declare splits with data.actions"),
        "repeated": ("rows that repeat the one before", "drop them, or take them from another source"),
        "zero_volume": ("bars without volume", "nothing was traded there: set execution.volume_share, or drop them"),
    }
    found = []
    for name, (what, remedy) in kinds.items():
        rows = marked.filter(pl.col(name))
        if rows.height:
            asset, timestamp = rows.sort("timestamp", "asset").select("asset", "timestamp").row(0)
            found.append(Anomaly(what, rows.height, shard.assets[asset], timestamp, remedy))
    return found + _find_stale(bars, shard.assets)


def by_asset(shard: Shard) -> pl.DataFrame:
    """Return the bars sorted by asset and time, with the number of their `session`."""
    sessions = shard.context.select("timestamp").with_columns(session=pl.Series(shard.sessions))
    columns = ("timestamp", "asset", "open", "high", "low", "close", "volume")
    rows = shard.rows.select(columns).join(sessions, on="timestamp", how="left", maintain_order="left")
    return rows.sort("asset", "timestamp", maintain_order=True)


def _mark(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return which rows are odd, a column for each kind; `bars` as `by_asset` returns them."""
    same = pl.col("asset") == pl.col("asset").shift(1)
    intraday = bars.height > 2 * (bars["session"].diff() != 0).sum()
    follows = same & (pl.col("session") == pl.col("session").shift(1)) if intraday else same
    before = pl.when(same & (pl.col("close").shift(1) > 0)).then(pl.col("close").shift(1))
    top, bottom = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    declared = actions.filter(pl.col("split") != 1.0).select("asset", "timestamp", declared=pl.lit(True))
    facts = bars.lazy().select(
        "asset",
        "timestamp",
        "volume",
        move=(_positive("close") / before).log(),
        gap=(_positive("open") / before).log().abs(),
        above=(_positive("high") / top).log(),
        below=(bottom / _positive("low")).log(),
        follows=follows & (pl.col("asset") == pl.col("asset").shift(-1)),
        repeated=same
        & pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in (*PRICES, "volume"))
        & (pl.col("high") > pl.col("low")),
    )
    facts = facts.with_columns(around=pl.col("move").abs().rolling_median(AROUND, center=True, min_samples=1))
    usual = facts.group_by("asset").agg(
        *(_usual(name) for name in ("move", "above", "below")),
        enough=pl.len() >= FEWEST,
        has_volume=(pl.col("volume") > 0).any(),
    )
    facts = facts.join(usual, on="asset", how="left", maintain_order="left", suffix="_usual")
    facts = facts.join(declared.lazy(), on=["asset", "timestamp"], how="left", maintain_order="left")
    size, after = pl.col("move").abs(), pl.col("move").shift(-1)
    far = pl.col("enough") & (size > SPIKE * pl.col("move_usual"))
    spike = (
        pl.col("follows") & far & (size > LOCAL * pl.col("around")) & ((pl.col("move") + after).abs() < RETURNED * size)
    )
    wick = pl.any_horizontal(
        (pl.col(name) > WICK * pl.col(f"{name}_usual"))
        & (pl.col(name) > SPIKE * pl.col("move_usual"))
        & (pl.col(name) > LOCAL * pl.col("around"))
        for name in ("above", "below")
    )
    near = pl.any_horizontal((pl.col("gap") - float(np.log(ratio))).abs() < NEAR for ratio in RATIOS)
    marks = {
        "spike": spike,
        "wick": wick & pl.col("enough"),
        "split": near & far & pl.col("declared").is_null() & ~spike & ~spike.shift(1),
        "repeated": pl.col("repeated"),
        "zero_volume": (pl.col("volume") == 0) & pl.col("has_volume"),
    }
    return facts.select(
        "asset", "timestamp", **{name: mark.fill_null(value=False) for name, mark in marks.items()}
    ).collect()


def _positive(name: str) -> pl.Expr:
    return pl.when(pl.col(name) > 0).then(pl.col(name))


def _usual(name: str) -> pl.Expr:
    """Return the median of the absolute values that are not zero."""
    size = pl.col(name).abs()
    return size.filter(size > 0).median()


def _find_stale(bars: pl.DataFrame, assets: tuple[str, ...]) -> list[Anomaly]:
    """Find assets that stay at one price for whole sessions."""
    daily = bars.group_by("asset", "session", maintain_order=True).agg(
        pl.col("timestamp").first(), pl.col("low").min(), pl.col("high").max()
    )
    run = pl.struct("asset", "low", "high").rle_id()
    runs = daily.group_by(run.alias("run"), maintain_order=True).agg(pl.all().first(), pl.len())
    runs = runs.filter((pl.col("low") == pl.col("high")) & (pl.col("len") >= STALE)).sort("timestamp", "asset")
    if runs.is_empty():
        return []
    asset, timestamp = runs.select("asset", "timestamp").row(0)
    remedy = "the source may have filled them in: drop them, or declare the delisting with data.actions"
    what = f"sessions in runs of {STALE} or more at one price"
    return [Anomaly(what, int(runs["len"].sum()), assets[asset], timestamp, remedy)]
