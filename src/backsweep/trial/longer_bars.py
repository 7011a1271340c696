"""Expressions on bars of a longer interval, each known once its interval has ended.

Intervals of a day and more are cut by the dates of sessions, and known from an asset's first bar of a later one:
nothing in the data says that a bar is the last of its week. Shorter ones are cut by the clock of the data; a bar
belongs to the one that ends with it or after it, and where it ends with it, it knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backsweep.dataset.sessions import SessionTable
    from backsweep.strategy import Higher

_INTERVAL = " interval"  # no name that data or a strategy could have
_BEFORE = " before"
_MINUTE = 60_000_000_000


def compute_on_longer_bars(rows: pl.DataFrame, sessions: SessionTable, wanted: Mapping[str, Higher]) -> pl.DataFrame:
    """Return the value of each feature that is known at each of `rows`, whole assets whose bars ascend in time.

    All are of one interval.
    """
    interval, _, minutes = next(iter(wanted.values()))
    times = rows["timestamp"].to_physical().to_numpy()
    if minutes is None:
        dates = pl.Series(sessions.dates[sessions.numbers(times)]).cast(pl.Date)
        intervals = dates.dt.truncate(interval).to_physical().cast(pl.Int64).to_numpy()
    else:
        left = -sessions.clock.local(times) % (minutes * _MINUTE)
        intervals = times + left
    keyed = rows.with_columns(pl.Series(_INTERVAL, intervals))
    keyed = keyed.with_columns(pl.col(_INTERVAL).cum_max().over("asset"))  # ascending where clocks change, too
    ended = np.zeros(len(times), np.bool_) if minutes is None else keyed[_INTERVAL].to_numpy() == times
    keys = ["asset", _INTERVAL]
    made = {"open": pl.col("open").first(), "high": pl.col("high").max(), "low": pl.col("low").min()}
    last = pl.exclude(*keys, *made, "volume").last()
    longer = keyed.group_by(keys, maintain_order=True).agg(last, pl.col("volume").sum(), **made)
    found = longer.select(*keys, **{name: each.over("asset") for name, (_, each, _) in wanted.items()})
    before = (pl.col(name).shift(1).over("asset").alias(_BEFORE + name) for name in wanted)
    joined = keyed.select(keys).join(found.with_columns(before), on=keys, how="left", maintain_order="left")
    over = pl.lit(pl.Series(ended))
    return joined.select(pl.when(over).then(pl.col(n)).otherwise(pl.col(_BEFORE + n)).alias(n) for n in wanted)
