"""The sheets of an Excel workbook as text, which is then read like that of a text file."""

from __future__ import annotations

import importlib.util
from typing import Any

import polars as pl

from backsweep.dataset.files import first_line, is_url, open_stream
from backsweep.errors import BadData, BadInput

_EMPTY_DAY = r"^1899-12-3[01] "
_MIDNIGHT = r"^(\d{4}-\d\d-\d\d) 00:00:00$"


def read_sheet(file: str, sheet: str | None) -> pl.DataFrame:
    """Return the cells of a sheet as text, from its first used row on, without names of columns.

    A date is ISO 8601, a time of day `09:30:00`, a number as short as it can be written. Raises BadInput without the
    package `fastexcel`, and BadData where the workbook has no such sheet or several of which none is named.
    """
    book = _open(file)
    names = book.sheet_names
    if sheet is None and len(names) > 1:
        raise BadData(
            "a workbook of several sheets",
            where=file,
            expected="the key format.sheet under data, with the name of one of them",
            found=", ".join(names),
            remedy=f'say which: format: {{sheet: "{names[0]}"}}',
        )
    if sheet is not None and sheet not in names:
        raise BadData(
            f"no sheet {sheet!r}",
            where=file,
            expected="a sheet of the workbook",
            found=", ".join(names),
            remedy="correct the key format.sheet",
        )
    rows: pl.DataFrame = book.load_sheet(sheet or names[0], header_row=None, dtypes="string").to_polars()
    return rows.with_columns(pl.all().str.replace(_EMPTY_DAY, "").str.replace(_MIDNIGHT, "$1"))


def sheet_names(file: str) -> list[str]:
    """Return the names of a workbook's sheets."""
    return list(_open(file).sheet_names)


def _open(file: str) -> Any:
    if importlib.util.find_spec("fastexcel") is None:
        raise BadInput(
            "Excel files are read by the package fastexcel, which is not installed",
            where=file,
            expected="the optional part `excel` of backsweep",
            remedy="pip install 'backsweep[excel]', or save the sheet as CSV",
        )
    import fastexcel  # noqa: PLC0415 - optional

    try:
        if not is_url(file):
            return fastexcel.read_excel(file)
        with open_stream(file) as stream:
            return fastexcel.read_excel(bytes(stream.read()))
    except fastexcel.FastExcelError as error:
        raise BadData(
            "cannot be read",
            where=file,
            expected="a readable Excel workbook",
            found=first_line(error),
            remedy="save it again as .xlsx, or as CSV",
        ) from error
