"""The `data` section of a sweep file: where the market data lies, how it is read, and which part of it is wanted."""

from __future__ import annotations

import difflib
import zoneinfo
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, PrivateAttr, Tag, model_validator

from backsweep.metrics.summary import ALL_METRICS, METRICS
from backsweep.sweepfile.format import Format, Name
from backsweep.sweepfile.section import Section, matching

FIRST_YEAR, LAST_YEAR = 1678, 2261
"""The whole years that int64 nanoseconds since 1970 can hold."""

ROLES = ("bars", "signals", "context", "actions", "benchmark", "detail")
"""The keys of the section that name files."""

ENDINGS = (".parquet", ".pq", ".arrow", ".ipc", ".feather", ".csv", ".tsv", ".txt", ".xlsx", ".gz")
"""Of files that can be read."""


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


def _check_zone(value: object) -> object:
    """Refuse a name that is not one of the IANA time zones."""
    known = zoneinfo.available_timezones()
    if isinstance(value, str) and value not in known:
        by_lower = {name.lower(): name for name in known}
        close = difflib.get_close_matches(value.lower().replace(" ", "_"), by_lower, n=1)
        hint = f"; nearest is {by_lower[close[0]]}" if close else ""
        message = f"expected the name of a time zone, such as America/New_York or UTC, found {value!r}{hint}"
        raise ValueError(message)
    return value


def _kind_of_entry(value: object) -> str:
    return "path" if isinstance(value, str) else "file"


def names_file(text: str) -> bool:
    """Whether a benchmark's text names a file, a glob or an address; otherwise it is an asset of the bars."""
    return "://" in text or "*" in text or text.lower().endswith(ENDINGS)


ASSET = "{asset}"
"""In the name of a column: the asset whose column it is."""


def is_pattern(name: str) -> bool:
    """Whether a column's name stands for one column of each asset."""
    return ASSET in name


def _check_columns(columns: dict[str, Any]) -> dict[str, Any]:
    """Refuse several columns for other names than timestamp and asset, none for others than volume, odd patterns."""
    for here, stored in columns.items():
        if isinstance(stored, str) and is_pattern(stored) and (here in JOINED or stored.count(ASSET) > 1):
            message = (
                f"{here}: {stored!r}: {ASSET} stands once in a column's name, and in none of {' and '.join(JOINED)}"
            )
            raise ValueError(message)
        if isinstance(stored, tuple) and here not in JOINED:
            message = f"{here} cannot be several columns; {' and '.join(JOINED)} can"
            raise ValueError(message)
        if stored is None and here != "volume":
            message = f"{here} cannot be left out; volume can"
            raise ValueError(message)
    return columns


FROM_NAME = "from_name"
"""The value of `asset` for assets that are named by their files."""

JOINED = ("timestamp", "asset")
"""What may be put together from several columns."""

Bound = Annotated[date | datetime, BeforeValidator(_read_bound)]
Several = Annotated[tuple[Name, ...], Field(min_length=1)]
Columns = Annotated[dict[Name, str | Several | None], AfterValidator(_check_columns)]
Zone = Annotated[str, BeforeValidator(_check_zone)]
TimeOfDay = Annotated[
    str, matching(r"([01]\d|2[0-3]):[0-5]\d", 'expected a time of day from 00:00 to 23:59, such as "18:00"')
]


class FileSpec(Section):
    """One role's files, with what holds for them alone and takes the place of what the section says."""

    path: Name
    """A file, a glob, a folder or an object-store URL; Parquet, Arrow IPC, text (`.csv`, `.tsv`, `.txt`) or Excel."""
    columns: Columns = Field(default_factory=dict)
    """The name here, and the name in these files; beside those of the section."""
    asset: Name | None = None
    """The asset of all rows of these files, or `from_name`, instead of the section's."""
    format: Format | None = None
    """How these files write their values, instead of the section's."""
    timezone: Zone | None = None
    """The zone of these files' times without an offset from UTC."""


Files = Annotated[
    Annotated[Name, Tag("path")] | Annotated[FileSpec, Tag("file")],
    Discriminator(_kind_of_entry),
]


class BenchmarkSpec(FileSpec):
    """Files of a benchmark, or with `asset` and without `path` an asset of the bars."""

    path: Name | None = None  # type: ignore[assignment]  # an asset has no files of its own
    """Files with a timestamp and a close."""
    asset: Name | None = None
    """An asset of the bars, in place of files."""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        """Refuse a benchmark that names neither files nor an asset, or both."""
        if (self.path is None) == (self.asset is None):
            message = (
                "a benchmark has a path, of files with timestamp and close, or an asset, of the bars: one of the two"
            )
            raise ValueError(message)
        return self


class DataSpec(Section):
    """What to load; each role's files are named by a path, or by a mapping that says more about them."""

    bars: Files
    """A file, a glob, a folder or an object-store URL, in Parquet, Arrow IPC, text (`.csv`, `.tsv`, `.txt`) or Excel:
    timestamp, asset, open, high, low, close, volume, one row for each timestamp and asset. Further columns are
    signals."""
    signals: Files | None = None
    """Files with any number of columns for each timestamp and asset, joined to the bars on both: `bar.NAME`."""
    context: Files | None = None
    """Files with any number of columns for each timestamp, joined as of: the last value at or before the bar."""
    actions: Files | None = None
    """Files with corporate actions: timestamp, asset and any of split, dividend, delisting; may be the bars' own."""
    benchmark: (
        Annotated[
            Annotated[Name, Tag("path")] | Annotated[BenchmarkSpec, Tag("file")],
            Discriminator(_kind_of_entry),
        ]
        | None
    ) = None
    """What trials are compared with (`alpha`, `beta`, `information_ratio`, `up_capture`, `down_capture`): an asset of
    the bars, `SPY` or `{asset: SPY}`, or files with timestamp and close, `index.csv` or `{path: index.csv, ...}`."""
    detail: Files | None = None
    """Files with finer bars of the same assets (timestamp, asset, open, high, low, close; other columns are not read):
    where more than one thing can happen inside a bar, they decide what comes first."""
    asset: Name | None = None
    """The asset of all rows of files without such a column, or `from_name`: the file's name without its ending. A
    folder `asset=SPY/` gives its files a column `asset`, and `symbol=SPY/` does so with `columns: {asset: symbol}`."""
    columns: Columns = Field(default_factory=dict)
    """The name here, and the name in the files: `{timestamp: Date, asset: Symbol}`. A timestamp or asset may be several
    columns, joined by a space: `{timestamp: [Date, Time]}`. Where each asset has columns of its own, `{asset}` stands
    for its name: `{close: "Close {asset}"}`. `{volume: null}` says that the bars have none: it is 0."""
    format: Format | None = None
    """How the files write their values."""
    timezone: Zone | None = None
    """The zone of times without an offset from UTC, and by whose clock sessions are cut: a name of the IANA database,
    such as `America/New_York`. Without it, the column's own zone, or UTC; intraday files with offsets other than zero
    need it."""
    session_start: TimeOfDay | None = None
    """The local time at which a session begins, `"18:00"`; without it, midnight. From noon on it is the session of the
    day after: what trades on Sunday from 18:00 belongs to Monday. A bar stamped at that time is the session's first."""
    sessions_per_year: Annotated[float, Field(gt=0)] | None = None
    """How many sessions a year has, by which returns, Sharpe ratios and records are counted in years. Without it, it
    follows from the dates of the sessions: 252, 260, 365, 52, 12 or what they come to; `backsweep check` prints it."""
    calendar: Name | None = None
    """An exchange whose sessions the data should have: notes say which are missing, and which are none of its own. A
    name of the package `exchange_calendars`, such as XNYS (`pip install 'backsweep[calendars]'`)."""
    prices: Literal["positive", "any"] = "positive"
    """Whether prices at or below zero are an error, or allowed."""
    assets: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The assets to read; all of them without this key."""
    start: Bound | None = None
    """The first date or moment to read, inclusive; without a zone it is in that of the data."""
    end: Bound | None = None
    """The last date or moment to read, inclusive; a date includes that whole day."""
    _seal: tuple[Any, ...] | None = PrivateAttr(default=None)

    @property
    def seal(self) -> tuple[Any, ...] | None:
        """What the files were when they were sealed (`dataset.fingerprint`), which `load` checks; None without one."""
        return self._seal

    def with_seal(self, seal: tuple[Any, ...]) -> Self:
        """Return the same data with a seal."""
        copy = self.model_copy()
        copy._seal = seal  # noqa: SLF001 - its own class
        return copy

    @property
    def files(self) -> dict[str, FileSpec]:
        """The files of each role that is given, with everything that holds for them."""
        entries = {role: getattr(self, role) for role in ROLES}
        if self.benchmark_asset is not None:
            del entries["benchmark"]
        return {role: self._resolve(entry) for role, entry in entries.items() if entry is not None}

    @property
    def benchmark_asset(self) -> str | None:
        """The asset of the bars that is the benchmark; None without a benchmark, and for one with files of its own."""
        if isinstance(self.benchmark, str):
            return None if names_file(self.benchmark) else self.benchmark
        return self.benchmark.asset if isinstance(self.benchmark, BenchmarkSpec) else None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that a trial has on these data, in the order of their columns."""
        return METRICS if self.benchmark is None else ALL_METRICS

    def _resolve(self, entry: str | FileSpec) -> FileSpec:
        own = entry if isinstance(entry, FileSpec) else FileSpec(path=entry)
        return FileSpec(
            path=own.path,
            columns=self.columns | own.columns,
            asset=own.asset or self.asset,
            format=own.format or self.format or Format(),
            timezone=own.timezone or self.timezone,
        )

    def with_sessions_per_year(self, count: float) -> Self:
        """Return the same data, and seal, with so many sessions a year."""
        return self.model_copy(update={"sessions_per_year": count})

    @property
    def session_time(self) -> time:
        """The local time at which a session begins."""
        return time.fromisoformat(self.session_start or "00:00")

    def moved(self, paths: dict[str, str]) -> Self:
        """Return the same data at other places: `paths` by role."""
        entries = {role: getattr(self, role) for role in paths}
        if isinstance(self.benchmark, str) and "benchmark" in paths:
            entries["benchmark"] = BenchmarkSpec(path=self.benchmark)  # another place may look like an asset's name
        return self.model_copy(
            update={
                role: entry.model_copy(update={"path": paths[role]}) if isinstance(entry, FileSpec) else paths[role]
                for role, entry in entries.items()
            }
        )

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        """Refuse a `start` after `end`, and years that nanoseconds since 1970 cannot hold."""
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
