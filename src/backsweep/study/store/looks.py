"""The looks that a study's verdict counts: those that came before it, recorded in its folder when a run of it ends.

How often results of these data and this strategy were there to be looked at decides what a result is worth, and what
is looked at afterwards cannot change that any more. So a verdict counts what `looks/<trials>.json` says, which is put
once, when a run ends with so many trials: when that was, how often this study's own result had been there, and which
other studies the registry knew. An extension has more trials, and with them a record of its own, which counts the first
run and all studies made in between. Of two studies that run at the same time, the one that ends last counts the other.
None of this is part of the study's digest.

A study without such a record - it is running, its run was killed, it is older than these records, or something beside
it could not be read when it ended - counts what the registry knows now, and its findings say so. What could not be read
may be a study that counts: a record without it would understate the number of looks for good. The next run writes it.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from backsweep.errors import BadInput, StudyConflict
from backsweep.statistics.study_records import Look
from backsweep.storage.open import open_files
from backsweep.storage.protocol import RESTORE
from backsweep.storage.sealed import sealed
from backsweep.study.store.documents import STRICT, Count, Digest, Positive, read_document
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.holdout_log import read_uses
from backsweep.study.store.registry import RegisteredStudy, describe_study, other_studies, past_of, registering

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LOGGER = logging.getLogger(__name__)

FOLDER = "looks"

_NAMED = 3  # places that a warning lists


@dataclass(frozen=True)
class Record:
    """What is kept when a run ends: a study with so many trials, the time, its own looks, and the studies before it.

    `touches` is how many looks at the holdout are among its own.
    """

    __pydantic_config__ = STRICT

    study: Digest
    trials: Positive
    time: str
    own: Positive
    touches: Count
    before: tuple[RegisteredStudy, ...]


@dataclass(frozen=True)
class Looks:
    """What a verdict counts, and what came later.

    Attributes
    ----------
    counted : when the looks were counted, ISO 8601, UTC; empty where the study has no record of it, and counts now.
    own : how often this study's own result had been there to be looked at, this time included.
    before : the other studies that count, each as far as it had come.
    later : what was looked at afterwards: studies, what others were extended by, and looks at this study's holdout.

    """

    counted: str
    own: int
    before: tuple[Look, ...]
    later: tuple[Look, ...] = ()

    @property
    def total(self) -> int:
        """How often a result was there to be looked at."""
        return self.own + sum(each.times for each in self.before)


@contextmanager
def recording_looks(path: Path | str) -> Iterator[None]:
    """Register the study at `path` and record the looks before it when the block ends, however it ends."""
    try:
        with registering(path):
            yield
    finally:
        record_looks(path)


def record_looks(path: Path | str) -> None:
    """Record the looks that came before the present state of the study at `path`, unless they are recorded.

    Does nothing without trials, where the folder is read only, and, with a warning, where another study cannot be read.
    """
    with suppress(StudyConflict, BadInput):
        folder = StudyFolder(path)
        own = describe_study(folder) if folder.exists else None
        if own is None or not own.trials or open_files(path).exists(_name(own.trials)):
            return
        now, touches = datetime.now(UTC).isoformat(timespec="seconds"), len(read_uses(path, own.study))
        others, unread = other_studies(path, own)
        if unread:
            _warn(unread)
        else:
            times, left = _own_past(folder, own)
            record = Record(own.study, own.trials, now, own.looks + times, touches, (*left, *others))
            open_files(path).put(_name(own.trials), sealed(asdict(record)))


def read_looks(path: Path | str) -> Looks:
    """Read what the verdict of the study at `path` counts, and what came later.

    What lies beside it and cannot be read does not count, and a warning names it. Raises StudyConflict for a damaged
    record, and for an entry of the registry that cannot be read.
    """
    folder, files = StudyFolder(path), open_files(path)
    own = describe_study(folder)
    times, left = _own_past(folder, own)
    others, unread = other_studies(path, own)
    if unread:
        _warn(unread)
    if not files.exists(_name(own.trials)):
        return Looks("", own.looks + times, tuple(_look(each) for each in (*left, *others)))
    kept = read_document(files, _name(own.trials), Record)
    if (kept.study, kept.trials) != (own.study, own.trials):
        where, expected = files.where(_name(own.trials)), f"what came before {own.trials:,} trials of this study"
        raise StudyConflict("not a record of these looks", where=where, expected=expected, remedy=RESTORE)
    touched = [Look(own.name, own.study, each.time, 0, 1) for each in read_uses(path, own.study)[kept.touches :]]
    later = (*_later(others, kept.before), *touched)
    before = tuple(_look(each) for each in kept.before if each.trials)  # older versions counted those without, too
    return Looks(kept.time, kept.own, before, later)


def _own_past(folder: StudyFolder, own: RegisteredStudy) -> tuple[int, list[RegisteredStudy]]:
    """Return how often a study was there to be looked at before its data grew, or that with what it left behind."""
    past = past_of(folder, own)[-1:]
    return (0, past) if past and past[0].trials else (sum(each.looks for each in past), [])


def _warn(unread: list[str]) -> None:
    more = [f"and {len(unread) - _NAMED} more"] if len(unread) > _NAMED else []
    LOGGER.warning("folders that cannot be read are not counted as studies: %s", "; ".join(unread[:_NAMED] + more))


def _later(others: Iterable[RegisteredStudy], before: Iterable[RegisteredStudy]) -> Iterator[Look]:
    """List what the other studies have come to beyond what was counted."""
    known = {each.study: each for each in before}
    for each in others:
        past = known.get(each.study)
        trials, times = (
            (each.trials, each.looks) if past is None else (each.trials - past.trials, each.looks - past.looks)
        )
        if trials > 0 or times > 0:
            yield Look(each.name, each.study, each.time, max(trials, 0), max(times, 0))


def _look(made: RegisteredStudy) -> Look:
    return Look(made.name, made.study, made.time, made.trials, made.looks)


def _name(trials: int) -> str:
    return f"{FOLDER}/{trials:09d}.json"
