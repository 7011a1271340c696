"""Permuted histories for a null study: the same sessions in another order.

Sessions are divided into blocks of neighbours, and the blocks are permuted. A session moves as a whole, with all its
assets: its bars relative to each asset's previous close - gap, shape, range, volume, and the co-movement of assets -
are kept, and prices are chained again, so that every asset ends at its last price. Signals, but for the quotes that
orders meet, context and the calendar are not permuted.

The permutation removes timing: any relation of signals, context or prices more than a block ago to the returns that
follow. It keeps the drift of every asset, the distribution of its returns, and all effects within a block; an edge from
these is not significant in a null study. Longer blocks keep more of the dependence between sessions, such as volatility
clusters; blocks of one session keep none.

Sessions are exchanged only with sessions of the same layout: the same assets, with as many bars. So an asset has no
bars before its listing, and half-days stay half-days. The sessions of a holdout are neither moved nor used elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.dataset.shards import Shard

PRICES = ("open", "high", "low", "close")
FEWEST_BLOCKS = 8
"""The fewest blocks of one layout: fewer have too few distinct permutations."""


def permuted(
    shard: Shard, block: int, seed: tuple[int, ...], stop: int | None = None, quotes: Sequence[str] = ()
) -> Shard:
    """Return the shard with its sessions in another order, in blocks of `block` sessions; equal seeds, equal orders.

    Sessions from number `stop` on stay as they are. The columns `quotes` move with the bars, as prices do. Raises
    BadInput where less than half of the sessions have enough others of their layout, and for data with corporate
    actions or finer bars, which do not move with the bars.
    """
    if shard.actions.height:
        raise BadInput(
            "sessions with corporate actions cannot be permuted",
            where="data.actions",
            expected="bars without actions: adjusted prices",
            found=f"{shard.actions.height:,} actions",
            remedy="run the study and its null study on adjusted prices",
        )
    if shard.finer_bars is not None:
        raise BadInput(
            "sessions with finer bars cannot be permuted",
            where="data.detail",
            expected="bars alone: what comes first inside a bar does not move with it",
            found="data.detail",
            remedy="run the study and its null study without data.detail",
        )
    groups = np.cumsum(np.diff(shard.rows["timestamp"].to_numpy(), prepend=shard.rows["timestamp"][0]) != 0)
    sessions = shard.sessions.astype(np.int64)[groups]
    assets = shard.rows["asset"].to_numpy()
    starts = np.flatnonzero(np.diff(sessions, prepend=-1))
    source = np.arange(len(starts))
    moving = slice(0, stop)
    source[moving] = _orders(_layouts(assets, groups, starts, moving), block, np.random.default_rng(seed))
    rows = starts[source[sessions]] + np.arange(len(assets)) - starts[sessions]  # where each row's bar comes from
    names = (*PRICES, *quotes)
    values = shard.rows.select(names).to_numpy().astype(np.float64)
    chained = np.empty_like(values)
    for asset in range(len(shard.assets)):
        places = np.flatnonzero(assets == asset)
        last = np.append(np.flatnonzero(np.diff(sessions[places])), len(places) - 1)  # of each session
        inside = np.cumsum(np.diff(sessions[places], prepend=sessions[places[0]]) != 0)  # which of its sessions
        closes = values[places[last], 3]
        before = np.append(values[places[0], 0], closes[:-1])
        relative = np.empty_like(values[places])
        relative[:] = values[places] / before[inside, None]
        taken = np.searchsorted(places, rows[places])
        growth = (closes / before)[inside[taken[last]]]
        levels = before[0] * np.cumprod(np.append(1.0, growth[:-1]))
        chained[places] = relative[taken] * levels[inside, None]
    columns = [pl.Series(name, np.ascontiguousarray(chained[:, i])) for i, name in enumerate(names)]
    volume = pl.Series("volume", shard.rows["volume"].to_numpy()[rows])
    benchmark = None if shard.benchmark is None else _permute_levels(shard.benchmark, source)
    return replace(shard, rows=shard.rows.with_columns(*columns, volume), benchmark=benchmark)


def _permute_levels(levels: NDArray[np.float64], source: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a benchmark whose growth in each session comes from session `source`; its levels are as in `Shard`."""
    known = np.isfinite(levels)
    first = int(known.argmax())
    filled = levels[np.maximum.accumulate(np.where(known, np.arange(len(levels)), first))]
    growth = (filled[1:] / filled[:-1])[source]
    moved = np.append(filled[0], filled[0] * np.cumprod(growth))
    return np.where(np.append(known[0], known[1:][source]), moved, np.nan)


def _layouts(
    assets: NDArray[np.int32], groups: NDArray[np.int64], starts: NDArray[np.int64], moving: slice
) -> list[NDArray[np.int64]]:
    """Sort the sessions `moving` by their layout: for each layout its sessions, int64, ascending."""
    found: dict[bytes, list[int]] = {}
    ends = np.append(starts[1:], len(assets))
    for session, (first, last) in enumerate(zip(starts[moving], ends[moving], strict=True)):
        key = assets[first:last].tobytes() + (groups[first:last] - groups[first]).astype(np.int32).tobytes()
        found.setdefault(key, []).append(session)
    return [np.array(sessions, dtype=np.int64) for sessions in found.values()]


def _orders(layouts: list[NDArray[np.int64]], block: int, chance: np.random.Generator) -> NDArray[np.int64]:
    """Return for each session which one comes in its place: int64[sessions]."""
    source = np.arange(sum(map(len, layouts)))
    moving = 0
    for sessions in layouts:
        first = int(chance.integers(block))  # where the first block ends, so that no two histories are cut alike
        blocks = np.split(sessions, np.arange(first or block, len(sessions), block))
        if len(sessions) >= FEWEST_BLOCKS * block:
            moving += len(sessions)
        source[sessions] = np.concatenate([blocks[i] for i in chance.permutation(len(blocks))])
    if 2 * moving < len(source):
        raise BadInput(
            "too few sessions can be permuted",
            expected=f"half of the sessions or more in layouts of assets and bars with {FEWEST_BLOCKS * block} or more",
            found=f"{moving:,} of {len(source):,} sessions of {len(layouts):,} layouts",
            remedy="use shorter blocks, assets with a complete history, or bars at regular times",
        )
    return source
