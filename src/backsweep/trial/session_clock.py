"""What bars know of the time of day: the minute on the clock of the data, and the minutes to the session's close.

When a session closes is nowhere in the data, only when its last bar was. A live run knows the exchange's hours, but
not that an asset will stop trading: so the close of an asset is the latest time of day at which one of its last
`USUAL` sessions ended, and no later than the last bar of any asset in the session, which stands for the calendar. That
is right on half days and where markets close at other times of day; where both meet, the later market's close hides
the half day of the earlier one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.calendar import NANOSECONDS_PER_DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.sessions import SessionClock, SessionTable

USUAL = 5
"""How many of an asset's sessions before show when it closes."""

_MINUTE = 60_000_000_000


def minutes_of_day(timestamps: NDArray[np.int64], clock: SessionClock) -> NDArray[np.int64]:
    """Return the whole minutes since midnight on the clock of the data."""
    return clock.local(timestamps) % NANOSECONDS_PER_DAY // _MINUTE


def minutes_to_close(
    timestamps: NDArray[np.int64],
    codes: NDArray[np.int32],
    sessions: NDArray[np.int64],
    last: NDArray[np.bool_],
    table: SessionTable,
) -> NDArray[np.int64]:
    """Return the whole minutes from each bar to its asset's close of the session, 0 where that is past; int64[bars].

    Parameters
    ----------
    timestamps, codes, sessions, last : of bars in any order in which those of each asset ascend: nanoseconds UTC, the
        asset, the number in `table`, and whether it is the asset's last of the session.
    table : the sessions of all assets.

    """
    if not table.intraday:
        return np.zeros(len(timestamps), np.int64)
    begin = table.dates.astype(np.int64) * NANOSECONDS_PER_DAY
    since = table.clock.local(timestamps) - begin[sessions]
    ends = table.clock.local(table.ends)
    of_calendar = ends - begin
    rows = np.flatnonzero(last)
    rows = rows[np.lexsort((sessions[rows], codes[rows]))]
    keys = codes[rows] * np.int64(len(begin)) + sessions[rows]
    usual = np.full(len(rows), np.iinfo(np.int64).min)
    for back in range(1, USUAL + 1):
        same = codes[rows[back:]] == codes[rows[:-back]]
        usual[back:][same] = np.maximum(usual[back:][same], since[rows[:-back]][same])
    first = usual == np.iinfo(np.int64).min
    known = of_calendar[sessions[rows]]
    closes = np.where(first, known, np.minimum(usual, known))
    place = np.searchsorted(keys, codes * np.int64(len(begin)) + sessions)
    at = closes[place] + (begin - (ends - table.ends))[sessions]  # UTC: local time jumps where clocks change
    left: NDArray[np.int64] = np.clip((at - timestamps) // _MINUTE, 0, np.iinfo(np.int16).max)
    return left
