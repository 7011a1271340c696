"""What a study's benchmark, and all its assets bought and held, are worth: `selected/benchmark.parquet`.

Written when a run ends, from the data that the study ran on. Which sessions are looked at is decided when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backsweep.errors import StudyConflict
from backsweep.study.store.manifest import parquet_bytes
from backsweep.study.store.selected import REWRITE, SELECTED
from backsweep.study.store.stored_tables import decoded
from backsweep.trial.benchmark import Levels, tabulate_benchmarks
from backsweep.trial.folds import TEST
from backsweep.trial.session_range import SessionRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.storage.protocol import Files
    from backsweep.trial.folds import Segment

BENCHMARKS = f"{SELECTED}benchmark.parquet"
_SCHEMA = {"timestamp": pl.Datetime("ns", "UTC"), "benchmark": pl.Float64(), "buy_and_hold": pl.Float64()}


def write_benchmarks(files: Files, sessions: pl.Series, levels: Levels) -> None:
    """Write levels, float64[sessions + 1] each; the first row, without a timestamp, is before the first session."""
    ends = pl.concat([pl.Series([None], dtype=_SCHEMA["timestamp"]), sessions.cast(_SCHEMA["timestamp"])])
    rows = pl.DataFrame({"timestamp": ends, **levels}).with_columns(pl.col(*levels).fill_nan(None))
    files.replace(BENCHMARKS, parquet_bytes(rows))


def read_benchmarks(files: Files, sessions: pl.Series) -> Levels:
    """Read the levels; empty where no run has ended. Raises StudyConflict for a file that is not of these sessions."""
    if not files.exists(BENCHMARKS):
        return {}
    rows = decoded(files, BENCHMARKS, files.get(BENCHMARKS))
    if dict(rows.schema) != _SCHEMA or not rows["timestamp"][1:].equals(sessions):
        raise StudyConflict(
            "the benchmark is not of the study's sessions",
            where=files.where(BENCHMARKS),
            expected=", ".join(_SCHEMA) + " for each session",
            found=f"{rows.height:,} rows of {', '.join(rows.columns)}",
            remedy=REWRITE,
        )
    return {name: rows[name].fill_null(float("nan")).to_numpy() for name in rows.columns[1:]}


def compare_benchmarks(levels: Levels, sessions: int, segments: Sequence[Segment], per_year: float) -> pl.DataFrame:
    """Return the figures of each benchmark over all tests (`fold` null), then over each fold's; see `trial.benchmark`.

    Without `segments` there is one row for each, over all `sessions`.
    """
    tests = {segment.fold: segment.ranges for segment in segments if segment.name == TEST}
    every = sorted({each for ranges in tests.values() for each in ranges}) or [SessionRange(0, sessions)]
    return tabulate_benchmarks(levels, per_year, [(None, every), *tests.items()])
