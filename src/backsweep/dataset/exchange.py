"""The sessions of data beside those of an exchange, by the optional package `exchange_calendars`."""

from __future__ import annotations

import importlib.util
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.dataset.files import first_line
from backsweep.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.dataset.sessions import SessionTable

_EPOCH = date(1970, 1, 1)
_MARGIN = timedelta(days=30)
"""A calendar of days without a session is refused by the package."""

_SHOWN = 5


def compare_sessions(table: SessionTable, exchange: str | None) -> list[str]:
    """Return notes on sessions that `exchange`, such as XNYS, has and the data lack, and the other way round.

    Without an exchange there are none. Raises BadInput without the package, and for a calendar that it does not have.
    """
    if exchange is None:
        return []
    first, last = int(table.dates[0]), int(table.dates[-1])
    own = table.dates.astype(np.int64)
    expected = _sessions(exchange, _EPOCH + timedelta(days=first), _EPOCH + timedelta(days=last))
    expected = expected[(expected >= first) & (expected <= last)]
    kinds = {
        f"sessions of {exchange} are missing in the data": np.setdiff1d(expected, own),
        f"sessions of the data are none of {exchange}": np.setdiff1d(own, expected),
    }
    return [f"{len(days):,} {what}: {_listed(days)}" for what, days in kinds.items() if len(days)]


def _sessions(exchange: str, first: date, last: date) -> NDArray[np.int64]:
    """Return the dates of an exchange's sessions, days since 1970, over a span and perhaps beyond it."""
    if importlib.util.find_spec("exchange_calendars") is None:
        raise BadInput(
            "the package exchange_calendars is not installed",
            where="data.calendar",
            expected="the package, which knows the sessions of exchanges",
            found=exchange,
            remedy="pip install 'backsweep[calendars]', on every node that loads data; or take the key out",
        )
    import exchange_calendars  # noqa: PLC0415 - it loads pandas

    try:
        known: Any = exchange_calendars.get_calendar(exchange, start=first - _MARGIN, end=last + _MARGIN)
    except (exchange_calendars.errors.CalendarError, ValueError) as error:
        raise BadInput(
            "no calendar for these data",
            where="data.calendar",
            expected="a name that exchange_calendars has, such as XNYS, XLON or CMES, and dates that it covers",
            found=f"{exchange}, from {first} to {last}: {first_line(error)}",
            remedy="correct the name, narrow data.start and data.end, or take the key out",
        ) from None
    days: NDArray[np.int64] = known.sessions.to_numpy().astype("datetime64[D]").astype(np.int64)
    return days


def _listed(days: NDArray[np.int64]) -> str:
    texts = [str(_EPOCH + timedelta(days=int(day))) for day in days[:_SHOWN]]
    return ", ".join([*texts, *(["..."] if len(days) > _SHOWN else [])])
