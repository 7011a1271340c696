"""Reading the timestamps of a file: as declared, or as ISO 8601 with the year first, without guessing.

Text is a date (its midnight), or a date and a time, perhaps with an offset from UTC, in all rows or in none. Times
without an offset are in the zone of `data.timezone`; without that key they have no zone. The key also
defines the sessions; without it they are those of the column's own zone, or UTC. Offsets do not define a zone, as they
do not determine when clocks change: intraday files with offsets other than zero need the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.clock_changes import instants, resolve
from backsweep.dataset.readings import describe_readings, find_readings
from backsweep.dataset.sources import Part, gather, guarded
from backsweep.errors import BadData
from backsweep.sweepfile.data import FIRST_YEAR, LAST_YEAR
from backsweep.sweepfile.format import EPOCHS

if TYPE_CHECKING:
    from typing import NoReturn

_OFFSET = r"(Z|[+-]\d\d(?::?\d\d)?)$"
_YEAR = r"(?:167[89]|16[89]\d|1[789]\d\d|2[01]\d\d|22[0-5]\d|226[01])"
ISO = (
    rf"^{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?$"
)
"""ISO 8601 with the year first, as text is read that is not declared."""
_DATE, _MINUTE = len("2024-01-02"), len("2024-01-02 09:30")
_KEY = "data.format: {timestamp: PATTERN}"
_ALONE = (
    "; where files differ, each has its own: `bars: {path: FILE, format: {timestamp: PATTERN}}`, and so for the others"
)


@dataclass(frozen=True)
class Clock:
    """How the timestamps of one part become instants.

    Attributes
    ----------
    moment : a Date or Datetime expression over the part's columns.
    stored : the time zone of `moment`, None where it has none.
    zone : the time zone of the data, None where times have none: they count as UTC.

    """

    moment: pl.Expr
    stored: str | None
    zone: str | None

    @property
    def nanoseconds(self) -> pl.Expr:
        """Int64 nanoseconds UTC; null where there is no such time, or none that int64 can hold."""
        local = self.moment.cast(pl.Datetime("ns", self.stored), strict=False)
        if self.stored is None and self.zone is not None:
            local = instants(local, self.zone)
        return local.cast(pl.Int64)


def read_clock(
    part: Part, column: str, pattern: str | None, timezone: str | None, asset: str | None
) -> tuple[Part, Clock]:
    """Determine how a part's timestamps are read; returns the part too, or one in which they are resolved.

    `pattern` and `timezone` are what is declared, `asset` the column that says which rows follow each other. The dtype
    is a date, a datetime, text or a whole number. Raises BadData, with the first values, for what has to be declared.
    """
    dtype = part.schema[column]
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return part, Clock(pl.col(column), dtype.time_zone, timezone or dtype.time_zone)
    if dtype.is_temporal():
        moment, stored = pl.col(column), None
    elif pattern in EPOCHS:
        moment, stored = _count(part, column, pattern), "UTC"
    elif pattern is not None:
        moment, stored = _declared(part, column, pattern, timezone)
    else:
        moment, stored = _iso(part, column, timezone)
    if stored is None and timezone is not None:
        resolved = resolve(part, column, moment, timezone, asset)
        if resolved is not None:
            return resolved, Clock(pl.col(column), timezone, timezone)
    return part, Clock(moment, stored, timezone or stored)


def _text(part: Part, column: str) -> pl.Expr:
    return (
        pl.col(column).cast(pl.String).str.strip_chars() if part.schema[column] != pl.Null else pl.lit(None, pl.String)
    )


def _count(part: Part, column: str, unit: str) -> pl.Expr:
    number = _text(part, column).cast(pl.Int64, strict=False)
    limit = 2**63 // EPOCHS[unit] - 1
    moment = pl.when(number.abs() <= limit).then(number * EPOCHS[unit]).cast(pl.Datetime("ns", "UTC"))
    _check_fit(part, column, moment, f"a whole number, as {unit} is declared, in the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def _declared(part: Part, column: str, pattern: str, timezone: str | None) -> tuple[pl.Expr, str | None]:
    text = _text(part, column)
    coarse = text.str.to_datetime(pattern, time_unit="us", strict=False)
    fine = text.str.to_datetime(pattern, time_unit="ns", strict=False) if "%." in pattern else coarse
    moment = pl.when(coarse.dt.year().is_between(FIRST_YEAR, LAST_YEAR)).then(fine)
    _check_fit(part, column, moment, f"a time of the declared form {pattern}, in the years {FIRST_YEAR} to {LAST_YEAR}")
    if "%z" not in pattern and "%:z" not in pattern and "%#z" not in pattern:
        return moment, None
    if timezone is None:
        raise _no_zone(part, column, _first(part, column, pl.lit(value=True)))
    return moment, "UTC"


def _check_fit(part: Part, column: str, read: pl.Expr, expected: str) -> None:
    odd = _is_given(part, column) & read.is_null()
    if _facts(part, odd=odd.any())["odd"]:
        row, value = _first(part, column, odd)
        raise BadData(
            "a timestamp in another form than declared",
            where=f"{part.name}, row {row}, column {column}",
            expected=expected,
            found=repr(value),
            remedy=f"correct the row, or the key format.timestamp{_ALONE}",
        )


def _iso(part: Part, column: str, timezone: str | None) -> tuple[pl.Expr, str | None]:
    """Read ISO 8601; the forms in the file are found first, so that only these are parsed."""
    text = _text(part, column)
    given = _is_given(part, column)
    has_offset = text.str.slice(_DATE).str.contains(_OFFSET)
    local = pl.when(has_offset).then(text.str.replace(_OFFSET, "")).otherwise(text)
    width = local.str.len_bytes()
    facts = _facts(
        part,
        odd=(given & text.str.contains(ISO).not_()).any(),
        zoned=(given & has_offset).any(),
        naive=(given & has_offset.not_()).any(),
        dates=(width == _DATE).any(),
        minutes=(width == _MINUTE).any(),
        seconds=(width > _MINUTE).any(),
    )
    if facts["odd"]:
        _ask_for_pattern(part, column)
    if facts["zoned"] and facts["naive"]:
        raise _mixed(part, column, given, has_offset)
    plain = (local if facts["zoned"] else text).str.replace("T", " ", literal=True)
    forms = {"minutes": "%Y-%m-%d %H:%M", "seconds": "%Y-%m-%d %H:%M:%S%.f", "dates": "%Y-%m-%d"}
    found = [form for name, form in forms.items() if facts[name]] or [forms["dates"]]
    moment = pl.coalesce(plain.str.to_datetime(form, time_unit="ns", strict=False) for form in found)
    if not facts["zoned"]:
        return moment, None
    return _without_offset(part, column, text, moment, timezone), "UTC"


def _mixed(part: Part, column: str, given: pl.Expr, has_offset: pl.Expr) -> BadData:
    """Return the error for the first row that differs from those before it."""
    (row, value), (other_row, other) = (_first(part, column, given & each) for each in (has_offset, has_offset.not_()))
    if row < other_row:
        row, value, other = other_row, other, value
    return BadData(
        "times with and without an offset from UTC",
        where=f"{part.name}, row {row}, column {column}",
        expected=f"the form of the rows before, such as {other!r}",
        found=repr(value),
        remedy="write all timestamps of a file in one ISO form, such as 2020-12-31T16:00:00 or 2020-12-31T16:00:00Z",
    )


def _without_offset(part: Part, column: str, text: pl.Expr, local: pl.Expr, timezone: str | None) -> pl.Expr:
    """Return the instants of local times with offsets; raises BadData where sessions would need a zone."""
    offset = text.str.extract(_OFFSET).str.replace("Z", "+00").str.replace(":", "", literal=True)
    minutes = offset.str.slice(1, 2).cast(pl.Int64) * 60 + offset.str.slice(3, 2).cast(
        pl.Int64, strict=False
    ).fill_null(0)
    shift = pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes)
    instant = local - pl.duration(minutes=shift, time_unit="ns")
    if timezone is None:
        clock = local.dt.time()
        facts = _facts(
            part,
            shifted=(shift != 0).any(),
            intraday=clock.min() != clock.max(),
            moved=(local.dt.date() != instant.dt.date()).any(),
        )
        if facts["shifted"] and (facts["intraday"] or facts["moved"]):
            raise _no_zone(part, column, _first(part, column, shift != 0))
    return instant.dt.replace_time_zone("UTC")


def _no_zone(part: Part, column: str, found: tuple[int, object]) -> BadData:
    row, value = found
    return BadData(
        "times with an offset from UTC, and no time zone that defines the sessions",
        where=f"{part.name}, row {row}, column {column}",
        expected="the key timezone under data: an offset does not say when clocks change",
        found=repr(value),
        remedy="add the zone of the exchange, such as `timezone: America/New_York`; `timezone: UTC` cuts UTC days",
    )


def _ask_for_pattern(part: Part, column: str) -> NoReturn:
    """Raise BadData with the possible formats of timestamps that are not ISO 8601."""
    text = _text(part, column)
    given = _is_given(part, column)
    values = guarded(part.name, part.frame.filter(given).select(text.alias(column)).collect)[column]
    found = find_readings(values)
    row, value = _first(part, column, given & text.str.contains(ISO).not_())
    first = ", ".join(map(repr, values.head(3).to_list()))
    fits = [f'`format: {{timestamp: "{pattern}"}}`' for pattern in found]
    raise BadData(
        "timestamps that are not in ISO form, year first",
        where=f"{part.name}, row {row}, column {column}",
        expected="2020-12-31 or 2020-12-31T16:00:00, all with an offset or all without, or the key format.timestamp",
        found=f"{value!r}; the first values are {first}; {describe_readings(found)}",
        remedy=f"declare under data which it is: {' or '.join(fits)}{_ALONE}"
        if fits
        else f"write times in ISO form, or {_KEY}",
    )


def _is_given(part: Part, column: str) -> pl.Expr:
    text = _text(part, column)
    return (text.is_not_null() & (text != "")).fill_null(value=False)


def _facts(part: Part, **facts: pl.Expr) -> dict[str, bool]:
    """Evaluate facts about a part's rows in one pass that streams."""
    scan = part.frame.select(fact.fill_null(value=False).alias(name) for name, fact in facts.items())
    return gather([(part.name, scan)], streaming=True).row(0, named=True)


def _first(part: Part, column: str, where: pl.Expr) -> tuple[int, object]:
    """Return the row, from 1, and the value of the first cell for which `where` holds."""
    scan = part.located.filter(where).select("#row", column).head(1)
    row: tuple[int, object] = guarded(part.name, scan.collect).row(0)
    return row
