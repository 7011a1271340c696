"""The formats in which a file's timestamps can be read, for an error that asks which one is meant."""

from __future__ import annotations

import re
from itertools import product

import polars as pl

from backsweep.sweepfile.format import EPOCHS

_DATES = ["%Y%m%d", "%d%m%Y", "%m%d%Y"]
_DATES += [
    f"{a}{mark}{b}{mark}{c}"
    for mark in ("/", "-", ".", " ")
    for a, b, c in [
        ("%m", "%d", "%Y"),
        ("%d", "%m", "%Y"),
        ("%Y", "%m", "%d"),
        ("%m", "%d", "%y"),
        ("%d", "%m", "%y"),
        ("%y", "%m", "%d"),
        ("%d", "%b", "%Y"),
        ("%d", "%b", "%y"),
        ("%Y", "%b", "%d"),
    ]
]
_DATES += ["%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%d. %B %Y"]
_DATES += ["%a %b %d %Y", "%A, %B %d, %Y", "%Y-%m", "%m/%Y", "%b %Y", "%b-%Y"]
_TIMES: tuple[str, ...] = (
    "",
    " %H:%M:%S%.f",
    " %H:%M",
    " %I:%M:%S %p",
    " %I:%M %p",
    ", %H:%M:%S",
    ", %H:%M",
    "T%H:%M:%S%.f",
    " %H%M%S",
)
_TIMES += (" %H%M", "%H%M%S", "%H%M", ", %I:%M:%S %p", ", %I:%M %p", " at %H:%M")
_ZONES = ("", "%z", " %z", " GMT%z", " UTC")
_ORDERS = {"m": "month first", "d": "day first", "b": "day first", "Y": "year first", "y": "year first"}
_YEARS = (1900, 2100)


def find_readings(values: pl.Series) -> list[str]:
    """Return every pattern and every unit since 1970 that fits all of `values`: text, each of them once or more.

    Of patterns that read all values as the same times in the same order of day, month and year, the first: dates such
    as 02/02/2024 alone leave the order of later ones open.
    """
    values = values.unique(maintain_order=True).drop_nulls()
    first = values.head(1)
    patterns = ["".join(each) for each in product(_DATES, _TIMES, _ZONES) if each[1] or not each[2]]
    patterns = [pattern for pattern in patterns if _has_marks(first[0], pattern) and _fits(first, pattern)]
    fitting = {pattern: _read(values, pattern) for pattern in patterns if _fits(values, pattern)}
    found: list[str] = []
    for pattern, times in fitting.items():
        order = describe_reading(pattern)
        if not any(order == describe_reading(other) and times.equals(fitting[other]) for other in found):
            found.append(pattern)
    numbers = values.cast(pl.Int64, strict=False)
    if numbers.null_count() == 0:
        found += [word for word, unit in EPOCHS.items() if _is_recent(numbers.cast(pl.Float64) * unit)]
    return found


def describe_readings(found: list[str]) -> str:
    """Return in words what `find_readings` found."""
    if not found:
        return "no known reading fits all rows"
    words = [f"{describe_reading(pattern)} ({pattern})" for pattern in found]
    if len(found) == 1:
        return f"one reading fits all rows: {words[0]}"
    return f"{', '.join(words[:-1])} or {words[-1]}: {'both' if len(found) == 2 else 'all'} readings fit all rows"


def describe_reading(pattern: str) -> str:
    """Return in words what a pattern, or a unit since 1970, means."""
    if pattern in EPOCHS:
        return f"a count of {pattern.removeprefix('epoch_')} since 1970"
    return _ORDERS.get(pattern.partition("%")[2][:1].replace("B", "m"), "so")


def _has_marks(value: str, pattern: str) -> bool:
    """Whether a value has all that stands between a pattern's fields: Polars lets spaces be absent."""
    return all(mark in value for mark in re.sub(r"%\.?[A-Za-z]", "", pattern))


def _fits(values: pl.Series, pattern: str) -> bool:
    """Whether all values are times of this pattern, in years that data are likely to have."""
    years = _read(values, pattern).dt.year()
    return years.null_count() == 0 and bool(years.is_between(*_YEARS).all())


def _read(values: pl.Series, pattern: str) -> pl.Series:
    return values.str.to_datetime(pattern, time_unit="us", strict=False).dt.replace_time_zone(None)


def _is_recent(nanoseconds: pl.Series) -> bool:
    first, last = ((year - 1970) * 31_556_952e9 for year in (1975, _YEARS[1]))
    return bool(nanoseconds.is_between(first, last).all())
