"""The interval of bars, and what is missing by the data's own rhythm: sessions, and bars within sessions.

Holidays are no gaps. Of four assets or more, an asset lacks a session that nearly all others have. A market, or an
asset with fewer beside it, lacks days of trade that are too many in a row for holidays, or, where it trades on all
seven weekdays, any. Within a session bars are expected at the times of day that nearly all sessions have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset.anomalies import Anomaly, by_asset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from backsweep.dataset.shards import Shard

_SECOND = 10**9
_DAY = 86400 * _SECOND

FEWEST_ASSETS = 4
"""So many assets are a market, whose sessions the others' can be compared with."""

NEARLY_ALL = 0.9
LONGEST_HOLIDAY = 8
"""Days of trade in a row that no exchange's holidays take up."""

REGULAR = 0.2
"""The share of distances between bars that the most frequent one has at least, where bars have an interval."""

_REMEDY = "take them from another source, or begin after them with data.start"


def find_interval(shard: Shard) -> int | None:
    """Return the most frequent distance between bars of an asset in nanoseconds; None for irregular or single bars."""
    distance = pl.col("timestamp").diff().over("asset")
    counts = shard.rows.select(distance.alias("distance")).drop_nulls()["distance"].value_counts(sort=True)
    if counts.is_empty():
        return None
    interval, count = counts.row(0)
    longest = _session_bound(interval)
    comparable = int(counts.filter(pl.col("distance") < longest)["count"].sum())
    return int(interval) if count >= REGULAR * comparable else None


def _session_bound(interval: int) -> int:
    """Return the distance from which on bars lie in different sessions, or weeks."""
    return _DAY // 2 if interval < _DAY // 2 else 45 * _DAY


def describe_interval(interval: int | None) -> str:
    """Return an interval as a text, such as `5 min`, `1 day` or `1 month`."""
    if interval is None:
        return "irregular"
    days = interval / _DAY
    for length, name in ((365.25, "year"), (30.44, "month"), (7.0, "week")):
        count = round(days / length)
        if count >= 1 and abs(days - count * length) <= 0.05 * length * count:
            return f"{count} {name}{'s'[: count != 1]}"
    for unit, name in ((_DAY, "day"), (3600 * _SECOND, "h"), (60 * _SECOND, "min"), (_SECOND, "s"), (10**6, "ms")):
        if interval % unit == 0:
            count = interval // unit
            return f"{count} {name}{'s'[: count != 1] if name == 'day' else ''}"
    return f"{interval} ns"


def find_gaps(shard: Shard, interval: int | None) -> list[Anomaly]:
    """Return the kinds of gaps that a shard of some `interval` has, each with its first."""
    bars = by_asset(shard)
    days = shard.session_table.dates.astype(np.int64)
    own = bars.select("asset", "session").unique().sort("asset", "session")
    present = np.zeros((len(shard.assets), len(days)), bool)
    present[own["asset"].to_numpy(), own["session"].to_numpy()] = True
    ends = shard.session_table.ends
    found: list[Anomaly] = []
    if len(shard.assets) >= FEWEST_ASSETS:
        found += _absent(shard, present, days, ends)
        found += _closed(np.ones((1, len(days)), bool), ("",), days, ends, interval)
    else:
        found += _closed(present, shard.assets, days, ends, interval)
    if interval is not None and interval < _DAY:
        found += _holes(bars, shard, interval)
    return found


def _absent(
    shard: Shard, present: NDArray[np.bool_], days: NDArray[np.int64], ends: NDArray[np.int64]
) -> Iterator[Anomaly]:
    """Find sessions without a bar of an asset, between its first and last, that nearly all other assets have."""
    numbers = np.arange(len(days))
    first, last = present.argmax(axis=1), len(days) - 1 - present[:, ::-1].argmax(axis=1)
    alive = (numbers >= first[:, None]) & (numbers <= last[:, None])
    others = present.sum(axis=0)
    market = (alive.sum(axis=0) >= FEWEST_ASSETS) & (others >= NEARLY_ALL * (alive.sum(axis=0) - 1))
    absent = alive & ~present & market
    for asset in np.flatnonzero(absent.any(axis=1)):
        absent[asset] &= _usual_days(days[present[asset]], days)
    places = np.argwhere(absent.T)
    if len(places):
        session, asset = places[0].tolist()
        lacking = np.flatnonzero(absent.any(axis=1))
        worst = int(absent.sum(axis=1).argmax())
        what = f"sessions without bars of an asset that nearly all others have, in {len(lacking):,} assets"
        what += f", most in {shard.assets[worst]} ({int(absent[worst].sum()):,})"
        yield Anomaly(what, len(places), shard.assets[asset], int(ends[session]), _REMEDY)


def _closed(
    present: NDArray[np.bool_],
    assets: tuple[str, ...],
    days: NDArray[np.int64],
    ends: NDArray[np.int64],
    interval: int | None,
) -> Iterator[Anomaly]:
    """Find days without a session that are too many for holidays; or, of longer intervals, missing bars."""
    places: list[tuple[int, str, int]] = []
    for asset, own in zip(assets, present, strict=True):
        mine = days[own]
        if interval is not None and interval >= 5 * _DAY:
            missing = np.maximum(np.round(np.diff(mine) * _DAY / interval).astype(np.int64) - 1, 0)
            longest = 0
        else:
            expected = np.concatenate([[0], np.cumsum(_usual_days(mine, np.arange(mine[0], mine[-1] + 1)))])
            missing = expected[mine[1:] - mine[0]] - expected[mine[:-1] - mine[0] + 1]
            longest = 0 if len(_weekdays(mine)) == 7 else LONGEST_HOLIDAY - 1
        places += [(int(missing[i]), asset, int(ends[own][i])) for i in np.flatnonzero(missing > longest)]
    if places:
        _, asset, timestamp = min(places, key=lambda place: place[2])
        count = sum(missing for missing, _, _ in places)
        most = max(missing for missing, _, _ in places)
        what = f"sessions missing in {len(places):,} gap{'s'[: len(places) != 1]}, up to {most:,} in a row"
        yield Anomaly(what, count, f"{asset} after".strip(), timestamp, _REMEDY)


def _weekdays(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the weekdays (0 to 6) on which at least half as many of some days lie as on the most frequent one."""
    counts = np.bincount(days % 7, minlength=7)
    return np.flatnonzero(2 * counts >= counts.max())


def _usual_days(own: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of `days` are on the weekdays on which `own` mostly lie."""
    return np.isin(days % 7, _weekdays(own))


def _holes(bars: pl.DataFrame, shard: Shard, interval: int) -> Iterator[Anomaly]:
    """Find bars missing within sessions, at times of day at which nearly all of an asset's sessions have one."""
    local = shard.session_table.clock.of_session.cast(pl.Datetime("ns")).cast(pl.Int64) % _DAY
    timed = bars.select("asset", "timestamp", "session", slot=local)
    usual = timed.group_by("asset", "slot").len()
    sessions = timed.group_by("asset").agg(pl.col("session").n_unique())
    usual = usual.join(sessions, on="asset").filter(pl.col("len") >= NEARLY_ALL * pl.col("session"))
    ranks = usual.sort("asset", "slot").with_columns(rank=pl.col("slot").rank("ordinal").over("asset").cast(pl.Int64))
    timed = timed.join(ranks.select("asset", "slot", "rank"), on=["asset", "slot"], how="left", maintain_order="left")
    last = pl.col("rank").forward_fill().over("asset", "session")
    missing = (pl.col("rank") - last.shift(1).over("asset", "session") - 1).alias("missing")
    holes = timed.with_columns(missing).filter((pl.col("missing") > 0) & (pl.col("timestamp").diff() > interval))
    if holes.is_empty():
        return
    count, expected = int(holes["missing"].sum()), int(usual["len"].sum())
    most = int(holes.select(pl.col("missing").max()).item())
    asset, timestamp = holes.sort("timestamp", "asset").select("asset", "timestamp").row(0)
    what = f"of {expected + count:,} bars within sessions missing, up to {most:,} in a row"
    remedy = "nothing may have been traded there; otherwise take them from another source"
    yield Anomaly(what, count, f"{shard.assets[asset]} before", timestamp, remedy)
