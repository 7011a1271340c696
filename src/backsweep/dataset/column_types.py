"""Whether columns can be what they are taken for, by their types; only an error looks at their cells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.numbers import find_form
from backsweep.dataset.panics import PanicError, panics_caught
from backsweep.dataset.problems import place
from backsweep.dataset.sources import Part, guarded
from backsweep.dataset.text import ROW
from backsweep.errors import BadData
from backsweep.sweepfile.format import EPOCHS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backsweep.sweepfile.format import Format


def check_types(part: Part, names: Mapping[str, str], pattern: str | None) -> list[BadData]:
    """Return an error for each column that cannot be what it is taken for."""
    errors = []
    for here, stored in names.items():
        dtype = part.schema[stored]
        if here == "timestamp":
            counted = dtype.is_integer()
            good = isinstance(dtype, pl.Date | pl.Datetime | pl.String | pl.Null) or (counted and pattern is not None)
            expected, readable = "Date or Datetime, or text", pl.lit(None)
            remedy = "write times in ISO form such as 2020-12-31 or 2020-12-31T16:00:00, all with a zone or all without"
            if counted:
                remedy = f"declare under data what the numbers are: format: {{timestamp: {' or '.join(EPOCHS)}}}"
        elif here == "asset":
            good = isinstance(dtype, pl.String | pl.Categorical | pl.Enum) or dtype.is_integer()
            expected, readable, remedy = "text", pl.lit(None), "store the asset's name as text"
        else:
            good, expected = dtype.is_numeric() or dtype == pl.Null, "a number"
            readable = part.number(stored)
            remedy = "store numbers only, and leave a cell empty rather than write a word"
        if not good:
            row, value = first_unreadable(part, stored, readable)
            if isinstance(value, str) and part.form is not None:
                remedy = _suggest_form(value, part.form) or remedy
            errors.append(
                BadData(
                    f"wrong dtype of column {stored!r}" + (f", read as {here}" if here != stored else ""),
                    where=place(part.name, row, stored),
                    expected=expected,
                    found=f"{value!r} ({dtype})" if row else str(dtype),
                    remedy=remedy,
                )
            )
    return errors


def _suggest_form(cell: str, form: Format) -> str:
    """Return the key that says how a cell is a number; empty where none does."""
    found = find_form(cell, form)
    if found is None:
        return f"say what the word stands for: format: {{null_values: [{cell!r}]}}, or correct the row"
    keys = ", ".join(f"{key}: {json.dumps(value)}" for key, value in found.items())
    return f"say under data how numbers are written: format: {{{keys}}}"


def first_unreadable(part: Part, stored: str, readable: pl.Expr) -> tuple[int | None, object]:
    """Row and value of the first cell that `readable` turns into null; the first row where there is none."""
    frame = part.located.filter(pl.col(stored).is_not_null())
    picked = pl.col(ROW, stored)
    try:
        with panics_caught():
            rows = frame.filter(readable.is_null()).select(picked).head(1).collect()
    except (pl.exceptions.PolarsError, PanicError):  # the column holds nothing that could be read so
        rows = guarded(part.name, frame.select(picked).head(1).collect)
    return rows.row(0) if rows.height else (None, None)
