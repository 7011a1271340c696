"""The columns of data files: which is which, and whether its type fits.

A layout describes one part, a table all parts of one role (bars, signals, context, actions). Only schemas are read
here; `scan` and `checks` read the values.
"""

from __future__ import annotations

import difflib
import keyword
from dataclasses import dataclass

import polars as pl

from backsweep.dataset.panics import PanicError, panics_caught
from backsweep.dataset.sources import KEY_COLUMNS, Part, guarded
from backsweep.dataset.timestamps import Clock, read_clock
from backsweep.errors import BadData, BadInput
from backsweep.sweepfile.data import EPOCHS, ROLES

PRICES = ("open", "high", "low", "close")
BAR = (*KEY_COLUMNS, *PRICES, "volume")
ACTIONS = ("split", "dividend", "delisting")
KEYS = dict.fromkeys(ROLES, KEY_COLUMNS) | {"context": ("timestamp",)}
REQUIRED = {**KEYS, "bars": BAR}
RESERVED = ("last_of_session", "minutes_to_close", "time_of_day", "compile_attribute", "view_type")
"""Names of other attributes of a bar, or of the context."""
NO_NAME = "its name cannot be an attribute of a bar"
PART, ROW = "#part", "#row"
"""Columns that say where a row stands: number of the part and 1-based data row in it."""


@dataclass(frozen=True)
class Layout:
    """One part with its columns: `names` maps a name here to the name as stored, `clock` reads its timestamps.

    `left_out` has the reason for each column that is not used.
    """

    part: Part
    names: dict[str, str]
    clock: Clock
    left_out: dict[str, str]

    @property
    def zone(self) -> str | None:
        """The time zone of the data, None where times have none."""
        return self.clock.zone


@dataclass(frozen=True)
class Table:
    """All parts of one role. `values` are the columns beyond the required ones, in the order of the first part.

    `prices` says of bars whether prices at or below zero are allowed: `positive` or `any`. `others` names the files of
    the folder that are not read.
    """

    role: str
    layouts: tuple[Layout, ...]
    values: tuple[str, ...]
    prices: str = "positive"
    others: tuple[str, ...] = ()

    @property
    def zone(self) -> str | None:
        return self.layouts[0].zone

    @property
    def source(self) -> str:
        """What errors call the table as a whole."""
        first = self.layouts[0].part.name
        return first if len(self.layouts) == 1 else f"{first} and {len(self.layouts) - 1} more"

    @property
    def left_out(self) -> list[str]:
        """Notes on columns that are not used, and on files that are not read."""
        reasons = {column: reason for layout in self.layouts for column, reason in layout.left_out.items()}
        notes = [f"column {column!r} of the {self.role} is not used: {reason}" for column, reason in reasons.items()]
        if self.others:
            names = ", ".join(self.others[:5]) + (" ..." if len(self.others) > 5 else "")
            notes.append(f"not read in the folder of the {self.role}: {len(self.others):,} of other kinds, {names}")
        return notes

    @property
    def single(self) -> bool:
        """Whether all prices are stored in single precision."""
        stored = [layout.part.schema[layout.names[name]] for layout in self.layouts for name in PRICES]
        return all(dtype == pl.Float32 for dtype in stored)


def arrange(
    role: str, parts: tuple[Part, ...], columns: dict[str, str], pattern: str | None = None, timezone: str | None = None
) -> Table:
    """Find every column of every part, or raise BadData that names the file and the column.

    `pattern` and `timezone` are what is declared of timestamps.
    """
    layouts = tuple(_lay_out(role, part, columns, pattern, timezone) for part in parts)
    first = layouts[0]
    values = tuple(dict.fromkeys(name for layout in layouts for name in layout.names if name not in REQUIRED[role]))
    for layout in layouts:
        for name in values:
            if name not in layout.names:
                other = next(each.part.name for each in layouts if name in each.names)
                raise BadData(
                    f"no numeric column {name!r}, which {other} has",
                    where=layout.part.name,
                    expected="the same columns in all files of one table",
                    found=_listed(layout.part.schema),
                    remedy="add the column to this file or take it out of the other",
                )
        if layout.zone != first.zone:
            raise _zone_conflict(layout, first)
    if role != "bars" and not values:
        wanted = f"one of {', '.join(ACTIONS)}" if role == "actions" else "one numeric column"
        raise BadData(
            f"no {role.removesuffix('s')} column",
            where=first.part.name,
            expected=f"at least {wanted} besides {', '.join(REQUIRED[role])}",
            found=_listed(first.part.schema),
            remedy=f"add columns to the file, or leave data.{role} out",
        )
    return Table(role, layouts, values)


def check_renames(columns: dict[str, str], tables: dict[str, tuple[Part, ...]], section: str = "data") -> None:
    """Raise BadInput for a rename of a column that no file of `tables` has."""
    stored = list(dict.fromkeys(name for parts in tables.values() for part in parts for name in part.schema))
    for here, name in columns.items():
        if name not in stored:
            raise BadInput(
                f"column {name!r}, to be renamed to {here!r}, does not exist",
                where=f"{next(iter(tables.values()))[0].name}, {section}.columns.{here}",
                expected="{name here: name in the file}",
                found=", ".join(stored),
                remedy=_suggest(name, stored) or "write the column's name as it stands in the file",
            )


def check_zones(tables: list[Table]) -> None:
    """Bars, signals and context must all have a time zone, or none of them."""
    bars, *others = tables
    for table in others:
        if (table.zone is None) != (bars.zone is None):
            raise _zone_conflict(table.layouts[0], bars.layouts[0])


def nearest(name: str, known: list[str]) -> str | None:
    """Find the known name closest to `name` whatever its case, or None."""
    by_lower = {each.lower(): each for each in reversed(known)}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1)
    return by_lower[close[0]] if close else None


def _lay_out(role: str, part: Part, columns: dict[str, str], pattern: str | None, timezone: str | None) -> Layout:
    names: dict[str, str] = {}
    for here in REQUIRED[role]:
        stored = columns.get(here, here)
        names[here] = stored if stored in part.schema else here
        if names[here] not in part.schema:
            raise _missing(role, part, here, stored)
    renamed = {here: stored for here, stored in columns.items() if stored in part.schema and here not in names}
    used = {*names.values(), *renamed.values()}
    kept = {name: name for name in part.schema if name not in used and name not in names and name not in renamed}
    _check_types(part, names, pattern)
    left_out = {}
    for here, stored in (renamed | kept).items():
        if role == "actions" and here not in ACTIONS:
            left_out[stored] = f"it is none of {', '.join(ACTIONS)}"
            continue
        problem = _unusable(role, here, part.schema[stored])
        if not problem:
            names[here] = stored
        elif role != "bars" or here in RESERVED:
            raise _refused(role, part, stored, problem)
        else:
            left_out[stored] = problem
    asset = names.get("asset")
    part, clock = read_clock(part, names["timestamp"], pattern, timezone, asset)
    return Layout(part, names, clock, left_out)


def _unusable(role: str, name: str, dtype: pl.DataType) -> str:
    """Return why a column cannot be a signal or a context series; empty where it can."""
    if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
        return f"it is {dtype}, not a number"
    if name in (BAR if role == "signals" else KEY_COLUMNS):
        return "its name is that of a column of the bars"
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        return NO_NAME
    return "its name is that of an attribute which every bar has" if name in RESERVED else ""


def _refused(role: str, part: Part, stored: str, problem: str) -> BadData:
    dtype = part.schema[stored]
    text = dtype == pl.String
    row, value = (
        _first_unreadable(part, stored, pl.col(stored).cast(pl.Float64, strict=False)) if text else (None, None)
    )
    return BadData(
        f"{role.removesuffix('s')} column {stored!r} cannot be used: {problem}",
        where=place(part.name, row, stored),
        expected="numeric or boolean columns, each with a plain name of its own",
        found=f"{value!r} ({dtype})" if row else f"{stored!r} ({dtype})",
        remedy="correct, drop or rename the column in the file, or rename it under data.columns",
    )


def _check_types(part: Part, names: dict[str, str], pattern: str | None) -> None:
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
            readable = pl.col(stored).cast(pl.Float64, strict=False)
            remedy = "store numbers only, and leave a cell empty rather than write a word"
        if not good:
            row, value = _first_unreadable(part, stored, readable)
            raise BadData(
                f"wrong dtype of column {stored!r}" + (f", read as {here}" if here != stored else ""),
                where=place(part.name, row, stored),
                expected=expected,
                found=f"{value!r} ({dtype})" if row else str(dtype),
                remedy=remedy,
            )


def _first_unreadable(part: Part, stored: str, readable: pl.Expr) -> tuple[int | None, object]:
    """Row and value of the first cell that `readable` turns into null; the first row where there is none."""
    frame = part.frame.with_row_index(ROW, offset=1).filter(pl.col(stored).is_not_null())
    picked = pl.col(ROW, stored)
    try:
        with panics_caught():
            rows = frame.filter(readable.is_null()).select(picked).head(1).collect()
    except (pl.exceptions.PolarsError, PanicError):  # the column holds nothing that could be read so
        rows = guarded(part.name, frame.select(picked).head(1).collect)
    return rows.row(0) if rows.height else (None, None)


def _missing(role: str, part: Part, here: str, stored: str) -> BadData:
    found = list(part.schema)
    hint = _suggest(here, found, here) or _suggest(stored, found, here)
    return BadData(
        f"missing column {stored!r}" + (f", to be renamed to {here!r}" if stored != here else ""),
        where=place(part.name, None, stored),
        expected=f"{role} with the column{'s' if len(REQUIRED[role]) > 1 else ''} {', '.join(REQUIRED[role])}",
        found=_listed(part.schema),
        remedy=hint or f"add the column, or name the one to use: columns: {{{here}: NAME_IN_THE_FILE}}",
    )


def _suggest(name: str, found: list[str], here: str | None = None) -> str:
    close = nearest(name, found)
    if close is None:
        return ""
    return f"nearest is {close!r}" + (f": write columns: {{{here}: {close}}}" if here else "")


def _zone_conflict(one: Layout, other: Layout) -> BadData:
    return BadData(
        "mixed time zones",
        where=place(one.part.name, None, one.names["timestamp"]),
        expected=f"{other.zone or 'no time zone'}, as in {other.part.name}",
        found=one.zone or "no time zone",
        remedy="declare under data the time zone of times without one, such as `timezone: America/New_York`",
    )


def place(name: str, row: object, column: str) -> str:
    return f"{name}, row {row}, column {column}" if row is not None else f"{name}, column {column}"


def _listed(schema: pl.Schema) -> str:
    return ", ".join(schema) or "no columns"
