"""The record of who has looked at a study's holdout: `touches/`, a file for each look, put once and never changed.

A holdout is worth something as long as nothing was decided by it. Trials never run on it; a look runs one parameter
set, and is on record before its result is seen. After the second look the holdout has become one more test.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backsweep.errors import StudyConflict
from backsweep.storage.open import open_files
from backsweep.storage.protocol import RESTORE
from backsweep.storage.sealed import sealed
from backsweep.study.store.documents import STRICT, Count, Digest, Positive, read_document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER = "touches"


@dataclass(frozen=True)
class HoldoutUse:
    """One look at a holdout.

    Attributes
    ----------
    study : the study's hash.
    number : counts looks from 1.
    time : when, ISO 8601, UTC.
    why : what the user said it was for.
    trial, params : what was evaluated.
    start, end : ends of the holdout's first and last session, ISO 8601, UTC.
    metrics : what it came to, None where undefined.

    """

    __pydantic_config__ = STRICT

    study: Digest
    number: Positive
    time: str
    why: str
    trial: Count
    params: dict[str, float | int | bool | str]
    start: str
    end: str
    metrics: dict[str, float | None]


def record_use(folder: Path | str, study: str, **looked: Any) -> HoldoutUse:
    """Put a look on record; `looked` are the other fields of a `HoldoutUse` but its number and time."""
    while True:
        number = len(read_uses(folder, study)) + 1
        use = HoldoutUse(study, number, datetime.now(UTC).isoformat(timespec="microseconds"), **looked)
        if open_files(folder).put(_name(number), sealed(asdict(use))):
            return use


def read_uses(folder: Path | str, study: str) -> list[HoldoutUse]:
    """Read the looks in their order; raises StudyConflict for one that is missing, damaged or of another study."""
    uses = []
    files = open_files(folder)
    names = files.names(FOLDER)
    for number, (name, raw) in enumerate(zip(names, files.get_all(names), strict=True), start=1):
        use = read_document(files, name, HoldoutUse, raw)
        if name != _name(number) or use.number != number or use.study != study:
            raise StudyConflict(
                "the record of looks at the holdout is not whole",
                where=files.where(name),
                expected=f"look {number} of this study",
                remedy=RESTORE,
            )
        uses.append(use)
    return uses


def describe_uses(uses: Sequence[HoldoutUse]) -> str:
    """Return what a holdout is worth after these looks, for readers."""
    if not uses:
        return "untouched"
    first = uses[0]
    sharpe = first.metrics.get("sharpe")
    result = "an undefined Sharpe ratio" if sharpe is None else f"a Sharpe ratio of {sharpe:.2f}"
    once = f"{first.time[:10]}, trial {first.trial} ({first.why}): {result}"
    if len(uses) == 1:
        return f"touched once, {once}; another look makes it one more test"
    return f"touched {len(uses)} times, first {once}; only that first look was out of sample"


def _name(number: int) -> str:
    return f"{FOLDER}/touch-{number:06d}.json"
