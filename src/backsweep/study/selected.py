"""`selected/`: the records of what a study has selected, and `params.json`, which says what that is and is put last."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backsweep.errors import StudyConflict
from backsweep.study.documents import STRICT, Count, read_plain
from backsweep.study.parts import parquet_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from backsweep.study.files import Files

SELECTED = "selected/"
PARAMS = "params.json"

REWRITE = "remove the file, then run the same command: it is written again"

Params = dict[str, float | int | bool | str]
Metrics = dict[str, float | None]


@dataclass(frozen=True)
class Choice:
    """What a fold chose, and how it fared in the fold's test; no metrics where there was none."""

    __pydantic_config__ = STRICT

    fold: Count
    number: Count
    params: Params
    metrics: Metrics | None


@dataclass(frozen=True)
class Selected:
    """What records are of: one parameter set with its metrics, or the choices of a walk-forward's folds."""

    __pydantic_config__ = STRICT

    params: Params | None
    metrics: Metrics = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)
    folds: tuple[Choice, ...] = ()


def read_selected(files: Files, folder: str = SELECTED) -> Selected | None:
    """Read what the records in a folder are of; None without, StudyConflict for a file that says something else."""
    name = folder + PARAMS
    return read_plain(files, name, Selected, REWRITE) if files.exists(name) else None


def write_selected(
    files: Files, records: Mapping[str, pl.DataFrame], content: dict[str, Any], folder: str = SELECTED
) -> None:
    """Write records as Parquet, and at last what they are of."""
    for name, rows in records.items():
        files.replace(f"{folder}{name}.parquet", parquet_bytes(rows))
    files.replace(folder + PARAMS, (json.dumps(content, indent=2) + "\n").encode())


def check_replaceable(files: Files, records: Iterable[str]) -> None:
    """Raise StudyConflict where files of these records' names lie in a place that holds no backtest."""
    if files.exists(PARAMS):
        read_selected(files, "")
        return
    if held := [name for name in (f"{each}.parquet" for each in records) if files.exists(name)]:
        raise StudyConflict(
            "the records would replace files that are not a backtest's",
            where=str(files.location),
            expected=f"a folder without such files, or the records of a backtest with their {PARAMS}",
            found=", ".join(held),
            remedy="give another folder with --out",
        )
