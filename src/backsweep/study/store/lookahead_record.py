"""That a study's strategy passed the test for look-ahead, which `backsweep check` makes and no digest includes.

A check leaves a note in the folder of caches, under the digest of what it tested: the strategy's code and the data. A
run of the same code on the same data copies it into the study's folder, `lookahead.json`. A study without that file is
unchecked, and says so.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from backsweep.engine.compile.cache import cache_folder
from backsweep.errors import BadInput, StudyConflict
from backsweep.storage.open import open_files
from backsweep.storage.protocol import RESTORE
from backsweep.storage.sealed import sealed, sha256
from backsweep.study.store.documents import STRICT, Count, Digest, Positive, read_document

if TYPE_CHECKING:
    from pathlib import Path

    from backsweep.storage.protocol import Files
    from backsweep.study.store.identity import Identity

FILE = "lookahead.json"
UNCHECKED = "the strategy has not been tested for look-ahead: backsweep check does, and the next run notes it"


@dataclass(frozen=True)
class Passed:
    """A test that found no look-ahead: of which code and data, when, and at how many times it looked.

    `requests` is at how many of these `moments` the strategy had just asked for something.
    """

    __pydantic_config__ = STRICT

    tested: Digest
    time: str
    moments: Positive
    requests: Count

    def __str__(self) -> str:
        """Return it as one line."""
        return f"none found, tested at {self.moments} times on {self.time[:10]}"


def remember(identity: Identity, moments: int, requests: int) -> None:
    """Keep in the folder of caches that this strategy passed on these data; nothing where that cannot be written."""
    files, key = _notes(), _tested(identity)
    if files is not None and moments:
        passed = Passed(key, datetime.now(UTC).isoformat(timespec="seconds"), moments, requests)
        with suppress(BadInput, OSError):
            files.put(f"{key}.json", sealed(asdict(passed)))


def note(path: Path | str, identity: Identity) -> None:
    """Copy what is remembered of a study's strategy and data into its folder, unless it is there."""
    files, key = _notes(), _tested(identity)
    if files is None:
        return
    with suppress(BadInput, StudyConflict, OSError):
        passed = read_document(files, f"{key}.json", Passed)
        if passed.tested == key:
            open_files(path).put(FILE, sealed(asdict(passed)))


def read_passed(path: Path | str, identity: Identity) -> Passed | None:
    """Return the test that a study's strategy passed, None without; raises StudyConflict for one that is damaged."""
    files = open_files(path)
    if not files.exists(FILE):
        return None
    passed = read_document(files, FILE, Passed)
    if passed.tested != _tested(identity):
        where = files.where(FILE)
        raise StudyConflict("a test of another strategy, or on other data", where=where, remedy=RESTORE)
    return passed


def describe_test(passed: Passed | None) -> str:
    """Return what a study notes of the test for look-ahead, as one line."""
    return "not tested: backsweep check does" if passed is None else str(passed)


def _tested(identity: Identity) -> str:
    content = [identity.sweep["strategy"].rpartition(":")[2], identity.strategy, identity.files, identity.data]
    return sha256(json.dumps(content, sort_keys=True).encode())


def _notes() -> Files | None:
    folder = cache_folder()
    return None if folder is None else open_files(folder / "lookahead")
