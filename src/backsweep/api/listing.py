"""All studies of a folder, a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.errors import BacksweepError, BadInput
from backsweep.storage.open import open_files
from backsweep.study.results.study import open_study
from backsweep.study.store.folder import StudyFolder

if TYPE_CHECKING:
    from pathlib import Path

    from backsweep.storage.protocol import Files

SCHEMA: dict[str, Any] = {
    "study": pl.String,
    "path": pl.String,
    "state": pl.String,
    "trials": pl.Int64,
    "total": pl.Int64,
    "failed": pl.Int64,
    "objective": pl.String,
    "best": pl.Float64,
    "verdict": pl.String,
    "last": pl.Datetime("us", "UTC"),
}
"""`best` is the value of the first objective of the best feasible trial; `last` is when the last trial ended."""


def list_studies(folder: str | Path = "studies") -> pl.DataFrame:
    """Return the studies directly below a folder, the latest first, with the columns of `SCHEMA`.

    A study whose state cannot be read has the reason in `state`. Raises BadInput where there is no such folder, or no
    study in it.
    """
    files = open_files(folder)
    try:
        places = files.inside()
    except FileNotFoundError:
        places = []
    rows = [row for place in places if (row := _row(place)) is not None]
    if not rows:
        raise BadInput(
            "no study here",
            where=str(folder),
            expected="a folder with the folders of studies",
            found="none that has a study.json" if places else "an empty folder, or none",
            remedy="backsweep run SWEEP.yaml makes one; name another folder with backsweep list FOLDER",
        )
    return pl.DataFrame(rows, schema=SCHEMA).sort("last", "study", descending=[True, False], nulls_last=True)


def _row(place: Files) -> dict[str, Any] | None:
    name = str(place.location).rstrip("/").rpartition("/")[2]
    row: dict[str, Any] = {"study": name, "path": str(place.location)}
    try:
        if not StudyFolder(place.location).exists:
            return None
        study = open_study(place.location)
        state, best, goal = study.state, study.best, study.sweep.search.objective[0]
        values = {} if best is None else (best.get("values") or {goal.metric: best["value"]})
        found = study.statistics
        row |= {
            "state": "finished" if state.finished else "unfinished",
            "trials": state.done,
            "total": state.total,
            "failed": state.failed,
            "objective": f"{'maximize' if goal.maximize else 'minimize'} {goal.metric}",
            "best": next(iter(values.values()), None),
            "verdict": None if found is None else found.verdict.verdict,
            "last": study.trials["datetime_complete"].max() if state.done else None,
        }
    except BacksweepError as error:
        row["state"] = f"cannot be read: {error.problem}" if isinstance(error, BadInput) else "cannot be read"
    return row
