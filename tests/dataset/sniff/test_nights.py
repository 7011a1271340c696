"""When sessions begin, by the times at which there are bars."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from backsweep.dataset.sniff import find_keys, refuse
from backsweep.errors import BadInput

MONDAY = datetime(2024, 1, 8)  # noqa: DTZ001 - a time as written


def week(*hours, step=15, days=range(5), weeks=4):
    """Return local times: `hours` are from and to, in hours from midnight of each of the `days`."""
    times = []
    for number in range(weeks):
        for day in days:
            midnight = MONDAY + timedelta(days=7 * number + day)
            for first, last in hours:
                count = round((last - first) * 60 / step)
                times += [midnight + timedelta(hours=first, minutes=step * each) for each in range(count)]
    return times


def keys(tmp_path, times, zone=None, ask=refuse, **given):
    """Return the keys that are found for bars at some local times of a zone, stored as UTC, or without a zone."""
    stamps = pl.Series(sorted(set(times)), dtype=pl.Datetime("us"))
    if zone is not None:
        stamps = stamps.dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
    prices = dict.fromkeys(("open", "high", "low", "close"), 10.0)
    place = tmp_path / "bars.parquet"
    pl.DataFrame({"timestamp": stamps, "asset": "A", **prices, "volume": 1.0}).write_parquet(place)
    return find_keys(str(place), {f"data.{key}": value for key, value in given.items()}, ask)


FUTURES = week((-6, 17))  # of Chicago, on the clock of New York
CURRENCIES = week((-7, 17))
CHINA = week((-3, 2.5), (9, 11.5), (13.5, 15))


@pytest.mark.parametrize(
    ("times", "start"),
    [
        (FUTURES, "18:00"),
        (week((-6, 17), step=60), "18:00"),
        (week((-6, 16.25), (16.5, 17)), "18:00"),
        (CURRENCIES, "17:00"),
        (CHINA, "21:00"),
        (week((-6.75, 3), (9.25, 12), (13, 16.5)), "17:00"),  # Hong Kong: 17:15, and a whole hour in the pause
        (week((9.5, 16)), None),
        (week((4, 20)), None),
        (week((9, 11.5), (12.5, 15)), None),
        (week((0, 24), days=range(7)), None),
        (week((0, 24)), None),  # a broker's clock on which weeks begin on Monday
        (week((1, 22)), None),
        (week((16, 16.25)), None),
    ],
)
def test_the_pause_says_when_sessions_begin(tmp_path, times, start):
    found = keys(tmp_path, times)
    assert found.keys.get("session_start") == start
    assert "timezone" not in found.keys


def test_the_reason_names_the_pause(tmp_path):
    reason = keys(tmp_path, FUTURES).reasons["session_start"]
    assert reason == "sessions begin after a daily pause from 17:00 to 18:00; the night belongs to the next day"


def test_an_evening_that_ends_before_midnight_is_a_question(tmp_path):
    times = week((9, 15), (21, 23))
    with pytest.raises(BadInput, match="session can be read in 2 ways") as caught:
        keys(tmp_path, times)
    assert "--set 'data.session_start=21:00'" in caught.value.remedy
    assert keys(tmp_path, times, ask=lambda question: question.readings[1][0]).keys["session_start"] == "00:00"
    assert keys(tmp_path, times, session_start="20:00").keys["session_start"] == "20:00"


@pytest.mark.parametrize("times", [FUTURES, CURRENCIES])
def test_nights_in_utc_over_a_change_of_clocks_ask_for_the_zone(tmp_path, times):
    summer = [each + timedelta(weeks=26) for each in times]
    with pytest.raises(BadInput, match="the zone of the sessions"):
        keys(tmp_path, [*times, *summer], "America/New_York")
    found = keys(tmp_path, [*times, *summer], "America/New_York", lambda question: question.readings[0][0])
    assert found.keys["timezone"] == "America/New_York"
    assert found.keys["session_start"] == ("18:00" if times is FUTURES else "17:00")
    found = keys(tmp_path, [*times, *summer], "America/New_York", lambda question: question.readings[1][0])
    assert found.keys.get("session_start") is None
    assert keys(tmp_path, times, "America/New_York", timezone="America/New_York").keys["session_start"] in (
        "17:00",
        "18:00",
    )


def test_local_times_with_a_zone_are_taken_by_its_clock(tmp_path):
    assert keys(tmp_path, CHINA, "Asia/Shanghai", timezone="Asia/Shanghai").keys["session_start"] == "21:00"
