"""Sessions: how timestamps are cut into trading days, the date of each, and how many there are in a year.

A session is the calendar day of a timestamp on the clock of the bars, or with `data.session_start` what lies between
that time and the same time a day later. One that begins at noon or after has the date of the day after: bars of Sunday
18:00 and of Monday 10:00 belong to Monday. Where sessions begin in the evening, a night that ends on a Saturday or
Sunday before noon and has no day to follow belongs to the next session, as Friday's night session in China belongs to
Monday.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.schema import Table
    from backsweep.sweepfile.data import DataSpec

CUSTOMARY = {365: (360, 366), 260: (258, 262), 252: (247, 255), 52: (51, 53), 12: (12, 12)}
"""Sessions a year as they are written, and the counts, first and last, that stand for them."""

_NOON, _DAY = time(12), timedelta(days=1)
_YEAR = 365  # days
_WEEKEND = (6, 7)  # Saturday and Sunday, as ISO 8601 numbers them
_WEEK = 7


class SessionClock(NamedTuple):
    """By which clock sessions are cut: a time zone, UTC without one, and when each begins."""

    zone: str | None
    start: time = time()

    @classmethod
    def of(cls, table: Table, spec: DataSpec) -> SessionClock:
        """Return the clock of a table of bars."""
        return cls(table.zone, spec.session_time)

    @property
    def of_session(self) -> pl.Expr:
        """The local time of `timestamp`, int64 nanoseconds UTC, moved so that its date is that of its session."""
        return _local("timestamp", self.zone) + time_to_date(self.start)

    def local(self, timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return instants, nanoseconds UTC, as times on this clock, nanoseconds since the beginning of 1970 on it."""
        if self.zone is None:
            return timestamps
        return pl.select(_local(pl.lit(pl.Series(timestamps)), self.zone).cast(pl.Int64)).to_series().to_numpy()

    def datetime(self, column: str) -> pl.Expr:
        """Return instants, int64 nanoseconds UTC, as a Datetime: in the zone, or without one, as written."""
        instant = pl.from_epoch(column, time_unit="ns")
        return instant if self.zone is None else instant.dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)

    def spans(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the first and last `timestamp`, int64 nanoseconds UTC, of each `day` and `offset` from UTC.

        Within one offset local time does not go back, so that the timestamps of a day there follow each other.
        """
        offset = _local("timestamp", self.zone).cast(pl.Int64) - pl.col("timestamp")
        keys = (self.of_session.dt.date().alias("day"), offset.alias("offset"))
        return rows.group_by(*keys).agg(
            pl.col("timestamp").min().alias("start"), pl.col("timestamp").max().alias("end")
        )


def time_to_date(start: time) -> timedelta:
    """Return what is added to a local time so that its date is that of the session, which begins at `start`."""
    since = timedelta(hours=start.hour, minutes=start.minute)
    return _DAY - since if start >= _NOON else -since


@dataclass(frozen=True, eq=False)
class SessionTable:
    """The sessions of a dataset, in their order.

    Attributes
    ----------
    starts, ends : int64[n], first and last timestamp of each, nanoseconds UTC.
    dates : int32[n], the date of each in days since 1970, ascending.
    per_year : how many there are in a year.
    clock : by which they were cut.

    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    dates: NDArray[np.int32]
    per_year: float
    clock: SessionClock

    @property
    def intraday(self) -> bool:
        """Whether a session has several timestamps."""
        return bool((self.starts < self.ends).any())

    def numbers(self, timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each timestamp's session, from 0."""
        return np.searchsorted(self.starts, timestamps, side="right") - 1

    def some(self, which: slice | NDArray[np.int64]) -> SessionTable:
        """Return some of the sessions; the sessions of a year stay those of all."""
        return SessionTable(self.starts[which], self.ends[which], self.dates[which], self.per_year, self.clock)


def cut_sessions(spans: pl.DataFrame, clock: SessionClock, per_year: float | None) -> SessionTable:
    """Return the sessions of bars, of which `spans` has the rows of `SessionClock.spans`, perhaps several for a day.

    `per_year` is what is declared; None derives it.
    """
    merged = spans.group_by("day", "offset").agg(pl.col("start").min(), pl.col("end").max()).sort("start")
    found = _joined(merged.with_columns(pl.col("day").cum_max()))
    if clock.start >= _NOON:
        found = _joined(found.with_columns(_day_of_nights(clock.zone)))
    dates = found["day"].to_physical().to_numpy()
    year = per_year or derive_sessions_per_year(dates)
    return SessionTable(found["start"].to_numpy(), found["end"].to_numpy(), dates, year, clock)


def sessions_of(timestamps: pl.Series, clock: SessionClock, per_year: float | None = None) -> SessionTable:
    """Return the sessions of `timestamps`, int64 nanoseconds UTC."""
    return cut_sessions(clock.spans(timestamps.to_frame("timestamp").lazy()).collect(), clock, per_year)


def derive_sessions_per_year(dates: NDArray[np.int32]) -> float:
    """Return how many sessions a year has, by their dates: int32[n], days since 1970, ascending.

    It is the median, over the sessions that are followed by a year of data without a hole, of the sessions in that
    year, as `CUSTOMARY` writes it where it is near. A hole is a distance from one session to the next of more than two
    weeks, and of more than three times the median. In data without such a year it is how often the median distance fits
    into a year if that is a week or more, 52 or 12; otherwise 365 where there are sessions on Saturdays and on Sundays,
    and 252 where there are not.
    """
    apart = np.diff(dates)
    usual = float(np.median(apart)) if len(apart) else 1.0
    holes = np.append(0, np.cumsum(apart > max(2.0 * _WEEK, 3.0 * usual)))  # how many before each session
    year_later = np.searchsorted(dates, dates + _YEAR)
    first = np.flatnonzero(year_later < len(dates))
    first = first[holes[year_later[first]] == holes[first]]
    if len(first):
        return _customary(round(float(np.median(year_later[first] - first))))
    if usual >= _WEEK:
        return _customary(max(1, round(365.25 / usual)))
    weekdays = set(((dates.astype(np.int64) + 3) % _WEEK + 1).tolist())  # 1970 began on a Thursday
    return 365.0 if weekdays.issuperset(_WEEKEND) else 252.0


def describe_year(table: SessionTable, declared: float | None) -> str:
    """Return how many sessions a year has, and how that is known."""
    if declared is None:
        return f"{table.per_year:g}, from the dates of the sessions"
    derived = derive_sessions_per_year(table.dates)
    other = f"; their dates come to {derived:g}" if derived != declared else ""
    return f"{declared:g}, as data.sessions_per_year says{other}"


def describe_clock(clock: SessionClock) -> str:
    """Return by which clock sessions are cut."""
    begin = f"sessions begin at {clock.start:%H:%M}" if clock.start != time() else ""
    if clock.zone is not None:
        return f"{clock.zone}, {begin}" if begin else clock.zone
    return f"none: times are as written, {begin or 'sessions are their calendar days'}"


def _customary(count: int) -> float:
    return float(next((name for name, (first, last) in CUSTOMARY.items() if first <= count <= last), count))


def _local(column: str | pl.Expr, zone: str | None) -> pl.Expr:
    instant = pl.from_epoch(column, time_unit="ns").dt.replace_time_zone("UTC")
    return instant.dt.convert_time_zone(zone or "UTC").dt.replace_time_zone(None)


def _joined(spans: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each day, from spans in the order of time."""
    return spans.group_by("day", maintain_order=True).agg(pl.col("start").first(), pl.col("end").last())


def _day_of_nights(zone: str | None) -> pl.Expr:
    """Return the day of each session, where a night before a weekend has that of the session after it."""
    day = pl.col("day")
    over = _local("end", zone) < day.cast(pl.Datetime("ns")) + timedelta(hours=_NOON.hour)
    night = day.dt.weekday().is_in(_WEEKEND) & over
    return pl.when(night.not_()).then(day).backward_fill().fill_null(day).alias("day")
