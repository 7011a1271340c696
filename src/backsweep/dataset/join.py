"""Joins of signals and context to the rows and timestamps of the bars."""

from __future__ import annotations

import polars as pl

from backsweep.errors import BadData


def join_signals(rows: pl.DataFrame, signals: pl.DataFrame, source: str) -> pl.DataFrame:
    """Add the signals of the same timestamp and asset to each bar; a bar without signals gets nulls.

    Both frames have `timestamp` (int64 ns) and `asset` (text), unique as a pair; rows keep their order, and signals
    without a bar are left out. Raises BadData for a column that both have.
    """
    taken = [name for name in signals.columns if name in rows.columns and name not in ("timestamp", "asset")]
    if taken:
        raise BadData(
            f"signal {taken[0]!r} is also a column of the bars",
            where=f"{source}, column {taken[0]}",
            expected="signal names that the bars do not use",
            remedy="rename or drop one of the two",
        )
    return rows.join(signals, on=["timestamp", "asset"], how="left", maintain_order="left")


def join_context(timestamps: pl.Series, context: pl.DataFrame) -> pl.DataFrame:
    """Look up, for each timestamp, the last value of every context column at or before it.

    `timestamps` (int64 ns) ascend; `context` is sorted by its `timestamp`. Nulls are filled with the value before.
    Before the first value the result is NaN.
    """
    known = context.with_columns(pl.exclude("timestamp").forward_fill()).set_sorted("timestamp")
    wanted = timestamps.set_sorted().to_frame("timestamp")
    return wanted.join_asof(known, on="timestamp", strategy="backward").with_columns(
        pl.exclude("timestamp").fill_null(float("nan"))
    )
