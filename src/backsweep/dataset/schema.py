"""The columns of data files: which is which, and whether its type fits.

A layout describes one part, a table all parts of one role (`ROLES`). Only schemas are read
here; `scan` and `checks` read the values.
"""

from __future__ import annotations

import difflib
import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from backsweep.dataset.column_types import check_types, first_unreadable
from backsweep.dataset.problems import place, raise_together
from backsweep.dataset.sources import KEY_COLUMNS, Part, stored_columns
from backsweep.dataset.timestamps import Clock, read_clock
from backsweep.dataset.wide import match_columns
from backsweep.errors import BadData, BadInput
from backsweep.sweepfile.data import ROLES, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backsweep.sweepfile.data import Columns

PRICES = ("open", "high", "low", "close")
BAR = (*KEY_COLUMNS, *PRICES, "volume")
ACTIONS = ("split", "dividend", "delisting")
KEYS = dict.fromkeys(ROLES, KEY_COLUMNS) | dict.fromkeys(("context", "benchmark"), ("timestamp",))
REQUIRED = {**KEYS, "bars": BAR, "benchmark": ("timestamp", "close"), "detail": (*KEY_COLUMNS, *PRICES)}
RESERVED = ("last_of_session", "minutes_to_close", "time_of_day", "compile_attribute", "view_type")
"""Names of other attributes of a bar, or of the context."""
NO_NAME = "its name cannot be an attribute of a bar"
PART = "#part"
"""The column that says, beside `#row`, where a row stands: the number of its part."""


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
    the folder that are not read, and `volumes` says whether the bars have any.
    """

    role: str
    layouts: tuple[Layout, ...]
    values: tuple[str, ...]
    prices: str = "positive"
    others: tuple[str, ...] = ()
    volumes: bool = True

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
        dropped = sum(layout.part.dropped for layout in self.layouts)
        if dropped:
            notes.append(f"{dropped:,} row{'s'[: dropped > 1]} of the {self.role} without any value left out")
        if not self.volumes:
            notes.append("the bars have no volume, as is declared: it is 0 in every bar")
        return notes

    @property
    def single(self) -> bool:
        """Whether all prices are stored in single precision."""
        stored = [layout.part.schema[layout.names[name]] for layout in self.layouts for name in PRICES]
        return all(dtype == pl.Float32 for dtype in stored)


def arrange(
    role: str,
    parts: Sequence[Part],
    columns: Sequence[Mapping[str, str]] | None = None,
    pattern: str | None = None,
    timezone: str | None = None,
    wrong: Mapping[str, BadInput] | None = None,
) -> Table:
    """Find every column of every part, or raise BadData that names the file and the columns.

    `columns` are the renames of each part; `pattern` and `timezone` are what is declared of timestamps, and `wrong`
    the errors of renames that meet no column.
    """
    pairs = zip(parts, columns or [{}] * len(parts), strict=True)
    layouts = tuple(_lay_out(role, *pair, pattern, timezone, wrong or {}) for pair in pairs)
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
    if role not in {"bars", "benchmark", "detail"} and not values:
        wanted = f"one of {', '.join(ACTIONS)}" if role == "actions" else "one numeric column"
        raise BadData(
            f"no {role.removesuffix('s')} column",
            where=first.part.name,
            expected=f"at least {wanted} besides {', '.join(REQUIRED[role])}",
            found=_listed(first.part.schema),
            remedy=f"add columns to the file, or leave data.{role} out",
        )
    return Table(role, layouts, values)


def check_renames(columns: Columns, stored: Iterable[str], place: str) -> dict[str, BadInput]:
    """Return an error for each rename, by the name here, that meets none of the columns `stored` of the files."""
    found = list(dict.fromkeys(stored))
    patterns = [name for name in columns.values() if isinstance(name, str) and is_pattern(name)]
    fits = {name for name in patterns if match_columns(name, found)}
    return {
        here: BadInput(
            f"column {name!r}, to be renamed to {here!r}, does not exist",
            where=f"{place}.columns.{here}",
            expected="{name here: name in the file}",
            found=", ".join(found),
            remedy=_suggest(name, found) or "write the column's name as it stands in the file",
        )
        for here in columns
        for name in stored_columns(columns, [here])
        if name not in found and name not in fits
    }


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


def _lay_out(
    role: str,
    part: Part,
    columns: Mapping[str, str],
    pattern: str | None,
    timezone: str | None,
    wrong: Mapping[str, BadInput],
) -> Layout:
    found = {here: columns.get(here, here) for here in REQUIRED[role]}
    found = {here: stored if stored in part.schema else here for here, stored in found.items()}
    names = {here: stored for here, stored in found.items() if stored in part.schema}
    lacking = [here for here in found if here not in names and here not in wrong]
    problems = [*wrong.values(), *_missing(role, part, lacking, columns)]
    renamed = {here: stored for here, stored in columns.items() if stored in part.schema and here not in names}
    used = {*names.values(), *renamed.values()}
    kept = {name: name for name in part.schema if name not in used and name not in names and name not in renamed}
    problems += check_types(part, names, pattern)
    left_out = {}
    for here, stored in (renamed | kept).items():
        if role in {"benchmark", "detail"}:
            continue
        if role == "actions" and here not in ACTIONS:
            left_out[stored] = f"it is none of {', '.join(ACTIONS)}"
            continue
        problem = _unusable(role, here, part.schema[stored])
        if not problem:
            names[here] = stored
        elif role == "bars" and here not in RESERVED:
            left_out[stored] = problem
        elif not lacking or stored in renamed.values():
            problems.append(_refused(role, part, stored, problem))
    if "timestamp" in names and not any(error.where.endswith(f"column {names['timestamp']}") for error in problems):
        try:
            part, clock = read_clock(part, names["timestamp"], pattern, timezone, names.get("asset"))
        except BadData as error:
            problems.append(error)
    raise_together(problems)
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
    row, value = first_unreadable(part, stored, part.number(stored)) if text else (None, None)
    return BadData(
        f"{role.removesuffix('s')} column {stored!r} cannot be used: {problem}",
        where=place(part.name, row, stored),
        expected="numeric or boolean columns, each with a plain name of its own",
        found=f"{value!r} ({dtype})" if row else f"{stored!r} ({dtype})",
        remedy="correct, drop or rename the column in the file, or rename it under data.columns",
    )


def _missing(role: str, part: Part, lacking: Sequence[str], columns: Mapping[str, str]) -> list[BadData]:
    """Return one error for all columns that a part lacks; none where it lacks none."""
    if not lacking:
        return []
    found = list(part.schema)
    stored = {here: columns.get(here, here) for here in lacking}
    words = [repr(name) + (f", to be renamed to {here!r}" if name != here else "") for here, name in stored.items()]
    free = [name for name in found if name not in columns.values()]
    near = {here: nearest(here, free) or nearest(name, free) for here, name in stored.items()}
    renames = ", ".join(f"{here}: {name or 'NAME_IN_THE_FILE'}" for here, name in near.items())
    closest = [repr(name) for name in near.values() if name]
    remedy = f"nearest is {' and '.join(closest)}: " if closest else "add the column, or name the one to use: "
    remedy += f"write columns: {{{renames}}}" if closest else f"columns: {{{renames}}}"
    if "asset" in lacking and near["asset"] is None:
        remedy += (
            "; without a column of assets `asset: NAME`, or `asset: from_name` where files have their assets' names"
        )
    if "volume" in lacking and near["volume"] is None:
        remedy += "; without volumes `columns: {volume: null}`"
    if part.form is not None and len(lacking) > 1:
        remedy += f"; `backsweep init {part.name}` writes all such keys"
    return [
        BadData(
            f"missing column{'s'[: len(lacking) > 1]} {', '.join(words)}",
            where=place(part.name, None, stored[lacking[0]]) if len(lacking) == 1 else part.name,
            expected=f"{role} with the column{'s' if len(REQUIRED[role]) > 1 else ''} {', '.join(REQUIRED[role])}",
            found=_listed(part.schema),
            remedy=remedy,
        )
    ]


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


def _listed(schema: pl.Schema) -> str:
    return ", ".join(schema) or "no columns"
