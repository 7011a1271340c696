"""Where tables come from: files found by path, glob, folder or URL, and scanned lazily.

Every file is a separate part until the checks are done, so that an error can name the file and the row in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from backsweep.dataset.files import find_files, first_line, kind_of
from backsweep.dataset.numbers import read_number
from backsweep.dataset.pandas_frames import from_pandas, is_pandas
from backsweep.dataset.panics import PanicError, panics_caught
from backsweep.dataset.text import ROW, explain_separator, open_text, scan_cells
from backsweep.errors import BadData, BadInput
from backsweep.sweepfile.format import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from backsweep.sweepfile.data import Columns, FileSpec

T = TypeVar("T")

KEY_COLUMNS = ("timestamp", "asset")
_KINDS = {"parquet": "Parquet file", "ipc": "Arrow IPC file", "text": "text file", "excel": "Excel workbook"}
_FAILURES = (pl.exceptions.PolarsError, PanicError, OSError, ValueError)


@dataclass(frozen=True)
class Part:
    """One file, or one frame in memory.

    Attributes
    ----------
    name : what errors call it.
    frame, schema : its rows, and its columns as stored; those of a text file as they are read (see `dataset.text`).
    form : how its text writes numbers; None where it is no text.
    dropped : how many rows without a value are left out.
    numbered : the frame with the column `#row`, where rows are left out.

    """

    name: str
    frame: pl.LazyFrame
    schema: pl.Schema
    form: Format | None = None
    dropped: int = 0
    numbered: pl.LazyFrame | None = None

    @property
    def located(self) -> pl.LazyFrame:
        """Return the frame with a column `#row`, the number of each row as stored, from 1."""
        return self.frame.with_row_index(ROW, offset=1) if self.numbered is None else self.numbered

    def number(self, column: str) -> pl.Expr:
        """Return the numbers of a column of text, null where a cell is none."""
        if self.form is not None and self.schema[column] == pl.String:
            return read_number(pl.col(column), self.form)
        return pl.col(column).cast(pl.Float64, strict=False)

    def mapped(self, change: Callable[[pl.LazyFrame], pl.LazyFrame], schema: pl.Schema) -> Part:
        """Return the part with a change of its columns, which keeps its rows."""
        numbered = None if self.numbered is None else change(self.numbered)
        return replace(self, frame=change(self.frame), schema=schema, numbered=numbered)


def open_parts(spec: FileSpec, role: str, wanted: Collection[str] = ()) -> tuple[Part, ...]:
    """Scan all files at `spec.path`, in the order of their names.

    `role` is the key of the sweep file's `data` section. Files without a row are left out, and so are rows of text
    that are empty in all columns `wanted`, by their names here. Raises BadInput where nothing readable lies there, and
    BadData for a file that cannot be read or where all are empty.
    """
    files = find_files(spec.path, role)
    parts = [part for file in files if (part := _open_file(file, spec, wanted)) is not None]
    if not parts:
        raise BadData(
            f"{role} hold no rows" if role not in {"context", "detail"} else f"{role} holds no rows",
            where=spec.path,
            expected="at least one row below the header",
            remedy=f"check how the file was written, or point data.{role} at another",
        )
    return tuple(parts)


def read_names(file: str, spec: FileSpec) -> list[str]:
    """Return the names of a file's columns as stored."""
    if kind_of(file) in ("text", "excel"):
        cells = guarded(file, lambda: scan_cells(file, spec.format or Format()))
        return [] if cells is None else guarded(file, cells.collect_schema).names()
    part = _open_file(file, spec, ())
    return [] if part is None else part.schema.names()


def stored_columns(columns: Columns, names: Iterable[str]) -> list[str]:
    """Return which columns of a file are read as `names`."""
    each = (columns.get(name, name) for name in names)
    return [
        name for stored in each for name in (stored if isinstance(stored, tuple) else (stored,)) if name is not None
    ]


def part_of_frame(frame: object, role: str) -> Part:
    """Wrap a frame in memory, of Polars, eager or lazy, or of pandas, as a part."""
    if is_pandas(frame):
        frame = from_pandas(frame, role)
    if not isinstance(frame, pl.DataFrame | pl.LazyFrame):
        raise BadInput(
            f"{role} must be a frame of Polars or pandas",
            expected="polars.DataFrame, polars.LazyFrame or pandas.DataFrame",
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
            expected=f"a readable {_KINDS.get(kind_of(name) or '', 'frame')}",
            found="damaged content, which its reader did not expect" if damaged else first_line(error),
            remedy="write the file again, or check that its extension says what it is",
        ) from error


def _open_file(file: str, spec: FileSpec, wanted: Collection[str]) -> Part | None:
    kind = kind_of(file)
    if kind in ("text", "excel"):
        return _open_text(file, spec, wanted)
    frame = pl.scan_parquet(file, glob=False) if kind == "parquet" else pl.scan_ipc(file, glob=False)
    return Part(file, frame, guarded(file, frame.collect_schema))


def _open_text(file: str, spec: FileSpec, wanted: Collection[str]) -> Part | None:
    form = spec.format or Format()
    keys = [*KEY_COLUMNS, *stored_columns(spec.columns, KEY_COLUMNS)]
    values = stored_columns(spec.columns, wanted)
    try:
        table = guarded(file, lambda: open_text(file, form, keys, values))
    except BadData as error:
        other = explain_separator(file, form) if error.__cause__ is not None else None
        raise other or error from error.__cause__
    if table is not None and len(table.schema) == 1:
        other = explain_separator(file, form)
        if other is not None:
            raise other
    return None if table is None else Part(file, table.frame, table.schema, form, table.dropped, table.numbered)
