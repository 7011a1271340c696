"""A study whose data have grown: it goes on in its folder, and what it was before is kept whole in `before/<n>`.

The folder begins again as that of the study on the grown data. The files of the study before are copied to `before/<n>`
first, which then is a study's folder like any other; what changes the study is the replacement of `study.json`, whose
history has one entry more. The sessions that belong to it wait beside it until the old files are removed, so that a run
that is killed leaves the study before or the one after, and the next run goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backsweep.storage.sealed import sha256
from backsweep.study.store.documents import STRICT, Count, Digest, Positive
from backsweep.study.store.entry import MANIFEST
from backsweep.study.store.stored_tables import SESSIONS

if TYPE_CHECKING:
    from pathlib import Path

    from backsweep.storage.protocol import Files

BEFORE = "before"
"""The folder of what a study was before its data grew."""

ROWS = "rows.parquet"
"""What the rows of the data were, block by block: by it a refusal says what has changed."""

_STAGED = "sessions.next.parquet"
_SINGLE = (ROWS, "lookahead.json")
_FOLDERS = (MANIFEST, "trials", "folds", "returns", "blocks", "looks", "touches", "null", "selected")


@dataclass(frozen=True)
class Growth:
    """One time that a study went on with data that had grown, as the history in `study.json` has it.

    Attributes
    ----------
    study, data : the hash and the fingerprint of the data that the study had before.
    time : when, ISO 8601, UTC.
    before, after : the last bar before and after, ISO 8601, UTC.
    folds : those that were kept.
    trials : how many it had in its table before.
    tried : how many had been tried before: these, and what earlier growths left behind.
    kept : how many of its trials are also those of the study on the grown data.
    looks : how often its result had been there to be looked at.

    """

    __pydantic_config__ = STRICT

    study: Digest
    data: Digest
    time: str
    before: str
    after: str
    folds: tuple[Count, ...]
    trials: Count
    tried: Count
    kept: Count
    looks: Positive


def describe_growth(growth: Growth) -> str:
    """Return what happened to a study whose data grew, for readers."""
    last = growth.folds[-1]
    return (
        f"{growth.before[:10]} to {growth.after[:10]}, on {growth.time[:10]}; kept: "
        f"{'fold 0' if last == 0 else f'folds 0 to {last}'}, {growth.kept:,} of {growth.trials:,} trials"
    )


def place_of(path: Path | str, number: int) -> Path | str:
    """Return the folder, or the URL, of what a study was before its data grew for this time, counted from 1."""
    return f"{path}/{BEFORE}/{number}" if isinstance(path, str) else path / BEFORE / str(number)


def keep(files: Files, number: int, study_json: str) -> None:
    """Copy the files of a study to `before/<number>`, replacing what a run has left there that was killed."""
    place = f"{BEFORE}/{number}"
    for folder in _FOLDERS:
        held = files.names(folder)
        for name in {each.removeprefix(f"{place}/") for each in files.names(f"{place}/{folder}")}.difference(held):
            files.remove(f"{place}/{name}")
        for name in held:
            _copy(files, name, place)
    for name in (*filter(files.exists, _SINGLE), SESSIONS, study_json):
        _copy(files, name, place)


def _copy(files: Files, name: str, place: str) -> None:
    content = files.get(name)
    if not files.put(f"{place}/{name}", content):
        files.replace(f"{place}/{name}", content)


def stage_sessions(files: Files, content: bytes) -> None:
    """Put the sessions of the study on the grown data beside those that it has."""
    files.replace(_STAGED, content)


def staged_sessions(files: Files, digest: str) -> bytes | None:
    """Return the sessions with this digest, those of `study.json`, where the old files have not been removed yet."""
    if not files.exists(_STAGED) or sha256(files.get(SESSIONS)) == digest:
        return None
    content = files.get(_STAGED)
    return content if sha256(content) == digest else None


def finish(files: Files, digest: str) -> None:
    """Remove the files of the study before, if that was not done; `digest` is that of the sessions in `study.json`."""
    if not files.exists(_STAGED):
        return
    content = staged_sessions(files, digest)
    if content is not None:
        for folder in _FOLDERS:
            for name in files.names(folder):
                files.remove(name)
            files.tidy(folder)
        for name in _SINGLE:
            files.remove(name)
        files.replace(SESSIONS, content)
    files.remove(_STAGED)
