"""Finer bars (`data.detail`): which bar each of them belongs to, and whether those of a bar make it up.

A finer bar belongs to the bar of its asset that is stamped first at or after it, if it is no farther before it than the
bars' most frequent distance. Where no session has two bars of one asset, what counts as its time is the date of its
session, so that a daily bar has the finer bars of its day, whatever the hour of its own stamp, and a weekly bar those
of the days up to its own.

The finer bars of a bar are used where their highest high and their lowest low are those of the bar, to one part in
10,000. They are then fitted to it: the extremes become exactly its own, and the first begins at its open, which may be
an auction's. Bars whose finer bars have other extremes, and bars without any, are played as a whole, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset.checks import read_checked
from backsweep.dataset.coverage import check_assets_match, describe_assets_without_bars
from backsweep.dataset.sessions import sessions_of
from backsweep.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.scan import Window
    from backsweep.dataset.schema import Table
    from backsweep.dataset.sessions import SessionTable

TOLERANCE = 1e-4
"""Relative: what the extremes of finer bars may differ by from those of their bar, as rounding and adjustments do."""

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class FinerBars:
    """The finer bars of a shard's rows.

    Attributes
    ----------
    timestamps : int64[n], nanoseconds UTC; those of one asset follow each other, in order of time.
    prices : float64[n, 3], open, high and low.
    first, count : int64[rows], where the finer bars of each row begin, and how many there are; 0 for none.

    """

    timestamps: NDArray[np.int64]
    prices: NDArray[np.float64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    def before(self, row: int) -> FinerBars:
        """Return the same without those of the rows from `row` on."""
        return replace(self, count=np.where(np.arange(len(self.count)) < row, self.count, 0))

    def of_rows(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> FinerBars:
        """Return those of some of the rows."""
        first, count = self.first[rows], self.count[rows]
        used = count > 0
        if not used.any():
            return FinerBars(self.timestamps[:0], self.prices[:0], first, count)
        start, end = int(first[used].min()), int((first + count)[used].max())
        return FinerBars(self.timestamps[start:end], self.prices[start:end], first - start, count)


def read_finer_bars(
    table: Table, window: Window, rows: pl.DataFrame, assets: pl.Series, sessions: SessionTable, *, part: bool
) -> tuple[FinerBars, list[str]]:
    """Read the finer bars of `rows` (asset codes are positions in `assets`); returns notes with counts too.

    Raises BadData where they are of other assets, and where most of those of an asset do not make up their bars.
    """
    found = read_checked(table, window).frame
    notes: list[str] = []
    if not part:
        own = found["asset"].unique().sort().to_list()
        check_assets_match("detail", own, assets.to_list(), table.source)
        notes += describe_assets_without_bars("detail", own, assets)
    found = found.filter(pl.col("asset").is_in(assets.implode()))
    found = found.with_columns(pl.col("asset").cast(pl.Enum(assets)).to_physical().cast(pl.Int32))
    found = found.sort("asset", "timestamp", maintain_order=True)
    owners = _find_owners(found, rows, sessions)
    outside = int((owners < 0).sum())
    finer = found.filter(pl.Series(owners >= 0))
    if outside:
        notes.append(f"{outside:,} of {found.height:,} finer bars lie within no bar of their asset")
    return _fit(finer, owners[owners >= 0], rows, assets, table.source, notes)


def _find_owners(found: pl.DataFrame, rows: pl.DataFrame, sessions: SessionTable) -> NDArray[np.int64]:
    """Return for each finer bar, sorted by asset and time, the row that it belongs to; -1 for none."""
    times, codes = rows["timestamp"].to_numpy(), rows["asset"].to_numpy()
    order = np.lexsort((times, codes))
    codes, keys, moments = codes[order], times[order], found["timestamp"].to_numpy()
    numbers = sessions.numbers(keys)
    same_asset = np.diff(codes) == 0
    if not (same_asset & (np.diff(numbers) == 0)).any():
        keys = sessions.dates[numbers].astype(np.int64)
        days = sessions_of(found["timestamp"].unique().sort(), sessions.clock)
        moments = days.dates[days.numbers(moments)].astype(np.int64)
    distances, counts = np.unique(np.diff(keys)[same_asset], return_counts=True)
    widest = int(distances[counts.argmax()]) if len(counts) else np.iinfo(np.int64).max
    owners = np.full(found.height, -1)
    edges, own = (np.searchsorted(each, np.arange(int(codes[-1]) + 2)) for each in (codes, found["asset"].to_numpy()))
    for asset in range(len(edges) - 1):
        mine, theirs = slice(edges[asset], edges[asset + 1]), slice(own[asset], own[asset + 1])
        place = np.searchsorted(keys[mine], moments[theirs])
        ahead = place < edges[asset + 1] - edges[asset]
        place = np.where(ahead, place, 0) + edges[asset]
        owners[theirs] = np.where(ahead & (keys[place] - moments[theirs] < widest), order[place], -1)
    return owners


def _fit(
    finer: pl.DataFrame, owners: NDArray[np.int64], rows: pl.DataFrame, assets: pl.Series, source: str, notes: list[str]
) -> tuple[FinerBars, list[str]]:
    """Fit finer bars to the rows that own them, and leave out those that do not make up theirs."""
    first, count = np.zeros(rows.height, np.int64), np.zeros(rows.height, np.int64)
    prices = finer.select("open", "high", "low").to_numpy().astype(np.float64)
    if not len(owners):
        return FinerBars(np.zeros(0, np.int64), prices, first, count), [*notes, _describe_bare(rows, count, assets)]
    starts = np.flatnonzero(np.diff(owners, prepend=-1) != 0)
    bars = owners[starts]
    high, low = rows["high"].to_numpy()[bars], rows["low"].to_numpy()[bars]
    highest, lowest = np.maximum.reduceat(prices[:, 1], starts), np.minimum.reduceat(prices[:, 2], starts)
    fits = _is_near(highest, high) & _is_near(lowest, low)
    notes += _check_fits(fits, bars, (highest, lowest), rows, assets, source)
    lengths = np.diff(starts, append=len(owners))
    kept = np.repeat(fits, lengths)
    timestamps, prices = finer["timestamp"].to_numpy()[kept], prices[kept]
    lengths, bars, high, low = lengths[fits], bars[fits], high[fits], low[fits]
    highest, lowest, starts = highest[fits], lowest[fits], np.append(0, np.cumsum(lengths[:-1]))[: len(lengths)]
    first[bars], count[bars] = starts, lengths
    is_top = prices[:, 1] == np.repeat(highest, lengths)
    is_bottom = prices[:, 2] == np.repeat(lowest, lengths)
    np.clip(prices, np.repeat(low, lengths)[:, None], np.repeat(high, lengths)[:, None], out=prices)
    prices[is_top, 1], prices[is_bottom, 2] = np.repeat(high, lengths)[is_top], np.repeat(low, lengths)[is_bottom]
    prices[starts, 0] = rows["open"].to_numpy()[bars]
    prices[starts, 1] = np.maximum(prices[starts, 1], prices[starts, 0])
    prices[starts, 2] = np.minimum(prices[starts, 2], prices[starts, 0])
    bare = _describe_bare(rows, count, assets, fits.size - lengths.size)
    return FinerBars(timestamps, prices, first, count), [*notes, bare]


def _is_near(found: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.abs(found - own) <= TOLERANCE * np.abs(own)


def _check_fits(
    fits: NDArray[np.bool_],
    bars: NDArray[np.int64],
    extremes: tuple[NDArray[np.float64], NDArray[np.float64]],
    rows: pl.DataFrame,
    assets: pl.Series,
    source: str,
) -> list[str]:
    """Return a note on bars with other extremes than their finer bars; BadData where an asset has mostly such."""
    if fits.all():
        return []
    codes = rows["asset"].to_numpy()[bars]
    other, all_of = (np.bincount(codes[which], minlength=len(assets)) for which in (~fits, slice(None)))
    worst = np.flatnonzero(2 * other > all_of)
    place = np.flatnonzero(~fits & (codes == worst[0]) if len(worst) else ~fits)[0]
    bar = rows.row(int(bars[place]), named=True)
    moment = pl.from_epoch(pl.Series([bar["timestamp"]]), time_unit="ns").item()
    shown = (
        f"{assets[int(codes[place])]} at {moment} with high {bar['high']:g} and low {bar['low']:g}, "
        f"by its finer bars {extremes[0][place]:g} and {extremes[1][place]:g}"
    )
    if len(worst):
        raise BadData(
            "the finer bars of an asset do not make up its bars",
            where=f"{source}, {assets[int(worst[0])]}",
            expected=f"finer bars whose highest high and lowest low are those of their bar, to {TOLERANCE:g} of it",
            found=f"other extremes in {other[worst[0]]:,} of {all_of[worst[0]]:,} bars, the first {shown}",
            remedy="take finer bars of the same hours, stamped at their end on the same clock, with prices adjusted as "
            "those of the bars; or leave the asset out of data.detail",
        )
    total = int((~fits).sum())
    return [f"{total:,} of {len(fits):,} bars have other extremes than their finer bars, which are not used: {shown}"]


def _describe_bare(rows: pl.DataFrame, count: NDArray[np.int64], assets: pl.Series, other: int = 0) -> str:
    """Return how many bars have no finer ones, by asset, but the `other` whose extremes differ; empty for none."""
    codes = rows["asset"].to_numpy()
    bare = np.bincount(codes[count == 0], minlength=len(assets))
    if bare.sum() - other <= 0:
        return ""
    most = np.argsort(-bare, kind="stable")[:_SHOWN]
    names = ", ".join(f"{bare[code]:,} of {assets[int(code)]}" for code in most if bare[code])
    more = f" and {int((bare > 0).sum()) - _SHOWN:,} more assets" if (bare > 0).sum() > _SHOWN else ""
    return (
        f"{int(bare.sum()):,} of {rows.height:,} bars have no finer bars that make them up, "
        f"and are played as a whole: {names}{more}"
    )
