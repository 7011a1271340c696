"""The registry of a folder of studies: which studies were made in it, on which data, with which strategy.

The statistics of the best trial depend on how many were tried, so the count must not shrink when a study is deleted,
renamed or moved away. The registry is the folder `.ledger/` beside the studies' folders, with a file for each study and
each state in which a run left it: `<study hash>-<trials>-<looks>.json`, written once and never changed, each with its
own digest. Files are written when a run ends, however it ends, and when a holdout is looked at: for that study, and for
every study beside it that is not registered yet, such as one whose run was killed. Copies and renamed studies have the
same hash and count once.

It does not cover studies in other folders, on data that differ by a single byte, or with a strategy of another class
name, and a registry that was deleted with the studies.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from backsweep.errors import BadInput, StudyConflict
from backsweep.printable import clean
from backsweep.storage.open import open_files
from backsweep.storage.protocol import RESTORE, Files
from backsweep.storage.sealed import sealed
from backsweep.study.store.documents import STRICT, Count, Digest, Positive, read_document
from backsweep.study.store.folder import REGISTRY, StudyFolder
from backsweep.study.store.holdout_log import read_uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LOGGER = logging.getLogger(__name__)

_DIGITS = 16  # of the study's hash in a file's name
_ENTRY = re.compile(rf"{re.escape(REGISTRY)}/[0-9a-f]{{{_DIGITS}}}-[0-9]{{9,}}-[0-9]{{4,}}\.json")


@dataclass(frozen=True)
class RegisteredStudy:
    """A study: its hash, its data's digest, its strategy's class name, trials run, looks, name and time.

    `time` is when its last trial ended, ISO 8601, UTC; empty where that is not known. `looks` is how often its result
    could be looked at: once, and once more for each extension and each look at its holdout.
    """

    __pydantic_config__ = STRICT

    study: Digest
    data: Digest
    strategy: str
    trials: Count
    looks: Positive
    name: str = ""
    time: str = ""

    @property
    def entry(self) -> str:
        """The name of its file in the registry."""
        return f"{REGISTRY}/{self.study[:_DIGITS]}-{self.trials:09d}-{self.looks:04d}.json"


@contextmanager
def registering(path: Path | str) -> Iterator[None]:
    """Register the study at `path` when the block ends, however it ends."""
    try:
        yield
    finally:
        register_studies(path)


def register_studies(path: Path | str) -> None:
    """Register the study at `path`, and those beside it that are not registered yet, in their present state.

    Does nothing if there is no study, and only warns where the folder cannot be written. A study that cannot be read is
    left out: damage to another study must not stop a run.
    """
    begun = False
    with suppress(BadInput):  # the run itself raises this error
        begun = StudyFolder(path).exists
    if not begun:
        return
    try:
        studies = open_files(path).parent()
        for folder, registered in _beside(studies)[0]:
            if not studies.exists(registered.entry):
                studies.put(registered.entry, sealed(asdict(_dated(registered, folder))))
    except BadInput as error:
        LOGGER.warning("the registry of studies could not be written: %s", _in_one_line(error))


def describe_study(folder: StudyFolder) -> RegisteredStudy:
    """Return the present state of a study, without its time."""
    study = folder.study_json()
    entries = folder.committed()
    trials = entries[-1].first + entries[-1].count if entries else 0
    looks = max(len({(entry.total, entry.patience) for entry in entries}), 1) + len(read_uses(folder.path, study.hash))
    return RegisteredStudy(study.hash, study.data, study.strategy, trials, looks, study.name)


def other_studies(path: Path | str, own: RegisteredStudy) -> tuple[list[RegisteredStudy], list[str]]:
    """List the other studies beside the one at `path`, which is `own`, on the same data and with the same class name.

    Where its data have grown, studies on the data that it had before count, too, and it is not counted as it was then.

    Returns these studies in the order of their times, and a line for each folder that cannot be read and may be one.
    Studies that are there and studies that are only registered count, each once and in its furthest state; one without
    trials has no result to look at, and does not count. Raises StudyConflict for an entry of the registry that cannot
    be read: its trials would be missing from the count.
    """
    studies = open_files(path).parent()
    known: dict[str, RegisteredStudy] = {}
    mine = [own, *past_of(StudyFolder(path), own)]
    for registered in _registered(studies):
        _note(known, registered, mine)
    found, unread = _beside(studies)
    for folder, registered in found:
        if _note(known, registered, mine):
            known[registered.study] = _dated(registered, folder)
    return sorted(known.values(), key=lambda each: (each.time, each.study)), unread


def past_of(folder: StudyFolder, own: RegisteredStudy) -> list[RegisteredStudy]:
    """Return what a study was before its data grew, the latest last.

    The latest has the trials that were left behind, and the looks, of all of them.
    """
    history = folder.history if folder.exists else ()
    name = f"{own.name} before its data grew"
    past = [RegisteredStudy(each.study, each.data, own.strategy, 0, each.looks, name, each.time) for each in history]
    return [*past[:-1], replace(past[-1], trials=folder.left_behind())] if past else []


def _note(known: dict[str, RegisteredStudy], registered: RegisteredStudy, mine: Sequence[RegisteredStudy]) -> bool:
    """Add a study that counts beside `mine`; returns False if it does not, or was known with as many trials."""
    before = known.get(registered.study)
    if not registered.trials or registered.study in {each.study for each in mine}:
        return False
    if (registered.data, registered.strategy) not in {(each.data, each.strategy) for each in mine}:
        return False
    if before is not None and (before.trials, before.looks) >= (registered.trials, registered.looks):
        return False
    known[registered.study] = registered
    return True


def _dated(registered: RegisteredStudy, folder: StudyFolder) -> RegisteredStudy:
    """Add the time at which the last trial ended."""
    with suppress(BadInput):
        for rows in folder.parts("trials", folder.entries()[-1:]):
            last = rows["datetime_complete"].max()
            return replace(registered, time=last.isoformat(timespec="seconds") if isinstance(last, datetime) else "")
    return registered


def _registered(studies: Files) -> list[RegisteredStudy]:
    found = []
    names = list(filter(_ENTRY.fullmatch, studies.names(REGISTRY)))
    for name, raw in zip(names, studies.get_all(names), strict=True):
        registered = read_document(studies, name, RegisteredStudy, raw)
        if registered.entry != name:
            where = studies.where(name)
            raise StudyConflict(
                "an entry under another entry's name", where=where, found=registered.entry, remedy=RESTORE
            )
        found.append(registered)
    return found


def _beside(studies: Files) -> tuple[list[tuple[StudyFolder, RegisteredStudy]], list[str]]:
    """Return the studies in a folder, and a line for each subfolder that cannot be read."""
    found, unread = [], []
    for place in studies.inside():
        folder = StudyFolder(place.location)
        try:
            if folder.exists:
                found.append((folder, describe_study(folder)))
        except BadInput as error:
            unread.append(_in_one_line(error))
    return found, unread


def _in_one_line(error: BadInput) -> str:
    return clean(f"{error.where}: {error.problem}" + (f" ({error.found})" if error.found else ""))
