"""Signals and context, brought to the rows and timestamps of the bars."""

from __future__ import annotations

import polars as pl

from backsweep.errors import BadData


def join_signals(rows: pl.DataFrame, signals: pl.DataFrame, source: str) -> pl.DataFrame:
    """Add the signals of the same timestamp and asset to each bar; a bar without signals gets nulls.

    Both frames have `timestamp` (int64 ns) and `asset` (text), unique as a pair; rows keep their order, and signals
    without a bar are left out. Raises BadData where a column stands in both, or where signals lie among the bars in
    time and yet none shares a timestamp with them: then the two count time differently.
    """
    taken = [name for name in signals.columns if name in rows.columns and name not in ("timestamp", "asset")]
    if taken:
        raise BadData(
            f"signal {taken[0]!r} is also a column of the bars",
            where=f"{source}, column {taken[0]}",
            expected="signal names that the bars do not use",
            remedy="rename or drop one of the two",
        )
    moments = rows["timestamp"].unique()
    among = signals.filter(pl.col("timestamp").is_between(moments.min(), moments.max()))
    if among.height and not among["timestamp"].is_in(moments.implode()).any():
        first = pl.from_epoch(among["timestamp"].head(1), time_unit="ns").item()
        raise BadData(
            "no signal has the timestamp of a bar",
            where=f"{source}, column timestamp",
            expected="signals stamped like the bars, at the bar's end",
            found=f"signals between the bars, the first at {first} (UTC, or as written)",
            remedy="give signals the timestamps of the bars they belong to",
        )
    return rows.join(signals, on=["timestamp", "asset"], how="left", maintain_order="left")


def join_context(timestamps: pl.Series, context: pl.DataFrame) -> pl.DataFrame:
    """Look up, for each timestamp, the last value of every context column at or before it.

    `timestamps` (int64 ns) ascend; `context` is sorted by its `timestamp`. A null is no value: the one before it holds.
    Before the first value the result is NaN.
    """
    known = context.with_columns(pl.exclude("timestamp").forward_fill()).set_sorted("timestamp")
    wanted = timestamps.set_sorted().to_frame("timestamp")
    return wanted.join_asof(known, on="timestamp", strategy="backward").with_columns(
        pl.exclude("timestamp").fill_null(float("nan"))
    )
