"""What the calendar of an exchange says of the sessions of data."""

import sys
from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from backsweep.dataset import DataSpec, load, shard_from_frames
from backsweep.dataset.calendar import survey
from backsweep.errors import BadInput


class CalendarError(Exception):
    """What the package raises for a name that it does not know."""


class Sessions:
    """The dates of a calendar, as an index of pandas has them."""

    def __init__(self, days):
        self.days = days

    def to_numpy(self):
        """Return datetime64[ns]."""
        return self.days.cast(pl.Datetime("ns")).to_numpy()


def get_calendar(name, start, end):
    """Return weekdays but one holiday."""
    if name != "XTST":
        raise CalendarError(f"The requested ExchangeCalendar, {name}, does not exist.")
    days = pl.date_range(start, end, eager=True)
    return SimpleNamespace(sessions=Sessions(days.filter((days.dt.weekday() < 6) & (days != date(2024, 1, 15)))))


@pytest.fixture
def package(monkeypatch):
    """Put a package of that name beside those that are installed."""
    module = SimpleNamespace(
        get_calendar=get_calendar,
        errors=SimpleNamespace(CalendarError=CalendarError),
        __spec__=SimpleNamespace(name="exchange_calendars"),
    )
    monkeypatch.setitem(sys.modules, "exchange_calendars", module)


def bars(*without, also=()):
    days = pl.date_range(date(2024, 1, 1), date(2024, 1, 31), eager=True)
    kept = days.filter((days.dt.weekday() < 6) & days.dt.day().is_in([15, *without]).not_() | days.dt.day().is_in(also))
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 10.0)
    return pl.DataFrame({"timestamp": kept, "asset": "A", **prices})


@pytest.mark.usefixtures("package")
def test_missing_and_foreign_sessions_are_counted_with_their_first_dates(tmp_path):
    frame = bars(3, 4, 9, 10, 11, 12, also=[20, 21])
    notes = (
        "6 sessions of XTST are missing in the data: 2024-01-03, 2024-01-04, 2024-01-09, 2024-01-10, 2024-01-11, ...",
        "2 sessions of the data are none of XTST: 2024-01-20, 2024-01-21",
    )
    spec = DataSpec(bars=str(tmp_path / "bars.parquet"), calendar="XTST")
    frame.write_parquet(tmp_path / "bars.parquet")
    assert shard_from_frames(frame, spec=spec).notes == notes
    assert survey(spec).notes == load(spec).notes == notes
    assert load(spec, part=True).notes == ()


@pytest.mark.usefixtures("package")
def test_the_sessions_of_the_exchange_leave_no_note():
    assert shard_from_frames(bars(), spec=DataSpec(bars="frame", calendar="XTST")).notes == ()
    assert shard_from_frames(bars(3)).notes == ()


@pytest.mark.usefixtures("package")
def test_a_calendar_that_is_not_known_is_one_error():
    with pytest.raises(BadInput, match="no calendar for these data") as caught:
        shard_from_frames(bars(), spec=DataSpec(bars="frame", calendar="XNONE"))
    assert caught.value.where == "data.calendar"
    assert "does not exist" in caught.value.found


def test_without_the_package_the_key_is_one_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    with pytest.raises(BadInput, match="exchange_calendars is not installed") as caught:
        shard_from_frames(bars(), spec=DataSpec(bars="frame", calendar="XNYS"))
    assert "backsweep[calendars]" in caught.value.remedy
