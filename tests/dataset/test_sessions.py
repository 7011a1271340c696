"""Sessions by the clock of an exchange, nights that belong to the next day, and how many sessions a year has."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import DataSpec, load, shard_from_frames
from backsweep.dataset.calendar import calendar_of, survey
from backsweep.dataset.sessions import SessionClock, derive_sessions_per_year, sessions_of
from backsweep.errors import BadInput
from backsweep.sweepfile.trial import read_section

NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"


def instants(zone, *texts):
    """Return local times, `2024-03-10 18:00`, as int64 nanoseconds UTC."""
    local = [datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) for text in texts]
    return pl.Series([int(each.timestamp()) * 10**9 for each in local])


def cut(zone, start, *texts):
    """Return the number and the date of the session of each time."""
    times = instants(zone, *texts)
    table = sessions_of(times, SessionClock(zone, time.fromisoformat(start)))
    return [
        (number, str(date(1970, 1, 1) + timedelta(days=int(table.dates[number]))))
        for number in table.numbers(times.to_numpy()).tolist()
    ]


def days(first, last, *, of=range(7), without=()):
    """Return the days from `first` to `last` that fall on some weekdays, Monday 0, as int32 since 1970."""
    every = pl.date_range(date.fromisoformat(first), date.fromisoformat(last), eager=True)
    kept = every.filter((every.dt.weekday() - 1).is_in(list(of)) & every.is_in(list(without)).not_())
    return kept.to_physical().to_numpy()


WEEKDAYS = range(5)
NEW_YEAR = [date(year, 1, 1) for year in range(2000, 2030)]
US_HOLIDAYS = [*NEW_YEAR, *(date(year, month, 20) for year in range(2000, 2030) for month in range(1, 12))]


def test_a_session_that_begins_in_the_evening_is_that_of_the_next_day():
    # Futures of Chicago: from Sunday evening to Friday afternoon, with a pause of an hour.
    found = cut(
        NEW_YORK,
        "18:00",
        "2024-01-07 18:00",
        "2024-01-07 23:00",
        "2024-01-08 00:00",
        "2024-01-08 17:00",
        "2024-01-08 18:00",
        "2024-01-09 09:30",
        "2024-01-12 17:00",
        "2024-01-14 18:01",
    )
    assert found == [
        *[(0, "2024-01-08")] * 4,
        *[(1, "2024-01-09")] * 2,
        (2, "2024-01-12"),
        (3, "2024-01-15"),
    ]


def test_a_session_that_begins_in_the_morning_is_that_of_its_day():
    assert cut("UTC", "06:00", "2024-01-01 05:59", "2024-01-01 06:00", "2024-01-02 05:59") == [
        (0, "2023-12-31"),
        (1, "2024-01-01"),
        (1, "2024-01-01"),
    ]


@pytest.mark.parametrize("change", ["2024-03-10", "2024-11-03"])
def test_clocks_that_change_move_no_bar_into_another_session(change):
    # Every quarter of an hour over the change, on the clock of New York: what begins at 18:00 there is one session.
    sunday = datetime.fromisoformat(f"{change} 00:00").replace(tzinfo=ZoneInfo(NEW_YORK))
    first = int(sunday.timestamp()) - 12 * 3600
    times = pl.Series([(first + 900 * step) * 10**9 for step in range(4 * 48)])
    table = sessions_of(times, SessionClock(NEW_YORK, time(18)))
    for number, instant in zip(table.numbers(times.to_numpy()).tolist(), times.to_list(), strict=True):
        local = datetime.fromtimestamp(instant // 10**9, tz=ZoneInfo(NEW_YORK))
        expected = local.date() + timedelta(days=local.hour >= 18)
        assert date(1970, 1, 1) + timedelta(days=int(table.dates[number])) == expected


def test_a_night_before_the_weekend_belongs_to_monday():
    # Futures of Shanghai: 21:00 to 02:30, and the day from 9:00; Friday's night is traded for Monday.
    found = cut(
        SHANGHAI,
        "21:00",
        "2024-01-04 21:00",
        "2024-01-05 02:30",
        "2024-01-05 15:00",
        "2024-01-05 21:00",
        "2024-01-06 02:30",
        "2024-01-08 09:00",
        "2024-01-08 21:00",
    )
    assert found == [*[(0, "2024-01-05")] * 3, *[(1, "2024-01-08")] * 3, (2, "2024-01-09")]


def test_saturdays_that_trade_by_day_stay_sessions():
    found = cut("UTC", "18:00", "2024-01-05 18:00", "2024-01-06 17:59", "2024-01-06 18:00", "2024-01-07 17:59")
    assert found == [*[(0, "2024-01-06")] * 2, *[(1, "2024-01-07")] * 2]


def test_a_survey_cuts_sessions_as_a_load_does(tmp_path):
    times = instants(SHANGHAI, *(f"2024-01-{day:02} {hour}" for day in (4, 5, 8, 9) for hour in ("09:00", "21:00")))
    nights = instants(SHANGHAI, *(f"2024-01-{day:02} 02:30" for day in (5, 6, 9)))
    stamps = pl.concat([times, nights]).sort().cast(pl.Datetime("ns")).dt.replace_time_zone("UTC")
    frame = pl.DataFrame({"timestamp": stamps, "asset": "A"}).with_columns(
        open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0
    )
    for number, part in enumerate((frame[:5], frame[5:])):
        part.write_parquet(tmp_path / f"{number}.parquet")
    spec = DataSpec(bars=str(tmp_path), timezone=SHANGHAI, session_start="21:00", sessions_per_year=243)
    for one in (survey(spec).sessions, calendar_of(load(spec)).sessions):
        assert one.dates.tolist() == days("2024-01-04", "2024-01-10", of=WEEKDAYS).tolist()
        assert (one.per_year, one.intraday) == (243, True)
    # A date is that of a session: with Monday, only what trades for Monday.
    some = load(spec.model_copy(update={"start": date(2024, 1, 9), "end": date(2024, 1, 9)}))
    assert some.rows["timestamp"].to_list() == stamps.to_physical()[7:10].to_list()


@pytest.mark.parametrize("given", ["6pm", "24:00", "18:00:00", 1080])
def test_a_session_starts_at_a_time_of_day(given):
    with pytest.raises(BadInput, match="time of day"):
        read_section(DataSpec, "data", {"bars": "x", "session_start": given})


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (days("2010-01-04", "2020-12-31", of=WEEKDAYS, without=US_HOLIDAYS), 252),
        (days("2010-01-01", "2020-12-31"), 365),
        (days("2010-01-01", "2020-12-31", of=WEEKDAYS), 260),
        (days("2010-01-01", "2020-12-31", of=range(6)), 313),
        (days("2010-01-01", "2020-12-31", of=[4]), 52),
        (days("2010-01-01", "2020-12-31")[::2], 183),
        (days("2024-01-08", "2024-03-08", of=WEEKDAYS), 252),
        (days("2024-01-08", "2024-01-09"), 252),
        (days("2024-01-08", "2024-01-08"), 252),
        (days("2024-01-08", "2024-01-14"), 365),
        (days("2024-01-01", "2024-06-01", of=[0]), 52),
        (days("2024-01-01", "2024-03-01", of=[0])[::2], 26),
    ],
)
def test_the_sessions_of_a_year_follow_from_their_dates(dates, expected):
    assert derive_sessions_per_year(dates) == expected


@pytest.mark.parametrize("years", [1, 5])
def test_months_are_twelve_a_year_whatever_day_they_end(years):
    ends = pl.date_range(date(2019, 1, 1), date(2019 + years, 1, 1), "1mo", closed="left", eager=True).dt.month_end()
    for moved in (ends, ends.dt.month_start(), ends.dt.add_business_days(0, roll="backward")):
        assert derive_sessions_per_year(moved.to_physical().to_numpy()) == 12


def test_a_hole_in_the_data_does_not_change_the_sessions_of_a_year():
    whole = days("2010-01-01", "2020-12-31")
    assert derive_sessions_per_year(np.delete(whole, slice(1000, 1200))) == 365


def test_weeks_far_apart_are_no_year():
    weeks = [days(f"{year}-03-01", f"{year}-03-10", of=WEEKDAYS) for year in range(2005, 2020)]
    assert derive_sessions_per_year(np.concatenate(weeks)) == 252


def test_what_is_declared_holds():
    stamps = pl.date_range(date(2024, 1, 1), date(2024, 3, 1), eager=True)
    frame = pl.DataFrame({"timestamp": stamps, "asset": "A"}).with_columns(
        open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0
    )
    assert shard_from_frames(frame).session_table.per_year == 365
    spec = DataSpec(bars="frame", sessions_per_year=300)
    assert shard_from_frames(frame, spec=spec).session_table.per_year == 300
