"""A study as one of Optuna's, for its plots and its dashboard.

How trials are shown: number, state, parameters with their distributions, metrics as user attributes, constraints and
times as they are in the study table. Optuna knows no completed trial without a value: one whose objective is undefined
is shown as failed, with the user attribute `undefined: true`. A failed trial's error is the user attribute `error`, the
group of assets that a trial ran on `asset_group`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from backsweep.study.search.optuna_proposer import distribution
from backsweep.study.table.columns import ASSET_GROUP, CONSTRAINTS, PARAMS, USER_ATTRS
from backsweep.study.table.trials import value_columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl
    from optuna.storages import BaseStorage

    from backsweep.study.search.space import Space
    from backsweep.sweepfile.sweep import Sweep


class _Memory(BaseJournalBackend):
    """A journal in memory: Optuna's own writes a file for every trial, and waits for the disk each time."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self.logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.logs += logs


def to_optuna(sweep: Sweep, space: Space, trials: pl.DataFrame) -> optuna.Study:
    """Return a study in memory from its study table."""
    return _fill(InMemoryStorage(), sweep, space, trials)


def journal_bytes(sweep: Sweep, space: Space, trials: pl.DataFrame) -> bytes:
    """Return a study as an Optuna journal, which `optuna-dashboard FILE` and `JournalFileBackend(FILE)` read."""
    memory = _Memory()
    _fill(JournalStorage(memory), sweep, space, trials)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        JournalFileBackend(str(path)).append_logs(memory.logs)
        return path.read_bytes()


def _fill(storage: BaseStorage, sweep: Sweep, space: Space, trials: pl.DataFrame) -> optuna.Study:
    goals = sweep.search.objective
    directions = [StudyDirection.MAXIMIZE if goal.maximize else StudyDirection.MINIMIZE for goal in goals]
    name = sweep.study
    key = storage.create_new_study(directions, name)
    if len(goals) > 1:
        storage.set_study_system_attr(key, "study:metric_names", [goal.metric for goal in goals])
    spread = {axis.name: distribution(axis) for axis in space.dimensions}
    objectives = value_columns(sweep.search)
    for row in trials.iter_rows(named=True):
        values = [row[column] for column in objectives]
        undefined = row["state"] == "COMPLETE" and None in values
        metrics = {column.removeprefix(USER_ATTRS): row[column] for column in row if column.startswith(USER_ATTRS)}
        notes = {**({"undefined": True} if undefined else {}), **({"error": row["error"]} if row["error"] else {})}
        notes |= {ASSET_GROUP: row[ASSET_GROUP]} if ASSET_GROUP in row else {}
        complete = row["state"] == "COMPLETE" and not undefined
        trial = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=TrialState.FAIL if undefined else TrialState[row["state"]],
            value=None,
            values=values if complete else None,
            datetime_start=row["datetime_start"],
            datetime_complete=row["datetime_complete"],
            params=(params := _params(space, row)),
            distributions={axis_name: spread[axis_name] for axis_name in params},
            user_attrs={**metrics, **notes},
            system_attrs={},
            intermediate_values={},
        )
        for column, excess in row.items():
            if column.startswith(CONSTRAINTS) and excess is not None:
                trial.set_constraint(column.removeprefix(CONSTRAINTS), excess)
        storage.create_new_trial(key, trial)
    return optuna.load_study(study_name=name, storage=storage)


def _params(space: Space, row: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that a trial has, in the types of their axes."""
    found = {}
    for axis in space.dimensions:
        value = row[PARAMS + axis.name]
        if value is not None or axis.nullable:
            found[axis.name] = axis.plain(axis.number(value))
    return found
