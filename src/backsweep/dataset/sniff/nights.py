"""When sessions begin, by the times of day at which there are bars: markets that trade through the night.

Times are counted in quarters of an hour. Where bars run over midnight and pause every day, a session begins after the
pause that ends latest; where they only pause from Friday to Sunday evening, when the week opens. An evening that ends
before midnight may belong to its own day or to the next, so that is a question; and so is the zone, where times are in
UTC and the bars pause on the clock of New York, by which futures and currencies go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.dataset.sessions import SessionClock
from backsweep.dataset.sniff.question import Question
from backsweep.dataset.sources import gather

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.schema import Table
    from backsweep.dataset.sniff.found import Found
    from backsweep.dataset.sniff.question import Decisions

_QUARTERS, _HOUR = 96, 4
_NOON, _EVENING = 12 * _HOUR, 15 * _HOUR
_LONG = 3 * _HOUR
"""A pause before an evening that may belong to the next day."""

_RARE = 0.05
"""Quarters with so few bars, as a share of the median, are no trade."""

_FEWEST = 8
"""Quarters with bars; fewer are bars of several hours."""

_KEY = "session_start"
_SATURDAY, _SUNDAY = 5, 6
_NEW_YORK = "America/New_York"


@dataclass(frozen=True)
class Begin:
    """When sessions begin, and how that is known: by a `daily` pause, and whether it is `sure`."""

    quarter: int
    reason: str
    daily: bool = True
    sure: bool = True

    @property
    def text(self) -> str:
        """The time as it is written in a sweep file."""
        return _written(self.quarter)


def add_session_start(bars: Table, decisions: Decisions, found: Found, file: str) -> None:
    """Add the key `session_start` where the bars of files, which errors call `file`, need it."""
    if f"data.{_KEY}" in decisions.given:
        found.add(_KEY, decisions.given[f"data.{_KEY}"], "as you said")
        return
    begin = find_begin(_count(bars, bars.zone))
    if (begin is None or not begin.daily) and _has_open_zone(bars, found):
        there = find_begin(_count(bars, _NEW_YORK))
        begin = _ask_zone(there, decisions, found, file) if there is not None and there.sure else begin
    if begin is None:
        return
    start: str | None = begin.text
    if not begin.sure:
        readings = ((begin.text, "the evening belongs to the next day"), ("00:00", "it belongs to its own day"))
        start = decisions.decide(Question(f"data.{_KEY}", "the evening's session", file, readings, begin.reason))
    found.add(_KEY, start, begin.reason)


def find_begin(counts: NDArray[np.int64]) -> Begin | None:
    """Return when sessions begin; None where days do. `counts` are the bars of each quarter, int64[7, 96], from Monday.

    Bars of several hours or days have too few times for a pause.
    """
    by_time = counts.sum(axis=0)
    if np.count_nonzero(by_time) < _FEWEST:
        return None
    traded = np.flatnonzero(by_time > _RARE * np.median(by_time[by_time > 0]))
    apart = np.diff(traded)
    usual = int(np.median(apart))
    overnight = _QUARTERS - traded[-1] + traded[0] <= 2 * usual
    evenings = [int(at) for at in np.flatnonzero(apart > usual) if traded[at + 1] >= _EVENING]
    if evenings:
        last, first = int(traded[evenings[-1]]), int(traded[evenings[-1] + 1])
        begin = max(first - first % _HOUR, last + 1)
        pause = f"a daily pause from {_written(last + usual)} to {_written(begin)}"
        if overnight:
            return Begin(begin, f"sessions begin after {pause}; the night belongs to the next day")
        return Begin(begin, f"there is {pause}", sure=False) if first - last >= _LONG else None
    sunday = np.flatnonzero(counts[_SUNDAY])
    if overnight and len(sunday) and sunday[0] >= _NOON and not counts[_SATURDAY].any():
        begin = int(sunday[0])
        return Begin(begin, f"the week opens on Sundays at {_written(begin)}, and each day at that time", daily=False)
    return None


def _has_open_zone(bars: Table, found: Found) -> bool:
    """Return whether times are instants of which nothing says by whose clock sessions are cut."""
    return "timezone" not in found.keys and bars.layouts[0].clock.stored == "UTC"


def _ask_zone(there: Begin, decisions: Decisions, found: Found, file: str) -> Begin | None:
    readings = ((_NEW_YORK, there.reason), ("UTC", "sessions end at midnight in UTC"))
    seen = "times in UTC, at which bars neither pause daily nor trade all week"
    zone = decisions.decide(Question("data.timezone", "the zone of the sessions", file, readings, seen))
    found.add("timezone", zone, "sessions are cut by this clock")
    found.hints.pop("timezone", None)
    return there if zone == _NEW_YORK else None


def _count(bars: Table, zone: str | None) -> NDArray[np.int64]:
    """Count the bars of each quarter of an hour of the week, on the clock of a zone."""
    local = SessionClock(zone).of_session
    keys = (local.dt.weekday().alias("day"), (local.dt.hour() * _HOUR + local.dt.minute() // 15).alias("quarter"))
    scans = [
        (each.part.name, each.part.frame.select(each.clock.nanoseconds.alias("timestamp"))) for each in bars.layouts
    ]
    rows = gather(((name, scan.group_by(*keys).len()) for name, scan in scans), streaming=True).drop_nulls()
    counts = np.zeros((7, _QUARTERS), np.int64)
    np.add.at(counts, (rows["day"].to_numpy() - 1, rows["quarter"].to_numpy()), rows["len"].to_numpy())
    return counts


def _written(quarter: int) -> str:
    return f"{quarter // _HOUR:02}:{quarter % _HOUR * 15:02}"
