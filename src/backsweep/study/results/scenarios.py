"""The results of the stress test, stored in `selected/sensitivity.json`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from backsweep.statistics.study_records import Scenario
from backsweep.storage.sealed import sealed
from backsweep.study.store.documents import STRICT, Count, Finite, read_document
from backsweep.study.store.selected import REWRITE

if TYPE_CHECKING:
    from backsweep.storage.protocol import Files

_FILE = "selected/sensitivity.json"

Chosen = list[tuple[Count | None, list[Count]]]
"""What was selected: each fold with the trials that it chose, or None with the selected trial."""


@dataclass(frozen=True)
class _Row:
    """A scenario in JSON, where NaN is null."""

    __pydantic_config__ = STRICT

    name: str
    sharpe: Finite | None
    total_return: Finite | None
    max_drawdown: Finite | None
    sessions: Count
    reason: str | None


@dataclass(frozen=True)
class _Document:
    """The content of the file: the scenarios, and what was selected."""

    __pydantic_config__ = STRICT

    selected: Chosen
    scenarios: tuple[_Row, ...]


def read_scenarios(files: Files, chosen: Chosen) -> tuple[Scenario, ...] | None:
    """Read the stored scenarios; None where there are none, or where something else has been selected since.

    Raises StudyConflict for a damaged file.
    """
    kept = read_document(files, _FILE, _Document, remedy=REWRITE) if files.exists(_FILE) else None
    return None if kept is None or kept.selected != chosen else tuple(map(_scenario, kept.scenarios))


def write_scenarios(files: Files, chosen: Chosen, scenarios: Sequence[Scenario]) -> None:
    """Store the scenarios of what was selected, replacing earlier ones."""
    content = {"selected": chosen, "scenarios": [_plain(each) for each in scenarios]}
    files.replace(_FILE, sealed(content))


def _scenario(row: _Row) -> Scenario:
    sharpe, total, drawdown = (
        math.nan if figure is None else figure for figure in (row.sharpe, row.total_return, row.max_drawdown)
    )
    return Scenario(row.name, sharpe, total, drawdown, row.sessions, row.reason)


def _plain(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as JSON content, with null for NaN."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in asdict(scenario).items()
    }
