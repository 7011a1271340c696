"""Where tables come from: files found by path, glob, folder or URL, and scanned lazily.

Every file is a separate part until the checks are done, so that an error can name the file and the row in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from backsweep.dataset.files import find_files, first_line, kind_of
from backsweep.dataset.panics import PanicError, panics_caught
from backsweep.errors import BadData, BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

T = TypeVar("T")

KEY_COLUMNS = ("timestamp", "asset")
_FAILURES = (pl.exceptions.PolarsError, PanicError, OSError, ValueError)


@dataclass(frozen=True)
class Part:
    """One file, or one frame in memory: `name` is what errors call it, `schema` its columns as stored."""

    name: str
    frame: pl.LazyFrame
    schema: pl.Schema


def open_parts(location: str, role: str, text: Collection[str] = KEY_COLUMNS) -> tuple[Part, ...]:
    """Scan all files at `location`, in the order of their names.

    `role` is the key of the sweep file's `data` section, for errors. In CSV files the columns `text` are read as text,
    the others as numbers. Files without a row are left out. Raises BadInput where nothing readable lies there, and
    BadData for a file that cannot be read or where all are empty.
    """
    files = find_files(location, role)
    parts = [part for file in files if (part := _open_file(file, text)) is not None]
    if not parts:
        raise BadData(
            f"{role} hold no rows" if role != "context" else "context holds no rows",
            where=location,
            expected="at least one row below the header",
            remedy=f"check how the file was written, or point data.{role} at another",
        )
    return tuple(parts)


def part_of_frame(frame: object, role: str) -> Part:
    """Wrap a Polars frame in memory, eager or lazy, as a part."""
    if not isinstance(frame, pl.DataFrame | pl.LazyFrame):
        raise BadInput(
            f"{role} must be a Polars frame",
            expected="polars.DataFrame or polars.LazyFrame",
            found=f"{type(frame).__module__}.{type(frame).__name__}",
            remedy="convert it first, for instance with polars.from_pandas(frame)",
        )
    lazy = frame.lazy()
    return Part(role, lazy, guarded(role, lazy.collect_schema))


def gather(scans: Iterable[tuple[str, pl.LazyFrame]], *, streaming: bool = False) -> pl.DataFrame:
    """Collect named scans, one below the other; the one that cannot be read is named.

    With `streaming`, memory holds only parts of the files at a time, where the scans allow it.
    """
    named = list(scans)
    try:
        with panics_caught():
            return pl.concat([frame for _, frame in named]).collect(engine="streaming" if streaming else "auto")
    except _FAILURES:
        return pl.concat([guarded(name, frame.collect) for name, frame in named])


def guarded(name: str, read: Callable[[], T]) -> T:
    """Return what `read` reads of the file or frame `name`; BadData that names it where it cannot be read."""
    try:
        with panics_caught():
            return read()
    except _FAILURES as error:
        damaged = isinstance(error, PanicError)
        raise BadData(
            "cannot be read",
            where=name,
            expected=f"a readable {kind_of(name) or 'frame'}",
            found="damaged content, which its reader did not expect" if damaged else first_line(error),
            remedy="write the file again, or check that its extension says what it is",
        ) from error


def _open_file(file: str, text: Collection[str]) -> Part | None:
    kind = kind_of(file)
    if kind == "csv":
        return guarded(file, lambda: _open_csv(file, text))
    frame = pl.scan_parquet(file, glob=False) if kind == "parquet" else pl.scan_ipc(file, glob=False)
    return Part(file, frame, guarded(file, frame.collect_schema))


def _open_csv(file: str, text: Collection[str]) -> Part | None:
    """Scan a CSV with types inferred from all its rows, so that a late row cannot contradict them."""
    try:
        schema = pl.scan_csv(
            file, glob=False, schema_overrides=dict.fromkeys(text, pl.String), infer_schema_length=None
        ).collect_schema()
    except pl.exceptions.NoDataError:
        return None
    _check_header(file, schema)
    frame = pl.scan_csv(file, glob=False, schema=schema)
    return None if frame.head(1).collect().is_empty() else Part(file, frame, schema)


def _check_header(file: str, schema: pl.Schema) -> None:
    """Raise BadData for two columns of one name, of which Polars renames the second."""
    for name in schema:
        first = re.sub(r"_duplicated_\d+$", "", name)
        if first != name and first in schema:
            raise BadData(
                f"two columns are named {first!r}",
                where=file,
                expected="a name of its own for every column",
                found=", ".join(schema),
                remedy="rename or drop one of the two in the file",
            )
