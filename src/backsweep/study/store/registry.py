"""The ledger of a studies folder: which studies were made in it, on which data, with which strategy.

How many trials were tried decides what the best of them is worth, so the count must not shrink when a study is deleted,
renamed or moved away. Beside the studies' folders lies `.ledger/`, with a file for each study and state in which it was
left: `<study hash>-<trials>-<looks>.json`, put once and never changed, each with its own digest. A file is written when
a run ends, however it ends, and when the holdout was looked at, for that study, and for every study that lies beside it
and is not in the ledger yet, as one is whose run was killed. Copies and renamed studies have the same hash and count
once.

What it cannot see: studies in other folders, on data that were changed by so much as a byte, with a strategy of another
class name, and a ledger that was deleted with the studies.
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
from backsweep.study.store.folder import LEDGER, StudyFolder
from backsweep.study.store.holdout_log import read_uses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGGER = logging.getLogger(__name__)

_DIGITS = 16  # of the study's hash in a file's name
_ENTRY = re.compile(rf"{re.escape(LEDGER)}/[0-9a-f]{{{_DIGITS}}}-[0-9]{{9,}}-[0-9]{{4,}}\.json")


@dataclass(frozen=True)
class Made:
    """A study that was made: its hash, its data's digest, its strategy's class name, trials run, looks, name and time.

    `time` is when its last trial came back, ISO 8601, UTC; empty where that is not known. `looks` is how often its
    result was there to be looked at: once, once more for each time it was extended, and for each look at its holdout,
    after which nobody chooses on these data as if there had been none.
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
        """Name its file in the ledger."""
        return f"{LEDGER}/{self.study[:_DIGITS]}-{self.trials:09d}-{self.looks:04d}.json"


@contextmanager
def ledger_kept(path: Path | str) -> Iterator[None]:
    """Enter the study at `path` in the ledger when the block ends, however it ends."""
    try:
        yield
    finally:
        keep_ledger(path)


def keep_ledger(path: Path | str) -> None:
    """Enter the study at `path`, and those beside it that are not entered yet, as they stand.

    Does nothing if no study was begun there, or where the folder cannot be read or written, and leaves out a study that
    cannot be read: a run is not the moment to stumble over another one's damage.
    """
    begun = False
    with suppress(BadInput):  # whoever runs the study has said so
        begun = StudyFolder(path).exists
    if not begun:
        return
    try:
        studies = open_files(path).parent()
        for folder, made in _beside(studies)[0]:
            if not studies.exists(made.entry):
                studies.put(made.entry, sealed(asdict(_dated(made, folder))))
    except BadInput as error:
        LOGGER.warning("the ledger of studies was not kept: %s", _in_one_line(error))


def made_of(folder: StudyFolder) -> Made:
    """Describe a study as it stands, without its time."""
    study = folder.study_json()
    entries = folder.committed()
    trials = entries[-1].first + entries[-1].count if entries else 0
    looks = max(len({entry.total for entry in entries}), 1) + len(read_uses(folder.path, study.hash))
    return Made(study.hash, study.data, study.strategy, trials, looks, study.name)


def other_studies(path: Path | str, own: Made) -> tuple[list[Made], list[str]]:
    """List what was made beside the study at `path`, which is `own`, on the same data with a strategy of that name.

    Returns these studies, and a line for each place there that cannot be read, and may be one.

    Studies that lie there and studies that the ledger remembers count, each once and as far as it ever came, in the
    order of their times. Raises StudyConflict for an entry of the ledger that cannot be read: its trials would be
    missing from the count.
    """
    studies = open_files(path).parent()
    known: dict[str, Made] = {}
    for made in _entered(studies):
        _note(known, made, own)
    found, unread = _beside(studies)
    for folder, made in found:
        if _note(known, made, own):
            known[made.study] = _dated(made, folder)
    return sorted(known.values(), key=lambda each: (each.time, each.study)), unread


def _note(known: dict[str, Made], made: Made, own: Made) -> bool:
    """Add a study that counts beside `own` to `known`; False if it does not count, or was known with as many trials."""
    before = known.get(made.study)
    if (made.data, made.strategy) != (own.data, own.strategy) or made.study == own.study:
        return False
    if before is not None and (before.trials, before.looks) >= (made.trials, made.looks):
        return False
    known[made.study] = made
    return True


def _dated(made: Made, folder: StudyFolder) -> Made:
    """Add when the last trial came back."""
    with suppress(BadInput):
        for rows in folder.parts("trials", folder.entries()[-1:]):
            last = rows["datetime_complete"].max()
            return replace(made, time=last.isoformat(timespec="seconds") if isinstance(last, datetime) else "")
    return made


def _entered(studies: Files) -> list[Made]:
    found = []
    names = list(filter(_ENTRY.fullmatch, studies.names(LEDGER)))
    for name, raw in zip(names, studies.get_all(names), strict=True):
        made = read_document(studies, name, Made, raw)
        if made.entry != name:
            where = studies.where(name)
            raise StudyConflict("an entry under another's name", where=where, found=made.entry, remedy=RESTORE)
        found.append(made)
    return found


def _beside(studies: Files) -> tuple[list[tuple[StudyFolder, Made]], list[str]]:
    """Describe the studies in a place, and in a line each what cannot be read there."""
    found, unread = [], []
    for place in studies.inside():
        folder = StudyFolder(place.location)
        try:
            if folder.exists:
                found.append((folder, made_of(folder)))
        except BadInput as error:
            unread.append(_in_one_line(error))
    return found, unread


def _in_one_line(error: BadInput) -> str:
    return clean(f"{error.where}: {error.problem}" + (f" ({error.found})" if error.found else ""))
