"""A study's folder as data: its tables, its trials, and how it was made."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.errors import BadInput, StudyConflict
from backsweep.study.results.importances import importances_of_trials
from backsweep.study.results.recorded_space import recorded_space
from backsweep.study.results.state import State, read_state
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.holdout_log import HoldoutUse, read_uses
from backsweep.study.store.lookahead_record import Passed, read_passed
from backsweep.study.table.columns import ASSET_GROUP, PARAMS, USER_ATTRS, VALUE, VALUES
from backsweep.study.table.digest import digest
from backsweep.study.table.trials import TIMING, best_first, best_row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from backsweep.study.search.space import Space
    from backsweep.study.store.entry import Entry
    from backsweep.study.store.growth import Growth
    from backsweep.study.store.identity import Identity
    from backsweep.sweepfile.sweep import Sweep


class StudyData:
    """A study's folder, or the URL of one, as data, read once and cached."""

    def __init__(self, path: str | Path) -> None:
        self._folder = StudyFolder(path)
        self.path = self._folder.path
        if not self._folder.exists:
            remedy = "pass the folder that holds study.json; a new run creates it after loading the data"
            raise StudyConflict("no study here", where=str(path), remedy=remedy)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, trials={len(self.trials)})"

    @cached_property
    def identity(self) -> Identity:
        """What was run: sweep, data and strategy."""
        return self._folder.identity()

    @cached_property
    def sweep(self) -> Sweep:
        """The sweep file as it was resolved at the study's beginning."""
        return self._folder.sweep()

    @property
    def history(self) -> tuple[Growth, ...]:
        """The times that it went on with data that had grown, the first one first."""
        return self._folder.history

    @cached_property
    def _entries(self) -> list[Entry]:
        return self._folder.entries()

    @cached_property
    def trials(self) -> pl.DataFrame:
        """The study table, one row per trial in the order of numbers."""
        return self._folder.rows("trials", self._entries)

    @cached_property
    def space(self) -> Space:
        """The search space; for a study of a version that did not record it, the ranges that its trials span."""
        return recorded_space(self.identity, self.trials, self.sweep.search)

    @cached_property
    def importances(self) -> dict[str, float]:
        """Each parameter's share in whether a trial is among the best tenth, the largest first; see `importances`.

        Of the completed trials with a defined objective; empty below 20 of them. With several objectives, the best are
        those of the first fronts. With groups of assets they are means over the groups.
        """
        return importances_of_trials(self.trials, self.space.dimensions, self.sweep.search)

    @cached_property
    def returns(self) -> pl.DataFrame:
        """Per-session returns: number, fold, segment, returns (list of float32, null for a failed or pruned run).

        Of all trials, 4 bytes a session: `rows` reads those of some.
        """
        return self._folder.rows("returns", self._entries)

    @cached_property
    def sessions(self) -> pl.Series:
        """The sessions' ends, as many as a trial has returns."""
        return self._folder.sessions()["timestamp"]

    @property
    def session_dates(self) -> pl.Series:
        """The sessions' dates on the clock of the data."""
        return self._folder.sessions()["date"]

    @cached_property
    def folds(self) -> pl.DataFrame:
        """Walk-forward: one row per trial, fold and segment; empty without.

        Of all trials: `rows` reads those of some.
        """
        return self._folder.rows("folds", self._entries)

    @property
    def has_folds(self) -> bool:
        """Whether it has trials on folds."""
        return self.sweep.walk_forward is not None and bool(self._entries)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The assets of each group by its name, where groups have trials of their own (`search.asset_groups`)."""
        return self.sweep.search.named_groups

    def group_of(self, number: int) -> str | None:
        """Return the group of assets that a trial ran on; None without groups."""
        return self.trials[ASSET_GROUP][number] if self.groups else None

    def rows(self, table: str, numbers: Collection[int]) -> pl.DataFrame:
        """Read some trials' rows of a table, `trials`, `folds` or `returns`, from only the files that hold them."""
        found = [part.filter(part["number"].is_in(list(numbers))) for part in self._parts(table, numbers)]
        return pl.concat(found) if found else pl.DataFrame()

    def _parts(self, table: str, numbers: Collection[int] | None = None) -> Iterator[pl.DataFrame]:
        """Read a table part by part: all of it, or the parts with some trials; at least one part, for its columns."""
        entries = self._entries
        if numbers is not None:
            named = sorted(numbers)
            places = np.searchsorted(named, [(each.first, each.first + each.count) for each in entries]).reshape(-1, 2)
            entries = [each for each, (low, high) in zip(entries, places, strict=True) if low < high] or entries[:1]
        return self._folder.parts(table, entries)

    @property
    def holdout_uses(self) -> list[HoldoutUse]:
        """The recorded looks at the holdout."""
        return read_uses(self.path, self.identity.hash)

    @property
    def lookahead(self) -> Passed | None:
        """The test for look-ahead that the strategy passed on these data; None where it has not been tested."""
        return read_passed(self.path, self.identity)

    @property
    def best(self) -> dict[str, Any] | None:
        """The best feasible trial: `number, value` (or `values`), `params`, `metrics`; None if there is none.

        In walk-forward its metrics are the means over the trainings of all folds.
        """
        row = best_row(self.trials, self.sweep.search) if len(self.trials) else None
        return None if row is None else self.describe(int(row["number"]))

    def top(self, count: int) -> pl.DataFrame:
        """Return the `count` best trials, best first: feasible by objective, then undefined, infeasible, failed.

        With several objectives they come by non-dominated fronts, numbered in `front`; see `table.best_first`.
        """
        return best_first(self.trials, self.sweep.search).head(count) if len(self.trials) else self.trials

    def describe(self, number: int) -> dict[str, Any]:
        """One trial as `number, value` (or `values`), `params` and `metrics`; raises BadInput if it is not there.

        With groups of assets it has `asset_group`, too. A parameter that its condition rules out is not among `params`.
        """
        if not 0 <= number < len(self.trials):
            found = f"trial {number}"
            raise BadInput("no such trial", where=str(self.path), expected=f"0 to {len(self.trials) - 1}", found=found)
        row = self.trials.row(number, named=True)
        values = {"value": row[VALUE]} if VALUE in row else {"values": _strip(row, VALUES)}
        params = {
            name: value
            for name, value in _strip(row, PARAMS).items()
            if value is not None or name not in self.space.conditional
        }
        group = {ASSET_GROUP: row[ASSET_GROUP]} if ASSET_GROUP in row else {}
        return {"number": number, **group, **values, "params": params, "metrics": _strip(row, USER_ATTRS)}

    def digest(self) -> str:
        """SHA-256 of everything that is reproducible in the trials, their folds and their returns, hexadecimal.

        All columns count but `datetime_start`, `datetime_complete` and `duration`. It does not depend on where and
        in which parts the study was run, so two studies of one sweep can be compared by it.
        """
        trials = (rows.drop(TIMING) for rows in self._folder.parts("trials", self._entries))
        others = {table: self._folder.parts(table, self._entries) for table in ("folds", "returns")}
        return digest({"trials": trials, **others})

    def verify(self) -> None:
        """Read every file that counts; raises StudyConflict for one that is missing or not what was written."""
        self._folder.identity()
        self._folder.sessions()
        for table in sorted({table for entry in self._entries for table in entry.files}):
            for _ in self._folder.parts(table, self._entries):
                pass

    @property
    def state(self) -> State:
        """The state of the study."""
        return read_state(self._folder, self.sweep, self.identity, self._entries, self.trials, self.space)


def _strip(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
