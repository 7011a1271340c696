"""Opening the tables of each role, from the `data` section or from frames in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from backsweep.dataset.complete import complete, has_assets, path_columns
from backsweep.dataset.files import find_others
from backsweep.dataset.problems import raise_together
from backsweep.dataset.schema import KEYS, PRICES, REQUIRED, Table, arrange, check_renames, check_zones
from backsweep.dataset.sources import open_parts
from backsweep.errors import BadInput
from backsweep.sweepfile.data import FileSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backsweep.dataset.sources import Part
    from backsweep.sweepfile.data import DataSpec

Parts = dict[str, tuple["Part", ...]]

_PRICES = {"bars": PRICES, "detail": PRICES, "benchmark": ("close",)}
"""A row without any of these is none."""


def open_tables(spec: DataSpec) -> dict[str, Table]:
    """Find the files of every role and the columns in them; raises BadInput and BadData for what cannot be read."""
    files = spec.files
    parts = {role: open_parts(file, role, _PRICES.get(role, ())) for role, file in files.items()}
    tables = _arrange(spec, parts)
    return {role: replace(table, others=find_others(files[role].path, role)) for role, table in tables.items()}


def arrange_frames(parts: Mapping[str, Part], spec: DataSpec) -> dict[str, Table]:
    """Find the columns of frames in memory, as `spec` declares them; raises BadData."""
    names = {role: FileSpec(path=role) if role == "benchmark" else role for role in parts}
    return _arrange(spec.model_copy(update=names), {role: (parts[role],) for role in parts})


def _arrange(spec: DataSpec, parts: Parts) -> dict[str, Table]:
    """Find the columns of every role; raises what is wrong in all of them together."""
    wrong = _check_columns(spec, parts)
    problems = [*_check_asset(spec, parts), *_check_format(spec, parts)]
    tables = {}
    for role, file in spec.files.items():
        completed = [complete(part, role, file) for part in parts[role]]
        pattern = file.format.timestamp if file.format else None
        parts_now, columns = [part for part, _ in completed], [columns for _, columns in completed]
        try:
            tables[role] = arrange(role, parts_now, columns, pattern, file.timezone, wrong.get(role))
        except BadInput as error:
            problems.append(error)
    raise_together(problems)
    check_zones(list(tables.values()))
    volumes = spec.files["bars"].columns.get("volume", "volume") is not None
    tables |= {role: replace(tables[role], prices=spec.prices) for role in ("bars", "detail") if role in tables}
    return tables | {"bars": replace(tables["bars"], volumes=volumes)}


def _check_columns(spec: DataSpec, parts: Parts) -> dict[str, dict[str, BadInput]]:
    """Find the renames that meet no column of any file, by role."""
    entries = {role: getattr(spec, role) for role in parts}
    own = {f"data.{role}": ((role,), entry.columns) for role, entry in entries.items() if isinstance(entry, FileSpec)}
    errors: dict[str, dict[str, BadInput]] = {}
    for place, (roles, columns) in {"data": (tuple(parts), spec.columns), **own}.items():
        stored = [name for role in roles for part in parts[role] for name in _stored(part, role, spec)]
        wrong = check_renames(columns, stored, f"{parts[roles[0]][0].name}, {place}")
        for role in roles:
            errors[role] = errors.get(role, {}) | wrong
    return errors


def _stored(part: Part, role: str, spec: DataSpec) -> list[str]:
    return [*part.schema, *path_columns(part.name, part.schema, REQUIRED[role], spec.files[role])]


def _check_asset(spec: DataSpec, parts: Parts) -> list[BadInput]:
    """Find an `asset` that is declared where the files say it themselves."""
    files = {role: file for role, file in spec.files.items() if "asset" in KEYS[role]}
    lacking = {role for role, file in files.items() if not all(has_assets(part, file) for part in parts[role])}
    own = [role for role in files if isinstance(entry := getattr(spec, role), FileSpec) and entry.asset is not None]
    useless = {f"data.{role}.asset": role for role in own if role not in lacking}
    if spec.asset is not None and not lacking.difference(own):
        useless["data.asset"] = "bars"
    return [
        BadInput(
            "an asset is declared, and the files have a column of assets",
            where=f"{parts[role][0].name}, {key}",
            expected="one of the two",
            found=f"asset: {files[role].asset}, and the columns {', '.join(_stored(parts[role][0], role, spec))}",
            remedy=f"take the key {key} out, or rename the column with `columns`",
        )
        for key, role in useless.items()
    ]


def _check_format(spec: DataSpec, parts: Parts) -> list[BadInput]:
    """Find keys of text files that are declared where no file is text."""
    places = {f"data.{role}": (role,) for role in parts if isinstance(getattr(spec, role), FileSpec)}
    errors = []
    for place, roles in {"data": tuple(parts), **places}.items():
        form = spec.format if place == "data" else getattr(spec, roles[0]).format
        if form is None or not form.text_keys or any(part.form for role in roles for part in parts[role]):
            continue
        errors.append(
            BadInput(
                f"{', '.join(form.text_keys)}: for text files, of which there is none",
                where=f"{parts[roles[0]][0].name}, {place}.format",
                expected="text files or Excel workbooks; Parquet and Arrow IPC say themselves what their columns are",
                remedy="take the keys out",
            )
        )
    return errors
