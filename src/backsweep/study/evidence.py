"""What a study's results are worth: its statistics, from its table and returns alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.statistics.blocks import BlockSums, block_bounds, block_sums, standard_blocks
from backsweep.statistics.findings import Findings, find
from backsweep.study.folder import StudyFolder
from backsweep.trial.runner import SESSIONS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl
    from numpy.typing import NDArray

    from backsweep.study.identity import Identity

_PLAIN = ("random", "sobol", "grid")  # samplers that do not learn from results
_FEWEST = 4  # sessions of which block sums can be made
_LEARNED = "The sampler learned from earlier trials; the tests take the trials as if they had been chosen beforehand."


def weigh(trials: pl.DataFrame, returns: Iterable[pl.DataFrame], earlier: int, sampler: str) -> Findings | None:
    """Return the findings on a study, or None if no trial has four sessions of returns.

    `trials` is the study table and `returns` its parts, read one by one; `earlier` counts trials of earlier studies,
    which are tried as much as these. With walk-forward, a trial's record is its test segments one after the other.
    """
    records = _collect(returns)
    if records is None:
        return None
    found = find(
        records.kept,
        records.skew,
        records.kurtosis,
        records.numbers,
        len(trials) + earlier,
        SESSIONS_PER_YEAR,
        records.losers,
    )
    if sampler in _PLAIN:
        return found
    return replace(found, verdict=replace(found.verdict, warnings=(*found.verdict.warnings, _LEARNED)))


def earlier_trials(folder: StudyFolder, identity: Identity) -> int:
    """Count the trials of the other studies beside `folder` on the same data with a strategy of the same name.

    A study that is this one over again, or another one over again, is not counted twice. Raises StudyConflict for a
    study that cannot be read: its trials would be missing from the count.
    """
    counts = {identity.hash: 0}
    for other in folder.neighbours():
        theirs = other.identity()
        if theirs.data == identity.data and _strategy(theirs) == _strategy(identity) and theirs.hash != identity.hash:
            entries = other.entries()
            count = entries[-1].first + entries[-1].count if entries else 0
            counts[theirs.hash] = max(counts.get(theirs.hash, 0), count)
    return sum(counts.values())


def _strategy(identity: Identity) -> str:
    return str(identity.sweep["strategy"]).rpartition(":")[2]


@dataclass(frozen=True, eq=False)
class _Records:
    """What is kept of k trials' records: block sums in float32, moments, and whether each ever lost."""

    numbers: NDArray[np.int64]
    kept: BlockSums
    skew: NDArray[np.float64]
    kurtosis: NDArray[np.float64]
    losers: NDArray[np.bool_]


def _collect(returns: Iterable[pl.DataFrame]) -> _Records | None:
    """Read the parts of a study's returns; failed trials are left out. None without four sessions of any."""
    collected: list[tuple[NDArray[Any], ...]] = []
    sessions = 0
    for part in returns:
        rows = part.filter(part["returns"].is_not_null())
        tests = rows.filter(rows["segment"] == "test")
        rows = (tests if len(tests) else rows).sort("number", "fold", maintain_order=True)
        if not len(rows):
            continue
        found = rows["number"].unique().sort().to_numpy()
        record = rows["returns"].explode().to_numpy().reshape(len(found), -1)
        sessions = record.shape[1]
        if sessions < _FEWEST:
            return None
        # a session without a return, such as after ruin, earned nothing: no session is dropped, whatever the part holds
        record = np.nan_to_num(record, nan=0.0)
        sums = block_sums(record.T, standard_blocks(sessions), np.float32)
        collected.append((found, sums.sums, sums.squares, *_moments(record), (record < 0.0).any(axis=1)))
    if not collected:
        return None
    numbers, sums_, squares, skew, kurtosis, losers = (
        np.concatenate(column) for column in zip(*collected, strict=True)
    )
    counts = np.diff(block_bounds(sessions, sums_.shape[1]))
    return _Records(numbers, BlockSums(sums_, squares, counts), skew, kurtosis, losers)


def _moments(record: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return skew and kurtosis (population moments, not in excess) of each row; NaN where it does not vary."""
    deviations = record.astype(np.float64)
    deviations -= deviations.mean(axis=1, keepdims=True)
    variance = (deviations**2).mean(axis=1)
    variance[variance == 0.0] = np.nan
    return (deviations**3).mean(axis=1) / variance**1.5, (deviations**4).mean(axis=1) / variance**2
