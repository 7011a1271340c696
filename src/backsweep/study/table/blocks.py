"""The summary of every trial's record: sums over blocks of time, and moments of its returns.

It is committed with a batch, as the table `blocks`, so that the statistics of a study read a kilobyte of each trial and
not its returns. With folds, a trial's record is its test segments one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.statistics.blocks import FEWEST_SESSIONS, BlockSums, Records, block_bounds, standard_blocks
from backsweep.trial.block_sums import sum_records
from backsweep.trial.folds import TEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from backsweep.study.table.outcomes import Outcomes
    from backsweep.trial.contract import RecordSums
    from backsweep.trial.folds import Segment

BLOCKS_TABLE = "blocks"


def block_rows(results: Outcomes, segments: Sequence[Segment]) -> pl.DataFrame:
    """Return a batch's rows of `blocks`; a failed or pruned trial has none."""
    ended = results.failed | results.pruned
    known = ~ended if ended.any() else slice(None)  # without a copy, where all are
    numbers = np.asarray(results.numbers, dtype=np.int64)[known]
    kept = (
        sum_records(results.returns[known], segments) if results.record_sums is None else results.record_sums.of(known)
    )
    return _rows(numbers, kept)


def summarise_records(numbers: NDArray[np.int64], record: NDArray[np.float32]) -> pl.DataFrame:
    """Compute the rows of `blocks` of trials with these returns, float32[k, sessions]."""
    return _rows(numbers, sum_records(record))


def _rows(numbers: NDArray[np.int64], kept: RecordSums) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "number": numbers,
            "sessions": np.full(len(numbers), kept.sessions, dtype=np.int32),
            "skew": pl.Series(kept.skew, nan_to_null=True),
            "kurtosis": pl.Series(kept.kurtosis, nan_to_null=True),
            "lost": kept.lost,
            "sums": _lists(kept.sums),
            "squares": _lists(kept.squares),
        }
    )


def gather_records(parts: Iterable[pl.DataFrame]) -> Records | None:
    """Combine rows of `blocks`; None without a record of four sessions, or if the lengths of records differ."""
    rows = pl.concat([*parts, summarise_records(np.empty(0, np.int64), np.empty((0, 0), np.float32))])
    sessions = rows["sessions"].unique()
    if len(sessions) != 1 or sessions[0] < FEWEST_SESSIONS:
        return None
    blocks = standard_blocks(sessions[0])
    sums, squares = (rows[name].explode().to_numpy().reshape(-1, blocks) for name in ("sums", "squares"))
    counts = np.diff(block_bounds(sessions[0], blocks))
    skew, kurtosis = (rows[name].fill_null(np.nan).to_numpy() for name in ("skew", "kurtosis"))
    return Records(rows["number"].to_numpy(), BlockSums(sums, squares, counts), skew, kurtosis, rows["lost"].to_numpy())


def rows_of_returns(part: pl.DataFrame) -> pl.DataFrame:
    """Compute rows of `blocks` from rows of `returns`."""
    rows = part.filter(part["returns"].is_not_null())
    tests = rows.filter(rows["segment"] == TEST)
    rows = (tests if len(tests) else rows).sort("number", "fold", maintain_order=True)
    numbers = rows["number"].unique().sort().to_numpy()
    values = rows["returns"].explode().to_numpy() if len(rows) else np.empty(0, np.float32)
    return summarise_records(numbers, values.reshape(len(numbers), -1 if len(numbers) else 0))


def _lists(values: NDArray[np.float32]) -> pl.Series:
    if not values.size:
        return pl.Series([[]] * len(values), dtype=pl.List(pl.Float32))
    return pl.Series(values.reshape(-1), dtype=pl.Float32).reshape(values.shape).cast(pl.List(pl.Float32))
