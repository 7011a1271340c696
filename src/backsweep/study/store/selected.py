"""`selected/`: the records of what a study has selected, and `params.json`, which describes them and is written last.

A backtest writes the same into a folder of the user's choice. It writes a `params.json` first that marks its records as
unfinished: if it is killed, a repetition may overwrite them, and they are not mistaken for those of another backtest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backsweep.errors import StudyConflict
from backsweep.study.store.documents import STRICT, Count, read_plain
from backsweep.study.store.manifest import parquet_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from backsweep.storage.protocol import Files

SELECTED = "selected/"
PARAMS = "params.json"

REWRITE = "remove the file, then run the same command: it is written again"

Params = dict[str, float | int | bool | str | None]
Metrics = dict[str, float | None]


@dataclass(frozen=True)
class Choice:
    """What a fold selected, with its metrics in the fold's test; no metrics where there is none."""

    __pydantic_config__ = STRICT

    fold: Count
    number: Count
    params: Params
    metrics: Metrics | None


@dataclass(frozen=True)
class Making:
    """How a backtest was made: its resolved sweep file, digests of data and strategy, versions, and the command.

    The command reads the resolved file as sweep.yaml.
    """

    __pydantic_config__ = STRICT

    sweep: dict[str, Any]
    data: str
    strategy: str
    versions: dict[str, str]
    command: str


@dataclass(frozen=True)
class Selected:
    """The subject of records: parameters with their metrics, the choices of a walk-forward's folds, or unfinished.

    In a walk-forward, `params` are those of the final choice, or without one of the last fold's. Where groups of assets
    have parameters of their own, they are in `groups`, by the group's name. A backtest has its `making`, which
    of a study is in the study's folder.
    """

    __pydantic_config__ = STRICT

    params: Params | None
    metrics: Metrics = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)
    groups: dict[str, Params] = field(default_factory=dict)
    folds: tuple[Choice, ...] = ()
    final: int | None = None
    unfinished: bool = False
    making: Making | None = None


def read_selected(files: Files, folder: str = SELECTED) -> Selected | None:
    """Read the subject of the records in a folder; None without, StudyConflict for an invalid file."""
    name = folder + PARAMS
    return read_plain(files, name, Selected, REWRITE) if files.exists(name) else None


def write_selected(
    files: Files, records: Mapping[str, pl.DataFrame], content: dict[str, Any], folder: str = SELECTED
) -> None:
    """Write records as Parquet, and last their subject."""
    for name, rows in records.items():
        files.replace(f"{folder}{name}.parquet", parquet_bytes(rows))
    files.replace(folder + PARAMS, _encoded(content))


def begin_records(files: Files, records: Iterable[str]) -> None:
    """Write an unfinished `params.json` into a backtest's folder, replacing an older backtest's.

    Raises StudyConflict where files with the records' names are in a folder that holds no backtest.
    """
    if read_selected(files, "") is None and (
        held := [name for name in (f"{each}.parquet" for each in records) if files.exists(name)]
    ):
        raise StudyConflict(
            "the records would replace files that are not a backtest's",
            where=str(files.location),
            expected=f"a folder without such files, or the records of a backtest with their {PARAMS}",
            found=", ".join(held),
            remedy="choose another folder with --out, or remove them if they are of a backtest that was killed",
        )
    files.replace(PARAMS, _encoded({"params": None, "unfinished": True}))


def _encoded(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
