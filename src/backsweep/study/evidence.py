"""What a study's results are worth: its statistics, from its table and returns alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from backsweep.statistics.blocks import BlockSums, block_bounds, block_sums, standard_blocks
from backsweep.statistics.findings import Findings, find
from backsweep.study.folder import StudyFolder
from backsweep.trial.runner import SESSIONS_PER_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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
    numbers, kept, losers = _collect(returns)
    if kept is None:
        return None
    rows = {name: trials[f"user_attrs_{name}"].to_numpy() for name in ("skew", "kurtosis")}
    moments = {name: values[numbers].astype(np.float64) for name, values in rows.items()}
    found = find(kept, moments["skew"], moments["kurtosis"], numbers, len(trials) + earlier, SESSIONS_PER_YEAR, losers)
    if sampler in _PLAIN:
        return found
    return replace(found, verdict=replace(found.verdict, warnings=(*found.verdict.warnings, _LEARNED)))


def earlier_trials(path: Path, identity: Identity) -> int:
    """Count the trials of the other studies beside `path` on the same data with a strategy of the same name.

    A study that is this one over again, or another one over again, is not counted twice. Raises StudyConflict for a
    study that cannot be read: its trials would be missing from the count.
    """
    counts = {identity.hash: 0}
    for other in sorted(path.absolute().parent.iterdir()):
        folder = StudyFolder(other)
        if not folder.exists:
            continue
        theirs = folder.identity()
        if theirs.data == identity.data and _strategy(theirs) == _strategy(identity) and theirs.hash != identity.hash:
            entries = folder.entries()
            count = entries[-1].first + entries[-1].count if entries else 0
            counts[theirs.hash] = max(counts.get(theirs.hash, 0), count)
    return sum(counts.values())


def _strategy(identity: Identity) -> str:
    return str(identity.sweep["strategy"]).rpartition(":")[2]


def _collect(returns: Iterable[pl.DataFrame]) -> tuple[NDArray[np.int64], BlockSums | None, NDArray[np.bool_]]:
    """Return trials' numbers, block sums in float32, and whether each trial ever lost; failed trials are left out."""
    numbers, sums, squares, losers, sessions = [], [], [], [], 0
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
            break
        # a session without a return, such as after ruin, earned nothing: no session is dropped, whatever the part holds
        part_sums = block_sums(np.nan_to_num(record, nan=0.0).T, standard_blocks(sessions), np.float32)
        numbers.append(found)
        sums.append(part_sums.sums)
        squares.append(part_sums.squares)
        losers.append((record < 0.0).any(axis=1))
    if not numbers:
        return np.empty(0, dtype=np.int64), None, np.empty(0, dtype=np.bool_)
    counts = np.diff(block_bounds(sessions, sums[0].shape[1]))
    kept = BlockSums(np.concatenate(sums), np.concatenate(squares), counts)
    return np.concatenate(numbers), kept, np.concatenate(losers)
