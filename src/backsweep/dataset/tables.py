"""Opening the tables of each role, from the `data` section or from frames in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from backsweep.dataset.files import find_others
from backsweep.dataset.schema import Table, arrange, check_renames, check_zones
from backsweep.dataset.sources import KEY_COLUMNS, Part, open_parts
from backsweep.sweepfile.data import FileSpec

if TYPE_CHECKING:
    from backsweep.sweepfile.data import DataSpec


def open_tables(spec: DataSpec) -> dict[str, Table]:
    """Find the files of every role and the columns in them; raises BadInput and BadData for what cannot be read."""
    files = spec.files
    parts = {role: open_parts(file.path, role, _key_columns(file)) for role, file in files.items()}
    check_renames(spec.columns, parts)
    for role, entry in ((role, getattr(spec, role)) for role in files):
        if isinstance(entry, FileSpec):
            check_renames(entry.columns, {role: parts[role]}, f"data.{role}")
    tables = {
        role: arrange(role, parts[role], file.columns, file.format.timestamp if file.format else None, file.timezone)
        for role, file in files.items()
    }
    check_zones(list(tables.values()))
    tables = {role: replace(table, others=find_others(files[role].path, role)) for role, table in tables.items()}
    return tables | {"bars": replace(tables["bars"], prices=spec.prices)}


def _key_columns(file: FileSpec) -> set[str]:
    """Return the columns of timestamps and assets, by their names in the file."""
    return {*KEY_COLUMNS, *(file.columns[name] for name in KEY_COLUMNS if name in file.columns)}


def arrange_frames(parts: dict[str, Part], prices: str = "positive") -> dict[str, Table]:
    """Find the columns of frames in memory; raises BadData. `prices` is as in `DataSpec`."""
    tables = {role: arrange(role, (part,), {}) for role, part in parts.items()}
    check_zones(list(tables.values()))
    return tables | {"bars": replace(tables["bars"], prices=prices)}
