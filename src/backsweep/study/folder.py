"""A study's folder: `study.json`, written once, and the parts of its table.

A batch is committed when its part in `trials/` exists; its part in `returns/` is written before. Whatever else lies in
the folder was not committed and does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.errors import StudyConflict
from backsweep.study.identity import Identity
from backsweep.study.parts import parquet_bytes, part_numbers, part_path, put, put_part, read_parts, remove_part

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_SHOWN = 8  # differences that a message lists


class StudyFolder:
    """Reads and writes one study's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._trials = path / "trials"
        self._returns = path / "returns"

    @property
    def exists(self) -> bool:
        """Whether a study was begun here."""
        return (self.path / "study.json").exists()

    def identity(self) -> Identity:
        """Read `study.json`; raises StudyConflict if it is not one."""
        path = self.path / "study.json"
        try:
            return Identity.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError) as error:
            remedy = "give a folder that `backsweep run` made"
            raise StudyConflict("not a study", where=str(path), found=str(error), remedy=remedy) from None

    def check(self, identity: Identity) -> None:
        """Refuse to mix two studies: raises StudyConflict with what changed, if another study was begun here."""
        if not self.exists:
            if self.path.exists() and any(self._trials.glob("*")):
                raise StudyConflict(
                    "trials without a study.json", where=str(self.path), remedy="give another folder with --out"
                )
            return
        changed = self.identity().differences(identity)
        if changed:
            more = [f"and {len(changed) - _SHOWN} more"] if len(changed) > _SHOWN else []
            raise StudyConflict(
                "another study lies in this folder",
                where=str(self.path),
                expected="the sweep file, data and strategy that it was begun with",
                found="; ".join(changed[:_SHOWN] + more),
                remedy="give another folder with --out or another name with `study:`, or undo the change",
            )

    def create(self, identity: Identity, sessions: NDArray[np.int64]) -> None:
        """Begin the study, or do nothing if it was begun; `sessions` are session ends in nanoseconds UTC."""
        if not self.exists:
            ends = pl.DataFrame({"timestamp": pl.Series(sessions).cast(pl.Datetime("ns", "UTC"))})
            put(self.path / "sessions.parquet", parquet_bytes(ends))
            put(self.path / "study.json", identity.to_json().encode())

    def clear_uncommitted(self) -> None:
        """Remove returns whose trials were never written: a run ended between the two."""
        for first in set(part_numbers(self._returns)) - set(part_numbers(self._trials)):
            remove_part(self._returns, first)

    def commit(self, trials: pl.DataFrame, returns: pl.DataFrame) -> bool:
        """Write a batch's rows; False if that batch was committed already, and then nothing changes."""
        first = int(trials["number"][0])
        if part_path(self._trials, first).exists():
            return False
        put_part(self._returns, first, returns)
        return put_part(self._trials, first, trials)

    def trials(self) -> pl.DataFrame:
        """Read the study table, in the order of trials; raises StudyConflict if a part is missing."""
        rows = read_parts(self._trials, part_numbers(self._trials))
        if len(rows):
            numbers = rows["number"].to_numpy()
            gaps = np.flatnonzero(numbers != np.arange(len(numbers)))
            if len(gaps):
                raise StudyConflict(
                    "a part of the study table is missing",
                    where=str(self._trials),
                    expected=f"trial {gaps[0]} next",
                    found=f"trial {numbers[gaps[0]]}",
                    remedy="restore the missing file from a copy, or begin again in another folder",
                )
        return rows

    def returns(self) -> pl.DataFrame:
        """Read the per-session returns of all committed trials, in the order of trials."""
        return read_parts(self._returns, part_numbers(self._trials))

    def folds(self) -> pl.DataFrame:
        """Read the walk-forward rows; empty without walk-forward."""
        folder = self.path / "folds"
        return read_parts(folder, part_numbers(folder))

    def sessions(self) -> pl.Series:
        """Read the session ends: Datetime(ns, UTC), as many as the returns of a trial."""
        return pl.read_parquet(self.path / "sessions.parquet")["timestamp"]
