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
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from backsweep.errors import BadInput, StudyConflict
from backsweep.study.files import RESTORE, Files, open_files, sealed, unsealed
from backsweep.study.folder import StudyFolder
from backsweep.study.touches import read_touches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backsweep.study.identity import Identity

LEDGER = ".ledger"

_DIGITS = 16  # of the study's hash in a file's name


@dataclass(frozen=True)
class Made:
    """A study that was made: its hash, its data's digest, its strategy's class name, trials run, and looks.

    `looks` is how often its result was there to be looked at: once, once more for each time it was extended, and for
    each look at its holdout, after which nobody chooses on these data as if there had been none.
    """

    study: str
    data: str
    strategy: str
    trials: int
    looks: int


@dataclass(frozen=True)
class Earlier:
    """What the other studies on the same data with the same strategy come to: studies, their trials and looks."""

    studies: int
    trials: int
    looks: int


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
                studies.put(
                    f"{LEDGER}/{made.study[:_DIGITS]}-{made.trials:09d}-{made.looks:04d}.json", sealed(asdict(made))
                )


def made_of(folder: StudyFolder, identity: Identity | None = None) -> Made:
    """Describe a study as it stands."""
    theirs = identity or folder.identity()
    entries = folder.entries()
    trials = entries[-1].first + entries[-1].count if entries else 0
    looks = max(len({entry.total for entry in entries}), 1) + len(read_touches(folder.path, theirs.hash))
    return Made(theirs.hash, theirs.data, str(theirs.sweep["strategy"]).rpartition(":")[2], trials, looks)


def earlier_studies(path: Path | str, identity: Identity) -> Earlier:
    """Count what was tried beside the study at `path` on the same data with a strategy of the same name.

    Studies that lie there and studies that the ledger remembers count, each once and as far as it ever came. Raises
    StudyConflict for a study or an entry that cannot be read: its trials would be missing from the count.
    """
    studies = open_files(path).parent()
    own = made_of(StudyFolder(path), identity)
    known: dict[str, Made] = {}
    beside = (StudyFolder(other.location) for other in studies.inside())
    for made in (*_entered(studies), *(made_of(folder) for folder in beside if folder.exists)):
        if (made.data, made.strategy) == (own.data, own.strategy) and made.study != own.study:
            before = known.get(made.study, made)
            known[made.study] = max(made, before, key=lambda each: (each.trials, each.looks))
    return Earlier(len(known), sum(made.trials for made in known.values()), sum(made.looks for made in known.values()))


def _entered(studies: Files) -> list[Made]:
    found = []
    names = [name for name in studies.names(LEDGER) if name.endswith(".json")]
    for name, raw in zip(names, studies.get_all(names), strict=True):
        try:
            found.append(Made(**unsealed(raw, studies.where(name))))
        except TypeError:
            raise StudyConflict("not an entry of the ledger", where=studies.where(name), remedy=RESTORE) from None
    return found
