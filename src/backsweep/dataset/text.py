"""Text files and Excel workbooks as tables of text, and their cells as the numbers that `data.format` declares.

Every cell is read as text. A column is one of numbers where all its cells are numbers or empty, over the whole file,
so that no sample of rows decides; the columns of timestamps and assets stay the text that they are.
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.excel import read_sheet
from backsweep.dataset.files import is_url, kind_of, open_stream
from backsweep.dataset.numbers import read_boolean, read_number
from backsweep.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from backsweep.sweepfile.format import Format

ROW = "#row"
"""The column of a row's number in its file, from 1, the header not counted."""

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The encodings of texts that begin with these bytes."""


@dataclass(frozen=True)
class TextTable:
    """A text file as a lazy table: text in the key columns, and in those that are not all numbers.

    `dropped` rows without any value in the columns `wanted` are left out of `frame`; `numbered` is then the same frame
    with each row's own number.
    """

    frame: pl.LazyFrame
    schema: pl.Schema
    dropped: int = 0
    numbered: pl.LazyFrame | None = None


def open_text(file: str, form: Format, keys: Collection[str], wanted: Collection[str]) -> TextTable | None:
    """Scan a text file; `keys` are the columns that stay text. None where there is no row.

    A row that is empty in all columns `wanted`, or in all that there are where the file lacks one of these, is no row.
    Raises BadData for a header that does not fit, and Polars' errors for text that is no table.
    """
    if form.encoding is None and kind_of(file) == "text":
        _check_encoding(file)
    cells = scan_cells(file, form)
    if cells is None:
        return None
    names = cells.collect_schema().names()
    empty = wanted if wanted and set(wanted).issubset(names) else names
    blank = pl.all_horizontal(pl.col(name).is_null() for name in empty)
    kinds = _find_kinds(cells, [name for name in names if name not in keys], form, blank)
    if kinds is None:
        return None
    schema = pl.Schema({name: kinds.of.get(name, pl.String()) for name in names})
    readers = {pl.Float64(): lambda cell: read_number(cell, form), pl.Boolean(): read_boolean}
    convert = [readers[kind](pl.col(name)).alias(name) for name, kind in kinds.of.items() if kind in readers]
    convert += [pl.col(name).str.strip_chars() for name in dict.fromkeys(keys) if name in names]
    if not kinds.blank:
        return TextTable(cells.with_columns(convert), schema)
    numbered = cells.with_row_index(ROW, offset=1).filter(blank.not_()).with_columns(convert)
    return TextTable(numbered.drop(ROW), schema, kinds.blank, numbered)


def scan_cells(file: str, form: Format) -> pl.LazyFrame | None:
    """Scan a text file with all its cells as text, an empty one as null; None where there is no row at all."""
    if kind_of(file) == "excel":
        return _name_rows(file, read_sheet(file, form.sheet), form)
    scan = partial(
        pl.scan_csv,
        _source(file, form),
        glob=False,
        separator=form.separator or ("\t" if re.search(r"\.tsv(\.gz)?$", file.lower()) else ","),
        infer_schema=False,
    )
    try:
        return _scan_rows(file, scan, form)
    except pl.exceptions.NoDataError:
        if not form.skip_rows or (form.header_rows or 1) > 1:
            return None
    # a quotation mark above the header that none closes makes all of the file one cell: lines are skipped instead
    lines = first_bytes(file, 1 << 16).decode(form.encoding or "utf-8", errors="replace").splitlines()
    blank = next((i for i, line in enumerate(lines) if line.strip()), 0)
    try:
        below = partial(scan, skip_lines=blank + form.skip_rows)
        return _scan_rows(file, below, form.model_copy(update={"skip_rows": None}))
    except pl.exceptions.NoDataError:
        return None


def _scan_rows(file: str, scan: Callable[..., pl.LazyFrame], form: Format) -> pl.LazyFrame:
    """Scan a file whose columns one row names, several or none; raises NoDataError where it has no row."""
    if form.header_rows is None or form.header_rows == 1:
        return _scan_named(file, scan, form)
    head = scan(has_header=False, skip_rows=form.skip_rows or 0, n_rows=form.header_rows)
    names = _names(file, _join_headers(head.collect().rows()), form)
    below = (form.skip_rows or 0) + form.header_rows + (form.skip_rows_after_header or 0)
    cells = scan(has_header=False, skip_rows=below, new_columns=names, null_values=_nulls(form))
    cells.collect_schema()
    return cells


def _scan_named(file: str, scan: Callable[..., pl.LazyFrame], form: Format) -> pl.LazyFrame:
    """Scan a file whose columns one row names, or none; raises NoDataError where it has no row."""
    scan = partial(
        scan,
        has_header=form.has_header is not False,
        skip_rows=form.skip_rows or 0,
        skip_rows_after_header=form.skip_rows_after_header or 0,
        null_values=_nulls(form),
    )
    stored = scan().collect_schema().names()
    names = _names(file, [_as_written(name, stored) for name in stored], form)
    return scan() if names == stored else scan(new_columns=names)


def _nulls(form: Format) -> list[str] | None:
    return list(form.null_values) if form.null_values else None


def _join_headers(rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the names of columns that several rows give together, each cell without white space around it."""
    texts = [[str(cell or "").strip() for cell in row] for row in rows]
    for row in texts[:-1]:
        for i in range(1, len(row)):
            row[i] = row[i] or row[i - 1]
    return [" ".join(filter(None, cells)) for cells in zip(*texts, strict=True)]


def explain_separator(file: str, form: Format) -> BadData | None:
    """Return the error for a file whose columns stand apart by another mark than was read; None where none is seen."""
    if form.separator is not None or kind_of(file) != "text":
        return None
    with suppress(UnicodeError, OSError, EOFError):
        lines = first_bytes(file, 4096).decode(form.encoding or "utf-8", errors="replace").splitlines()[:2]
        found = next((mark for mark in ";\t|" if lines and all(mark in line for line in lines)), None)
        if found is not None:
            return BadData(
                f"columns are separated by {found!r}",
                where=file,
                expected="commas, or the key format.separator under data",
                found=repr(lines[0][:100]),
                remedy=f"say so: format: {{separator: {json.dumps(found)}}}; `backsweep init {file}` writes such keys",
            )
    return None


@dataclass(frozen=True)
class _Kinds:
    of: dict[str, pl.DataType]
    blank: int


def _find_kinds(cells: pl.LazyFrame, names: Sequence[str], form: Format, blank: pl.Expr) -> _Kinds | None:
    """Find what the cells of columns are in one pass over the file, and how many rows are blank."""
    facts = [pl.len().alias("rows"), blank.sum().alias("blank")]
    for i, name in enumerate(names):
        cell = pl.col(name)
        given = cell.is_not_null() & (cell.str.strip_chars() != "")
        facts.append((given & read_number(cell, form).is_null()).any().alias(f"{i} words"))
        facts.append((given & read_boolean(cell).is_null()).any().alias(f"{i} no boolean"))
        facts.append(given.any().alias(f"{i} given"))
    found = cells.select(facts).collect(engine="streaming").row(0, named=True)
    if found["rows"] == found["blank"]:
        return None
    kinds: dict[str, pl.DataType] = {}
    for i, name in enumerate(names):
        boolean = found[f"{i} given"] and not found[f"{i} no boolean"]
        words = found[f"{i} words"]
        kinds[name] = pl.Boolean() if boolean else pl.String() if words else pl.Float64()
    return _Kinds(kinds, found["blank"])


def _as_written(name: str, stored: Sequence[str]) -> str:
    """Return a column's name without the ending that Polars gives to the second column of one name."""
    first = re.sub(r"_duplicated_\d+$", "", name)
    return first if first in stored else name


def _names(file: str, stored: Sequence[str], form: Format) -> list[str]:
    """Return the columns' names without white space around them, or those that are declared."""
    names = [name.strip() for name in stored]
    if form.new_columns is not None:
        if len(form.new_columns) != len(names):
            raise BadData(
                "new_columns does not name every column",
                where=file,
                expected=f"{len(names)} names, one for each column"
                + ("" if form.has_header is False else f": {', '.join(names)}"),
                found=f"{len(form.new_columns)}: {', '.join(form.new_columns)}",
                remedy="name all columns, also those that are not needed; or correct format.separator",
            )
        return list(form.new_columns)
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise BadData(
            f"two columns are named {twice!r}",
            where=file,
            expected="a name of its own for every column",
            found=", ".join(names),
            remedy="name all columns anew, in their order: format: {new_columns: [...]}",
        )
    return [name or "#" * i for i, name in enumerate(names)] if names.count("") > 1 else names


def _name_rows(file: str, rows: pl.DataFrame, form: Format) -> pl.LazyFrame | None:
    """Name the rows of a sheet by their header, and leave out rows that are no data, as `scan_csv` does."""
    rows = rows.slice(form.skip_rows or 0)
    header = 0 if form.has_header is False else form.header_rows or 1
    if rows.height < 1 + header:
        return None
    stored = _join_headers(rows.head(header).rows()) if header else rows.columns
    rows.columns = _names(file, stored, form)
    rows = rows.slice((form.skip_rows_after_header or 0) + header)
    empty = ["", *(form.null_values or ())]
    return rows.lazy().with_columns(pl.when(pl.all().is_in(empty).not_()).then(pl.all()))


def _source(file: str, form: Format) -> str | bytes:
    """Return what Polars reads: the file, or its text in UTF-8 where it is in another encoding."""
    return (
        file if codecs.lookup(form.encoding or "utf-8").name in ("utf-8", "ascii") else read_text(file, form).encode()
    )


def read_text(file: str, form: Format) -> str:
    """Return the whole text of a file, which is in the encoding that `form` declares."""
    try:
        return _read_bytes(file).decode(form.encoding or "utf-8")
    except UnicodeError as error:
        raise BadData(
            f"the text is not {form.encoding}, as is declared",
            where=file,
            expected=f"text in the encoding {form.encoding}",
            found=str(error),
            remedy="correct the key format.encoding, or the file",
        ) from error


def _read_bytes(file: str) -> bytes:
    with open_stream(file) if is_url(file) else Path(file).open("rb") as stream:
        content = bytes(stream.read())
    return gzip.decompress(content) if file.lower().endswith(".gz") else content


def first_bytes(file: str, count: int) -> bytes:
    """Return the first bytes of a file, of a compressed one those of its content."""
    with open_stream(file) if is_url(file) else Path(file).open("rb") as stream:
        return bytes(gzip.open(stream).read(count) if file.lower().endswith(".gz") else stream.read(count))


def _check_encoding(file: str) -> None:
    """Refuse a file that says by its first bytes that it is not UTF-8."""
    start = first_bytes(file, 4)
    found = next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
    if found is not None:
        raise BadData(
            f"the text is {found.upper()}, and no encoding is declared",
            where=file,
            expected="UTF-8, or the key format.encoding under data",
            found=f"a file that begins with the mark of {found.upper()}",
            remedy=f"say so: format: {{encoding: {found}}}",
        )
