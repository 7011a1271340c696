"""The `format` of data files: how text writes timestamps, numbers and columns."""

from __future__ import annotations

import math
import re
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from backsweep.sweepfile.section import Section

EPOCHS = {"epoch_s": 10**9, "epoch_ms": 10**6, "epoch_us": 10**3, "epoch_ns": 1}
"""Timestamps counted since 1970 in UTC, by the word for them: nanoseconds in one unit."""

SIGNS = "()\u2212\u2013\u2014\ufe63\uff0d"
"""Parentheses and dashes, which say that a number is negative: never removed from one."""

Name = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Factor = Annotated[float, Field(gt=0)]


def _check_encoding(value: object) -> object:
    """Refuse a name that is not one of Python's text encodings."""
    try:
        known = isinstance(value, str) and "".encode(value) is not None
    except (LookupError, UnicodeError):
        known = False
    if not known:
        message = f"expected the name of a text encoding, such as utf-8, utf-16 or cp1252, found {value!r}"
        raise ValueError(message)
    return value


class Format(Section):
    """How a file writes its values. All but `timestamp` are of text files and Excel workbooks."""

    timestamp: Name | None = None
    """A pattern of `polars.Expr.str.to_datetime`, such as `%m/%d/%Y`, or a number since 1970 in UTC, as `epoch_s`,
    `epoch_ms`, `epoch_us` or `epoch_ns`. By default text is ISO 8601, year first: a date, or a date and a time with `T`
    or a space between, perhaps with a fraction of a second, an offset from UTC or Z."""
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """What stands between two columns; by default a comma, and a tab in `.tsv` files."""
    decimal_comma: bool | None = None
    """Whether numbers have a comma where others have a point: `10,5`."""
    thousands: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """What stands between groups of digits, such as the comma of `4,769.83`; it is removed."""
    strip: Name | None = None
    """Characters that are removed from numbers, such as `$%`."""
    suffixes: dict[Name, Factor] | None = None
    """What letters behind a number stand for: `{K: 1e3, M: 1e6, B: 1e9}`."""
    null_values: tuple[str, ...] | None = None
    """Cells that stand for an empty one, such as `["null", "-"]`."""
    has_header: bool | None = None
    """Whether the first row names the columns; without one, `new_columns` has to."""
    new_columns: tuple[str, ...] | None = None
    """The names of all columns in their order, instead of those in the file."""
    header_rows: Annotated[int, Field(ge=1)] | None = None
    """How many rows name the columns, one by default. Their cells are joined by a space; above the last of them an
    empty cell takes the name to its left."""
    skip_rows: Count | None = None
    """How many rows stand above the header, or above the data where there is no header."""
    skip_rows_after_header: Count | None = None
    """How many rows between the header and the data are no data."""
    encoding: Annotated[str, BeforeValidator(_check_encoding)] | None = None
    """The encoding of the text, by its name in Python: `utf-16`, `cp1252`. By default UTF-8. Others are decoded in
    memory."""
    sheet: Name | None = None
    """The sheet of an Excel workbook; needed where there are several."""

    @property
    def text_keys(self) -> list[str]:
        """The keys that are given and say something of text files alone."""
        return [name for name in self.model_fields_set if name != "timestamp" and getattr(self, name) is not None]

    @field_validator("timestamp")
    @classmethod
    def _check_pattern(cls, pattern: str | None) -> str | None:
        """Refuse a pattern without a `%`, and the codes `%Z`, `%s`, `%c`, `%x` and `%X`."""
        if pattern is None or pattern in EPOCHS:
            return pattern
        if "%" not in pattern:
            message = f"expected a pattern such as %m/%d/%Y, or one of {', '.join(EPOCHS)}"
            raise ValueError(message)
        pattern = pattern.replace(".%f", "%.f")
        unread = re.search(r"%(?:f|Z|s|c|x|X)", pattern)
        if unread:
            instead = {"%f": "%.f reads a fraction with its point", "%s": "epoch_s reads seconds since 1970"}
            message = f"{unread[0]} cannot be read" + (f": {instead[unread[0]]}" if unread[0] in instead else "")
            raise ValueError(message)
        return pattern

    @field_validator("suffixes")
    @classmethod
    def _check_suffixes(cls, suffixes: dict[str, float] | None) -> dict[str, float] | None:
        """Refuse suffixes that are no letters, or stand for other numbers than powers of ten, such as 1e3 or 1e6."""
        mark = next((word for word in suffixes or {} if not word.isalpha()), None)
        if mark is not None:
            message = f"the suffix {mark!r} is not made of letters; `strip` removes marks such as %"
            raise ValueError(message)
        odd = next(
            (word for word, value in (suffixes or {}).items() if value != 10.0 ** round(math.log10(value))), None
        )
        if odd is not None:
            message = f"the suffix {odd!r} does not stand for a power of ten, such as 1e3 or 1e6"
            raise ValueError(message)
        return suffixes

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        """Refuse `has_header: false` without `new_columns`, and two of these that are equal."""
        if self.has_header is False and not self.new_columns:
            message = "has_header: false wants the names of all columns: new_columns: [timestamp, open, high, ...]"
            raise ValueError(message)
        if self.has_header is False and self.header_rows is not None:
            message = "header_rows: there is no header"
            raise ValueError(message)
        names = self.new_columns or ()
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            message = f"two of new_columns are {twice!r}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _check_marks(self) -> Self:
        """Refuse a decimal mark that stands between groups of digits or is removed, and digits and signs that are."""
        point = "," if self.decimal_comma else "."
        removed = f"{self.thousands or ''}{self.strip or ''}"
        part = next((mark for mark in removed if mark in f"0123456789+-eE{SIGNS}"), None)
        if part is not None:
            message = f"{part!r} is part of numbers, and cannot be removed from them"
            raise ValueError(message)
        for key, marks in (("thousands", self.thousands or ""), ("strip", self.strip or "")):
            if point in marks:
                message = f"{key} has {point!r}, which is the decimal mark" + (
                    "; say `decimal_comma: true` where that is a comma" if point == "." else ""
                )
                raise ValueError(message)
        return self
