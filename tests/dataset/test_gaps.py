# ruff: noqa: DTZ001 - times without a zone are part of what is tested

from datetime import datetime, timedelta

import polars as pl
import pytest

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.dataset.gaps import describe_interval, find_gaps, find_interval

DAY = 86400 * 10**9


def bars(times, asset="A"):
    prices = dict.fromkeys(("open", "high", "low", "close"), 10.0)
    return pl.DataFrame({"timestamp": times, "asset": asset, **prices, "volume": 1.0})


def days(count=400, start=datetime(2024, 1, 1), weekdays=range(5)):
    every = [start + timedelta(days=i) for i in range(count)]
    return [day for day in every if day.weekday() in weekdays]


def minutes(dates, first=570, last=960, step=1):
    return [date + timedelta(minutes=m) for date in dates for m in range(first, last, step)]


def gaps(frame, **spec):
    shard = shard_from_frames(frame, spec=DataSpec(bars="frame", **spec))
    found = find_gaps(shard, find_interval(shard))
    return [(each.count, each.describe(shard.zone).split("first: ")[1].split(")")[0]) for each in found]


def interval(frame):
    return describe_interval(find_interval(shard_from_frames(frame)))


def test_the_interval_is_the_most_frequent_distance():
    assert interval(bars(days())) == "1 day"
    assert interval(bars(days(700, weekdays=[4]))) == "1 week"
    assert interval(bars([datetime(2020 + m // 12, 1 + m % 12, 1) for m in range(48)])) == "1 month"
    assert interval(bars([datetime(2010 + m // 4, 1 + m % 4 * 3, 1) for m in range(48)])) == "3 months"
    assert interval(bars(minutes(days(5), step=5))) == "5 min"
    assert interval(bars([datetime(2024, 1, 1)])) == "irregular"
    ticks = [datetime(2024, 1, 1) + timedelta(milliseconds=i * i) for i in range(100)]
    assert interval(bars(ticks)) == "irregular"


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (3600 * 10**9, "1 h"),
        (30 * 10**9, "30 s"),
        (250 * 10**6, "250 ms"),
        (7, "7 ns"),
        (2 * DAY, "2 days"),
        (365 * DAY, "1 year"),
    ],
)
def test_an_interval_has_the_largest_unit_that_fits(nanoseconds, text):
    assert describe_interval(nanoseconds) == text


def test_weekends_and_holidays_are_no_gaps():
    golden_week = {datetime(2024, 10, day) for day in range(1, 10)}  # seven days of trade
    assert gaps(bars([day for day in days() if day not in golden_week])) == []


def test_days_that_are_too_many_for_holidays_are():
    lost = {datetime(2024, 10, day) for day in range(1, 11)}  # eight days of trade, from a Tuesday to a Thursday
    assert gaps(bars([day for day in days() if day not in lost])) == [(8, "A after 2024-09-30")]


def test_where_every_day_is_a_session_one_missing_day_is_a_gap():
    every = days(weekdays=range(7))
    assert gaps(bars(every)) == []
    assert gaps(bars(every[:50] + every[51:90] + every[92:])) == [(3, "A after 2024-02-19")]


def test_missing_weeks_and_months_are_gaps():
    weeks = days(700, weekdays=[4])
    assert gaps(bars(weeks)) == []
    assert gaps(bars(weeks[:10] + weeks[12:])) == [(2, "A after 2024-03-08")]
    months = [datetime(2020 + m // 12, 1 + m % 12, 1) for m in range(48)]
    assert gaps(bars(months)) == []
    assert gaps(bars(months[:10] + months[11:])) == [(1, "A after 2020-10-01")]


def test_an_asset_lacks_the_sessions_that_all_others_have():
    frame = pl.concat([bars(days(), asset) for asset in "ABCDE"])
    lost = [datetime(2024, 3, 4), datetime(2024, 3, 5)]
    late, early = datetime(2024, 2, 1), datetime(2024, 12, 1)  # listed late, delisted early: no gaps
    frame = frame.filter(
        ~((pl.col("asset") == "C") & pl.col("timestamp").is_in(lost)),
        (pl.col("asset") != "D") | (pl.col("timestamp") > late),
        (pl.col("asset") != "E") | (pl.col("timestamp") < early),
    )
    assert gaps(frame) == [(2, "C 2024-03-04")]


def test_a_holiday_of_half_of_the_assets_and_the_weekends_of_one_are_no_gaps():
    frame = pl.concat([*(bars(days(), asset) for asset in "ABCDE"), bars(days(weekdays=range(7)), "F")])
    holiday = pl.col("asset").is_in(["A", "B", "C"]) & (pl.col("timestamp") == datetime(2024, 3, 4))
    assert gaps(frame.filter(~holiday)) == []


def test_bars_missing_within_sessions_are_counted_in_the_local_time_of_the_data():
    dates = days(60, start=datetime(2024, 2, 1))  # New York sets its clocks in March
    times = pl.Series(minutes(dates, step=5)).dt.replace_time_zone("America/New_York")
    zone = {"timezone": "America/New_York"}
    assert gaps(bars(times), **zone) == []
    assert gaps(bars(pl.concat([times[:100], times[103:]])), **zone) == [(3, "A before 2024-02-02 11:35")]


def test_a_lunch_break_a_half_day_and_an_illiquid_asset_have_no_gaps():
    dates = days(30)
    lunch = [time for time in minutes(dates, step=5) if not 690 <= time.hour * 60 + time.minute < 780]
    half = [time for time in lunch if time < dates[-1] + timedelta(hours=11)]
    sparse = [time for i, time in enumerate(minutes(dates)) if i % 7 in {0, 3} and i % 11]
    assert gaps(bars(half)) == []
    assert gaps(bars(sparse)) == []
