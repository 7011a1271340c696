"""The `data` section of a sweep file: where the market data lies, and which part of it is wanted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from backsweep.section import Section

FIRST_YEAR, LAST_YEAR = 1678, 2261
"""The whole years that int64 nanoseconds since 1970 can hold."""


def _read_bound(value: object) -> object:
    """Read text as a date only where it is one: `2020-12-31T00:00` is a moment, `2020-12-31` a whole day."""
    if value is None or isinstance(value, date):
        return value
    text = str(value).strip()
    try:
        return date.fromisoformat(text) if len(text) <= len("2020-12-31") else datetime.fromisoformat(text)
    except ValueError as error:
        message = f"expected a date such as 2020-12-31 or a moment such as 2020-12-31T16:00:00, found {value!r}"
        raise ValueError(message) from error


Bound = Annotated[date | datetime, BeforeValidator(_read_bound)]
Name = Annotated[str, Field(min_length=1)]


class DataSpec(Section):
    """What to load.

    `bars`, `signals`, `context` and `actions` are each a file, a glob, a folder or an object-store URL; paths are
    absolute. `actions` has corporate actions (see `dataset.actions`), and may be the bars' own file.
    `columns` maps a name here to the name in the files. `assets`, `start` and `end` narrow what is read; both ends are
    inclusive, and a date as `end` includes that whole day. A bound without a time zone is in the zone of the data.
    """

    bars: Name
    signals: Name | None = None
    context: Name | None = None
    actions: Name | None = None
    columns: dict[Name, Name] = Field(default_factory=dict)
    assets: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    start: Bound | None = None
    end: Bound | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        for name, bound in (("start", self.start), ("end", self.end)):
            if bound is not None and not FIRST_YEAR <= bound.year <= LAST_YEAR:
                message = f"{name} {bound} is outside the years {FIRST_YEAR} to {LAST_YEAR}, which timestamps can hold"
                raise ValueError(message)
        if self.start is not None and self.end is not None and _day(self.start) > _day(self.end):
            message = f"start {self.start} is after end {self.end}"
            raise ValueError(message)
        return self


def _day(bound: date | datetime) -> date:
    return bound.date() if isinstance(bound, datetime) else bound
