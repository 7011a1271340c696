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

from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from backsweep.errors import BadInput, StudyConflict
from backsweep.study.files import RESTORE, Files, open_files, sealed, unsealed
from backsweep.study.folder import StudyFolder
from backsweep.study.touches import read_touches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from backsweep.study.identity import Identity

LEDGER = ".ledger"

_DIGITS = 16  # of the study's hash in a file's name


@dataclass(frozen=True)
class Made:
    """A study that was made: its hash, its data's digest, its strategy's class name, trials run, looks, name and time.

    `time` is when its last trial came back, ISO 8601, UTC; empty where that is not known. `looks` is how often its
    result was there to be looked at: once, once more for each time it was extended, and for each look at its holdout,
    after which nobody chooses on these data as if there had been none.
    """

    study: str
    data: str
    strategy: str
    trials: int
    looks: int
    name: str = ""
    time: str = ""


@contextmanager
def ledger_kept(path: Path | str) -> Iterator[None]:
    """Enter the study at `path` in the ledger when the block ends, however it ends."""
    try:
        yield
    finally:
        keep_ledger(path)


def keep_ledger(path: Path | str) -> None:
    """Enter the study at `path`, and those beside it that are not entered yet, as they stand.

    Does nothing where the folder is read only, and leaves out a study that cannot be read: a run is not the moment to
    stumble over another one's damage, which its statistics will report.
    """
    studies = open_files(path).parent()
    for other in studies.inside():
        with suppress(StudyConflict, BadInput):
            folder = StudyFolder(other.location)
            if folder.exists:
                made = made_of(folder)
                name = f"{LEDGER}/{made.study[:_DIGITS]}-{made.trials:09d}-{made.looks:04d}.json"
                if not studies.exists(name):
                    studies.put(name, sealed(asdict(_dated(made, folder))))


def made_of(folder: StudyFolder, identity: Identity | None = None) -> Made:
    """Describe a study as it stands, without its time."""
    theirs = identity or folder.identity()
    entries = folder.entries()
    trials = entries[-1].first + entries[-1].count if entries else 0
    looks = max(len({entry.total for entry in entries}), 1) + len(read_touches(folder.path, theirs.hash))
    strategy = str(theirs.sweep["strategy"]).rpartition(":")[2]
    return Made(theirs.hash, theirs.data, strategy, trials, looks, str(theirs.sweep["study"]))


def other_studies(path: Path | str, own: Made) -> list[Made]:
    """List what was made beside the study at `path`, which is `own`, on the same data with a strategy of that name.

    Studies that lie there and studies that the ledger remembers count, each once and as far as it ever came, in the
    order of their times. Raises StudyConflict for a study or an entry that cannot be read: its trials would be missing
    from the count.
    """
    studies = open_files(path).parent()
    known: dict[str, Made] = {}
    for made in _entered(studies):
        _note(known, made, own)
    for folder in (StudyFolder(other.location) for other in studies.inside()):
        if folder.exists and _note(known, made := made_of(folder), own):
            known[made.study] = _dated(made, folder)
    return sorted(known.values(), key=lambda each: (each.time, each.study))


def _note(known: dict[str, Made], made: Made, own: Made) -> bool:
    """Take note of a study that counts beside `own`; False if it does not, or was known to have come as far."""
    before = known.get(made.study)
    if (made.data, made.strategy) != (own.data, own.strategy) or made.study == own.study:
        return False
    if before is not None and (before.trials, before.looks) >= (made.trials, made.looks):
        return False
    known[made.study] = made
    return True


def _dated(made: Made, folder: StudyFolder) -> Made:
    """Add when the last trial came back."""
    with suppress(StudyConflict):
        for rows in folder.parts("trials", folder.entries()[-1:]):
            last = rows["datetime_complete"].max()
            return replace(made, time=last.isoformat(timespec="seconds") if isinstance(last, datetime) else "")
    return made


def _entered(studies: Files) -> list[Made]:
    names = [name for name in studies.names(LEDGER) if name.endswith(".json")]
    found = zip(names, studies.get_all(names), strict=True)
    return [read_made(unsealed(raw, studies.where(name)), studies.where(name)) for name, raw in found]


def read_made(content: Mapping[str, Any], where: str) -> Made:
    """Read a study that was made from plain data; raises StudyConflict for anything else."""
    try:
        made = Made(**content)
    except TypeError:
        made = None
    if made is None or not all(type(getattr(made, each.name)).__name__ == each.type for each in fields(Made)):
        raise StudyConflict("not an entry of the ledger", where=where, remedy=RESTORE)
    return made
