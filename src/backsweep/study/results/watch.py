"""A study that another process runs, read repeatedly: each time only what was committed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backsweep.study.results.state import State
from backsweep.study.results.study import open_study
from backsweep.study.store.folder import StudyFolder
from backsweep.study.table.trials import best_first, standing

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from backsweep.sweepfile.search import Search


class Watch:
    """The state and the `count` best trials of the study in a folder; raises StudyConflict if there is none.

    Rows are read once, and only the best are kept in memory: the cost of a look depends on the new rows only.
    """

    def __init__(self, path: Path | str, count: int) -> None:
        study = open_study(path)
        self.search: Search = study.sweep.search
        self._folder = StudyFolder(path)
        self._name, self._hash = study.sweep.study, study.identity.hash
        self._count = count
        self._read = self._done = self._failed = self._pruned = self._batches = 0
        self._total = self.search.trials
        self._best = self._kept = pl.DataFrame()
        self._path, self._ended = path, ""
        self._sign = self.search.objective[0].sign
        self.curve: NDArray[np.float64] = np.zeros(0)
        """The best value of the first objective after each committed trial; NaN before the first that counts."""

    def look(self) -> tuple[State, pl.DataFrame]:
        """Read new commits; returns the study's state and its best trials, best first."""
        entries = self._folder.entries()
        new = entries[self._read :]
        if new:
            rows = self._folder.rows("trials", new)
            self._read, self._total = len(entries), new[-1].total
            self._done += len(rows)
            self._failed += int((rows["state"] == "FAIL").sum())
            self._pruned += int((rows["state"] == "PRUNED").sum())
            self._batches = int(rows["batch"][-1]) + 1
            self._extend_curve(rows)
            candidates = pl.concat([self._kept, rows]) if len(self._kept) else rows
            ordered = best_first(candidates, self.search)
            self._best = ordered.head(self._count)
            first = (
                int((ordered["front"] == 1).sum()) if "front" in ordered.columns else 0
            )  # decides who is on it later
            self._kept = ordered.head(max(self._count, first)).select(rows.columns)
        elif entries and entries[-1].patience is not None and not self._ended:
            self._ended = open_study(self._path).state.ended
        total = None if self._total is None else max(self._total, self._done)
        counts = (self._done, total, self._failed, self._batches, self._pruned)
        state = State(self._name, self._hash, *counts, ended=self._ended)
        return state, self._best

    def _extend_curve(self, rows: pl.DataFrame) -> None:
        """Add what was the best after each of some new trials."""
        loss, counts = standing(rows, self.search)
        before = -self._sign * self.curve[-1:]
        found = np.concatenate([before, np.where(counts, loss[:, 0], np.nan)])
        self.curve = np.concatenate([self.curve, -self._sign * np.fmin.accumulate(found)[len(before) :]])
