"""The results of a null study's histories, in the study's folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import StudyConflict
from backsweep.statistics.study_records import NullRank
from backsweep.storage.open import open_files
from backsweep.storage.protocol import RESTORE
from backsweep.storage.sealed import sealed
from backsweep.study.store.documents import STRICT, Count, Digest, Finite, Positive, read_document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER = "null"


@dataclass(frozen=True)
class History:
    """One permuted history and the annual Sharpe ratio that the search found in it, None where it found none.

    `study` is the hash of the real study, `trials` how many it and this one had, `block` how many sessions were
    permuted together, `number` the history's, from 0.
    """

    __pydantic_config__ = STRICT

    study: Digest
    trials: Positive
    block: Positive
    number: Count
    sharpe: Finite | None


def write_history(folder: Path | str, history: History) -> None:
    """Store a history's result, unless it is stored."""
    open_files(folder).put(_name(history.trials, history.number), sealed(asdict(history)))


def read_histories(folder: Path | str, study: str, trials: int, block: int | None = None) -> list[History]:
    """Read the histories of the study with this hash that were searched with `trials` trials, in their order.

    Raises StudyConflict for a file that is damaged or of another study, and where they are not all of the same `block`
    sessions.
    """
    found = []
    files = open_files(folder)
    names = [name for name in files.names(FOLDER) if name.startswith(f"{FOLDER}/{trials:09d}-")]
    for name, raw in zip(names, files.get_all(names), strict=True):
        history = read_document(files, name, History, raw)
        if history.study != study or name != _name(history.trials, history.number):
            raise StudyConflict(
                "a history of another study, or under another's name",
                where=files.where(name),
                expected=f"study {study[:16]}..., {trials} trials",
                found=f"study {history.study[:16]}..., {history.trials} trials, history {history.number}",
                remedy=RESTORE,
            )
        found.append(history)
    blocks = sorted({history.block for history in found} | ({block} if block is not None else set()))
    if len(blocks) > 1:
        raise StudyConflict(
            "the histories of this null study have another block length",
            where=files.where(FOLDER),
            expected=f"blocks of {found[0].block} sessions",
            found=f"blocks of {' and of '.join(map(str, blocks))}",
            remedy=f"use --block {found[0].block}: choosing among several null hypotheses is multiple testing",
        )
    return found


def rank(sharpe: float | None, histories: Sequence[History]) -> NullRank | None:
    """Rank the real result among the histories'; None without any."""
    if not histories:
        return None
    others = np.array([np.nan if history.sharpe is None else history.sharpe for history in histories])
    known = others[~np.isnan(others)]
    real = np.nan if sharpe is None else sharpe
    above = int(np.count_nonzero(known >= real))
    return NullRank(
        histories=len(histories),
        block=histories[0].block,
        sharpe=real,
        above=above,
        median=float(np.median(known)) if len(known) else np.nan,
        highest=float(known.max()) if len(known) else np.nan,
        p_value=np.nan if np.isnan(real) else (above + 1) / (len(histories) + 1),
    )


def _name(trials: int, number: int) -> str:
    return f"{FOLDER}/{trials:09d}-{number:06d}.json"
