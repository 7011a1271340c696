"""What a run reports: its progress, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Progress:
    """The progress of a study.

    `done` counts trials that have ended, failed ones included, `batches` those committed; `best` is the row of the best
    committed trial, or None.
    """

    done: int
    total: int
    failed: int
    best: dict[str, Any] | None
    batches: int


@dataclass(frozen=True)
class Summary:
    """How a run ended; `resumed` trials had been committed by earlier runs, `paused` is whether its time was over."""

    path: Path | str
    done: int
    total: int
    failed: int
    resumed: int
    best: dict[str, Any] | None
    paused: bool = False
