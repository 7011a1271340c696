"""Columns that a file does not have as such: named by its path, joined from several, or declared to be missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl

from backsweep.dataset.files import without_ending
from backsweep.dataset.schema import PRICES, REQUIRED
from backsweep.dataset.sources import Part, read_names, stored_columns
from backsweep.dataset.wide import find_patterns, stack
from backsweep.sweepfile.data import FROM_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.sweepfile.data import FileSpec


def complete(part: Part, role: str, spec: FileSpec) -> tuple[Part, dict[str, str]]:
    """Return a part with the columns that it lacks as such, and the plain renames that are left."""
    required = REQUIRED[role]
    patterns = find_patterns(spec.columns)
    if patterns:
        part = stack(part, patterns, [here for here in PRICES if here in patterns and role == "bars"])
    kept = {here: stored for here, stored in spec.columns.items() if here not in patterns}
    columns = {here: stored for here, stored in kept.items() if isinstance(stored, str)}
    given = path_columns(part.name, part.schema, required, spec)
    if "asset" in required and spec.asset is not None and not has_assets(part, spec):
        given["asset"] = without_ending(part.name) if spec.asset == FROM_NAME else spec.asset
        columns.pop("asset", None)
    part = _with(part, {name: pl.lit(text) for name, text in given.items()})
    for here, stored in kept.items():
        if isinstance(stored, tuple):
            missing = [name for name in stored if name not in part.schema]
            columns[here] = missing[0] if missing else " ".join(stored)
            if not missing:
                part = _joined(part, stored)
        elif stored is None and here in required:
            part = _with(part, {here: pl.lit(0.0)}, pl.Float64())
    return part, columns


def has_assets(part: Part, spec: FileSpec) -> bool:
    """Whether a part has the column of its assets, as such or in its path, or columns for each asset."""
    if find_patterns(spec.columns):
        return True
    stored = {*part.schema, *path_columns(part.name, part.schema, ("asset",), spec)}
    return stored.issuperset(stored_columns(spec.columns, ["asset"])) or "asset" in stored


def path_columns(
    file: str, schema: Sequence[str] | pl.Schema, required: Sequence[str], spec: FileSpec
) -> dict[str, str]:
    """Return the columns that folders such as `asset=SPY` give to a file: those that are looked for and not in it."""
    folders = dict(re.findall(r"([^/=]+)=([^/]*)(?=/)", file))
    if not folders:
        return {}
    wanted = {*required, *stored_columns(spec.columns, [*required, *spec.columns])}
    return {name: unquote(text) for name, text in folders.items() if name in wanted and name not in schema}


def names_by_path(file: str, role: str, spec: FileSpec) -> tuple[tuple[str, str], ...]:
    """Return the columns that a file has by its name or its folders, and their texts; mostly none."""
    required = REQUIRED[role]
    found = path_columns(file, (), required, spec)
    if found:
        found = path_columns(file, read_names(file, spec), required, spec)
    if spec.asset == FROM_NAME and "asset" in required:
        found["asset"] = without_ending(file)
    return tuple(sorted(found.items()))


def _with(part: Part, columns: dict[str, pl.Expr], dtype: pl.DataType | None = None) -> Part:
    if not columns:
        return part
    added = [column.alias(name) for name, column in columns.items()]
    schema = pl.Schema({**part.schema, **dict.fromkeys(columns, dtype or pl.String())})
    return part.mapped(lambda frame: frame.with_columns(added), schema)


def _joined(part: Part, stored: tuple[str, ...]) -> Part:
    """Join columns as text, with a space between; of a date with a time of day, the date alone counts."""
    name = " ".join(stored)
    cells = []
    for column in stored:
        cell = pl.col(column)
        if isinstance(part.schema[column], pl.Datetime):
            cell = cell.dt.date()
        cells.append(cell.cast(pl.String).str.strip_chars())
    joined = pl.concat_str(cells, separator=" ").alias(name)
    others = [column for column in stored if column != name]
    kept = {column: dtype for column, dtype in part.schema.items() if column not in others}
    return part.mapped(lambda frame: frame.with_columns(joined).drop(others), pl.Schema(kept | {name: pl.String()}))
