"""The formats of what a command prints: a table for people, JSON and CSV for programs. One option, and its writers."""

from __future__ import annotations

import csv
import io
import json
import math
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backsweep.cli.console import write_data

if TYPE_CHECKING:
    from collections.abc import Mapping


class Format(StrEnum):
    """How a table is written."""

    table = "table"
    json = "json"
    csv = "csv"


Form = Annotated[Format, typer.Option("--format", help="Output format.")]


def write_json(content: Any) -> None:
    """Write JSON, with null for what is undefined or infinite, and times as text."""
    write_data(json.dumps(_plain(content), default=str, indent=2) + "\n")


def write_values(parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Write values by the names of their parts as CSV: `part, name, value`, empty where undefined."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["part", "name", "value"])
    for part, values in parts.items():
        rows.writerows([part, *pair] for pair in _flat(_plain(values)))
    write_data(text.getvalue())


def _plain(value: Any) -> Any:
    """Replace NaN and infinities, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _flat(values: Any, name: str = "") -> list[tuple[str, Any]]:
    """List nested values with dotted names; booleans are `true` and `false`."""
    if isinstance(values, dict | list):
        items = values.items() if isinstance(values, dict) else enumerate(values)
        return [pair for key, inner in items for pair in _flat(inner, f"{name}.{key}" if name else str(key))]
    return [(name, str(values).lower() if isinstance(values, bool) else values)]
