"""The bars of one timestamp, as they arrive."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.dataset import Shard, shard_from_frames
from backsweep.errors import BadData
from backsweep.trial.market import last_of_session as find_last_of_session
from backsweep.trial.market import locked, pack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from backsweep.trial.market import Market


@dataclass(frozen=True, eq=False)
class Timestep:
    """One timestamp's bars, signals and context, and the corporate actions that take effect with it.

    A paper account books the actions; at a broker they come with its own positions and cash.

    shard : rows of one timestamp, checked as every shard is; asset codes count all the assets of the session.
    session : number of the trading day, from 0. last_of_session : whether no later bar belongs to it; a feed knows this
        from the exchange's calendar.
    closing : names of the assets whose bar is their last of it, where others trade on.
    minutes_to_close : by asset, whole minutes to its close of the session, as far as the feed knows them.
    """

    shard: Shard
    session: int
    last_of_session: bool
    closing: frozenset[str] = frozenset()
    minutes_to_close: Mapping[str, int] = field(default_factory=dict)

    @property
    def timestamp(self) -> int:
        """Return the time of the bars, nanoseconds UTC."""
        return int(self.shard.rows["timestamp"][0])

    @property
    def date(self) -> int:
        """Return the date of the session, days since 1970; of a feed's bars that of their time in UTC."""
        return int(self.shard.session_table.dates[self.shard.sessions[0]])

    def pack(self) -> Market:
        """Lay the bars out for the engine, with the session as the calendar has it."""
        market = pack(self.shard)
        groups, bars = market.groups.copy(), market.bars.copy()
        groups["session"], groups["last_of_session"] = self.session, self.last_of_session
        names = [market.assets[code] for code in bars["asset"]]
        ends = [self.last_of_session or name in self.closing for name in names]
        bars["last_of_session"] = ends
        known = self.minutes_to_close
        bars["to_close"] = [known.get(name, 0 if over else -1) for name, over in zip(names, ends, strict=True)]
        return replace(market, bars=locked(bars), groups=locked(groups))


def timesteps(shard: Shard) -> Iterator[Timestep]:
    """Yield the timesteps of a shard, in order."""
    times = shard.rows["timestamp"].to_numpy()
    edges = np.flatnonzero(np.diff(times, prepend=times[0] - 1, append=times[-1] + 1))
    ends = np.diff(shard.sessions, append=shard.sessions[-1] + 1) != 0
    codes = shard.rows["asset"].to_numpy()
    last = find_last_of_session(codes, np.repeat(shard.sessions, np.diff(edges)))
    to_close = pack(shard).bars["to_close"].tolist()
    acting = np.searchsorted(shard.actions["timestamp"].to_numpy(), np.append(times[edges[:-1]], times[-1] + 1))
    for index, (first, last_row) in enumerate(pairwise(edges)):
        part = replace(
            shard,
            finer_bars=None,
            rows=shard.rows[int(first) : int(last_row)],
            context=shard.context[index : index + 1],
            sessions=shard.sessions[index : index + 1],
            actions=shard.actions[int(acting[index]) : int(acting[index + 1])],
        )
        closing = frozenset(shard.assets[code] for code in codes[first:last_row][last[first:last_row]])
        known = {shard.assets[codes[row]]: to_close[row] for row in range(first, last_row)}
        yield Timestep(part, int(shard.sessions[index]), bool(ends[index]), closing, known)


def make_timestep(
    assets: Sequence[str],
    bars: pl.DataFrame,
    *,
    session: int,
    last_of_session: bool,
    closing: Collection[str] = (),
    minutes_to_close: Mapping[str, int] | None = None,
    signals: pl.DataFrame | None = None,
    context: pl.DataFrame | None = None,
) -> Timestep:
    """Make a timestep of what a feed delivers.

    Parameters
    ----------
    assets : every asset of the session, those without a bar now as well.
    bars : timestamp (one for all), asset, open, high, low, close, volume; further numeric columns are signals.
    signals, context : as in `backsweep.backtest`, of this timestamp.
    session, last_of_session, closing, minutes_to_close : see `Timestep`; a strategy that reads `bar.minutes_to_close`
        needs them.

    Raises BadData where the bars break a rule of the dataset, are of several times, or of an asset that is not known.

    """
    shard = shard_from_frames(bars, signals, context, part=True)
    if len(shard.sessions) != 1:
        raise BadData("bars of several timestamps in one timestep", expected="1", found=str(len(shard.sessions)))
    unknown = [name for name in shard.assets if name not in assets]
    if unknown:
        raise BadData("a bar of an unknown asset", expected=f"one of {', '.join(assets)}", found=", ".join(unknown))
    codes = pl.Series("asset", [sorted(assets).index(shard.assets[code]) for code in shard.rows["asset"]], pl.Int32)
    shard = replace(shard, assets=tuple(sorted(assets)), rows=shard.rows.with_columns(codes))
    return Timestep(shard, session, last_of_session, frozenset(closing), minutes_to_close or {})
