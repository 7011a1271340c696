"""What is kept of every trial's record: sums over blocks of time, and the shape of its returns.

They are committed with a batch, as the table `blocks`, so that the statistics of a study read a kilobyte of each trial
and never its returns. With folds, a trial's record is its test segments one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.statistics.blocks import BlockSums, Records, block_bounds, standard_blocks
from backsweep.trial.folds import TEST, record_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from backsweep.study.folder import StudyFolder
    from backsweep.study.parts import Entry
    from backsweep.study.table import Results
    from backsweep.trial.folds import Segment

BLOCKS_TABLE = "blocks"
FEWEST = 4
"""Sessions of which block sums can be made."""

_ROWS = 32  # records at a time, which the processor's cache holds


def block_rows(results: Results, segments: Sequence[Segment]) -> pl.DataFrame:
    """Give a batch's rows of `blocks`; a failed or pruned trial has none."""
    record = results.returns
    if segments:
        record = record[:, record_places(segments)]
    known = ~(results.failed | results.pruned)
    return summarise_records(np.asarray(results.numbers, dtype=np.int64)[known], record[known])


def summarise_records(numbers: NDArray[np.int64], record: NDArray[np.float32]) -> pl.DataFrame:
    """Give one row per trial: number, sessions, skew, kurtosis, whether it lost in any session, and block sums.

    `record` is float32[k, sessions]; a session without a return, such as after ruin, earned nothing.
    """
    count, sessions = record.shape
    record = np.nan_to_num(record, nan=0.0)
    blocks = standard_blocks(sessions) if sessions >= FEWEST else 0
    sums, squares = (np.zeros((count, blocks), dtype=np.float32) for _ in range(2))
    skew, kurtosis = (np.full(count, np.nan) for _ in range(2))
    firsts = block_bounds(sessions, blocks)[:-1] if blocks else None
    for start in range(0, count if sessions else 0, _ROWS):
        part = slice(start, start + _ROWS)
        values = record[part].astype(np.float64)
        if firsts is not None:
            sums[part] = np.add.reduceat(values, firsts, axis=1)
            squares[part] = np.add.reduceat(values * values, firsts, axis=1)
        skew[part], kurtosis[part] = _moments(values)
    return pl.DataFrame(
        {
            "number": numbers,
            "sessions": np.full(count, sessions, dtype=np.int32),
            "skew": pl.Series(skew).fill_nan(None),
            "kurtosis": pl.Series(kurtosis).fill_nan(None),
            "lost": (record < 0.0).any(axis=1),
            "sums": _lists(sums),
            "squares": _lists(squares),
        }
    )


def read_records(folder: StudyFolder, entries: list[Entry]) -> Records | None:
    """Read what is kept of a study's trials; None if no trial has a record of four sessions."""
    return gather_records(_parts(folder, entries))


def gather_records(parts: Iterable[pl.DataFrame]) -> Records | None:
    """Put rows of `blocks` together; None without a record of four sessions, or where trials have different ones."""
    rows = pl.concat([*parts, summarise_records(np.empty(0, np.int64), np.empty((0, 0), np.float32))])
    sessions = rows["sessions"].unique()
    if len(sessions) != 1 or sessions[0] < FEWEST:
        return None
    blocks = standard_blocks(sessions[0])
    sums, squares = (rows[name].explode().to_numpy().reshape(-1, blocks) for name in ("sums", "squares"))
    counts = np.diff(block_bounds(sessions[0], blocks))
    skew, kurtosis = (rows[name].fill_null(np.nan).to_numpy() for name in ("skew", "kurtosis"))
    return Records(rows["number"].to_numpy(), BlockSums(sums, squares, counts), skew, kurtosis, rows["lost"].to_numpy())


def _parts(folder: StudyFolder, entries: list[Entry]) -> Iterator[pl.DataFrame]:
    """Give the parts of `blocks`; those that were committed without are made from their returns."""
    for entry in entries:
        if BLOCKS_TABLE in entry.files:
            yield from folder.parts(BLOCKS_TABLE, [entry])
            continue
        for part in folder.parts("returns", [entry]):
            yield rows_of_returns(part)


def rows_of_returns(part: pl.DataFrame) -> pl.DataFrame:
    """Make rows of `blocks` from rows of `returns`."""
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


def _moments(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return skew and kurtosis (population moments, not in excess) of each row; NaN where it does not vary."""
    deviations = values - values.mean(axis=1, keepdims=True)
    squares = deviations * deviations
    variance = squares.mean(axis=1)
    variance[variance == 0.0] = np.nan
    third, fourth = (np.einsum("ij,ij->i", squares, each) / values.shape[1] for each in (deviations, squares))
    return third / variance**1.5, fourth / variance**2
