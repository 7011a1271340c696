"""Timestamps are read as is declared, or as ISO 8601; what can be read in two ways is asked for."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from backsweep.dataset import DataSpec, load
from backsweep.dataset.calendar import calendar_of, survey
from backsweep.errors import BadData

HEAD = "timestamp,asset,open,high,low,close,volume\n"


@pytest.fixture
def write(tmp_path):
    """`write(times)`: the place of a CSV with one bar of A at each time, as it is written."""

    def _write(times, name="bars.csv", head=HEAD, rest=",A,10,11,9,10,100"):
        (tmp_path / name).write_text(head + "".join(f"{time}{rest}\n" for time in times))
        return f"{tmp_path}/{name}"

    return _write


def instants(shard):
    return pl.from_epoch(shard.rows["timestamp"], time_unit="ns").dt.replace_time_zone("UTC").to_list()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2024-02-03", datetime(2024, 2, 3, tzinfo=UTC)),
        ("2024-02-03 09:31", datetime(2024, 2, 3, 9, 31, tzinfo=UTC)),
        ("2024-02-03T09:31:05", datetime(2024, 2, 3, 9, 31, 5, tzinfo=UTC)),
        ("2024-02-03 09:31:05.25", datetime(2024, 2, 3, 9, 31, 5, 250000, tzinfo=UTC)),
        ("2024-02-03T09:31:05Z", datetime(2024, 2, 3, 9, 31, 5, tzinfo=UTC)),
        ("2024-02-03T09:31:05+0000", datetime(2024, 2, 3, 9, 31, 5, tzinfo=UTC)),
        ("2024-02-03 00:00:00-05:00", datetime(2024, 2, 3, 5, tzinfo=UTC)),
        ("2024-02-03 00:00-05", datetime(2024, 2, 3, 5, tzinfo=UTC)),
    ],
)
def test_iso_forms_are_read_year_first(write, written, read):
    assert instants(load(DataSpec(bars=write([written])))) == [read]


def test_nanoseconds_of_text_are_kept(write):
    shard = load(DataSpec(bars=write(["2024-02-03 09:31:05.123456789"])))
    assert shard.rows["timestamp"][0] % 10**9 == 123_456_789


def test_dates_among_times_are_midnights(write):
    shard = load(DataSpec(bars=write(["2024-02-03", "2024-02-03 09:31"])))
    assert instants(shard) == [datetime(2024, 2, 3, tzinfo=UTC), datetime(2024, 2, 3, 9, 31, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["03/01/2024", "03/04/2024"], "month first (%m/%d/%Y) or day first (%d/%m/%Y): both readings fit all rows"),
        (["03/01/2024", "03/14/2024"], "one reading fits all rows: month first (%m/%d/%Y)"),
        (["01.02.2024 10:00", "14.02.2024 10:00"], "one reading fits all rows: day first (%d.%m.%Y %H:%M)"),
        (["03-Jan-24", "04-Jan-24"], "one reading fits all rows: day first (%d-%b-%y)"),
        (["20240103", "20240104"], "one reading fits all rows: year first (%Y%m%d)"),
        (["1704240000000", "1704326400000"], "one reading fits all rows: a count of ms since 1970 (epoch_ms)"),
        (["2024-01-03", "soon"], "no known reading fits all rows"),
        (["2024-1-3", "2024-1-4"], "(%Y-%m-%d)"),
        (["24:00", "25:00"], "no known reading fits all rows"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_other_forms_are_refused_with_the_readings_that_fit(write, tmp_path, times, said, kind):
    place = write(times)
    if kind == "parquet":
        pl.read_csv(place, infer_schema=False).with_columns(
            pl.col(*HEAD.strip().split(",")[2:]).cast(float)
        ).write_parquet(tmp_path / "bars.parquet")
        place = f"{tmp_path}/bars.parquet"
    with pytest.raises(BadData, match="not in ISO form") as caught:
        load(DataSpec(bars=place))
    assert said in caught.value.found
    assert repr(times[0]) in caught.value.found
    assert "format" in caught.value.remedy


@pytest.mark.parametrize(
    ("pattern", "times"),
    [
        ("%m/%d/%Y", ["02/03/2024", "02/04/2024"]),
        ("%d/%m/%Y", ["03/02/2024", "04/02/2024"]),
        ("%Y%m%d", ["20240203", "20240204"]),
        ("%d.%m.%Y %H:%M:%S.%f", ["03.02.2024 00:00:00.000", "04.02.2024 00:00:00.000"]),
        ("%b %d, %Y", ['"Feb 3, 2024"', '"Feb 4, 2024"']),
        ("epoch_s", ["1706918400", "1707004800"]),
        ("epoch_ms", ["1706918400000", "1707004800000"]),
        ("epoch_us", ["1706918400000000", "1707004800000000"]),
        ("epoch_ns", ["1706918400000000000", "1707004800000000000"]),
    ],
)
def test_a_declared_form_is_read(write, pattern, times):
    shard = load(DataSpec(bars=write(times), format={"timestamp": pattern}))
    assert instants(shard) == [datetime(2024, 2, day, tzinfo=UTC) for day in (3, 4)]


@pytest.mark.parametrize("pattern", ["epoch_ms", "%Y%m%d"])
def test_whole_numbers_are_read_as_declared_and_refused_otherwise(bars, tmp_path, pattern):
    days = pl.col("timestamp").dt.epoch("ms") if pattern == "epoch_ms" else pl.col("timestamp").dt.strftime(pattern)
    bars.with_columns(days.cast(pl.Int64)).write_parquet(tmp_path / "bars.parquet")
    place = f"{tmp_path}/bars.parquet"
    assert instants(load(DataSpec(bars=place, format={"timestamp": pattern})))[0] == datetime(2024, 1, 2, tzinfo=UTC)
    with pytest.raises(BadData, match="wrong dtype of column 'timestamp'") as caught:
        load(DataSpec(bars=place))
    assert "epoch_ms" in caught.value.remedy


@pytest.mark.parametrize(
    ("pattern", "odd"),
    [
        ("%m/%d/%Y", "14/02/2024"),
        ("%m/%d/%Y", "02/14/24"),
        ("%m/%d/%Y", "2024-02-14"),
        ("epoch_s", "2024-02-14"),
        ("epoch_s", "99999999999999"),
    ],
)
def test_a_row_that_the_declared_form_does_not_fit_is_refused_by_name(write, pattern, odd):
    first = "1706918400" if pattern == "epoch_s" else "02/03/2024"
    place = write([first, odd])
    with pytest.raises(BadData, match="another form than declared") as caught:
        load(DataSpec(bars=place, format={"timestamp": pattern}))
    assert caught.value.where == f"{place}, row 2, column timestamp"
    assert caught.value.found == repr(odd)


def test_a_file_may_declare_a_form_and_names_of_its_own(write):
    bars = write(["2022-01-03", "2022-02-01", "2022-07-01"])
    months = (f"{month:02}/01/2022,{month}" for month in range(1, 13))
    context = write(months, "context.csv", "Date,month\n", "")
    own = {"path": context, "columns": {"timestamp": "Date"}, "format": {"timestamp": "%m/%d/%Y"}}
    assert load(DataSpec(bars=bars, context=own)).context["month"].to_list() == [1.0, 2.0, 7.0]
    with pytest.raises(BadData, match="not in ISO form"):
        load(DataSpec(bars=bars, context={"path": context, "columns": {"timestamp": "Date"}}))


SYDNEY = [f"2024-01-{day:02}T{hour}:00:00+11:00" for day in (8, 9, 10, 11) for hour in range(10, 17)]
NEW_YORK = [f"2024-07-{day:02}T{hour:02}:00:00-04:00" for day in (8, 9, 10) for hour in range(4, 21)]


@pytest.mark.parametrize(
    ("times", "zone", "sessions"),
    [(SYDNEY, "Australia/Sydney", 4), (NEW_YORK, "America/New_York", 3), (SYDNEY, "UTC", 5), (NEW_YORK, "UTC", 4)],
)
def test_sessions_are_cut_by_the_clock_of_the_zone(write, times, zone, sessions):
    spec = DataSpec(bars=write(times), timezone=zone)
    shard = load(spec)
    assert shard.sessions[-1] + 1 == sessions
    assert instants(shard) == [datetime.fromisoformat(time) for time in times]
    assert survey(spec).sessions.starts.tolist() == calendar_of(shard).sessions.starts.tolist()
    with pytest.raises(BadData, match="no time zone that defines the sessions") as caught:
        load(DataSpec(bars=spec.bars))
    assert "timezone" in caught.value.remedy


@pytest.mark.parametrize("unit", ["parquet", "csv"])
def test_times_without_an_offset_are_of_the_zone(write, tmp_path, unit):
    place = write([time[:19] for time in SYDNEY])
    if unit == "parquet":
        pl.read_csv(place, try_parse_dates=True).write_parquet(tmp_path / "bars.parquet")
        place = f"{tmp_path}/bars.parquet"
    spec = DataSpec(bars=place, timezone="Australia/Sydney", start="2024-01-09", end="2024-01-10")
    shard = load(spec)
    assert shard.zone == "Australia/Sydney"
    assert instants(shard) == [datetime.fromisoformat(time) for time in SYDNEY if time[8:10] in {"09", "10"}]
    assert survey(spec).sessions.ends.tolist() == calendar_of(shard).sessions.ends.tolist()


def test_a_column_with_a_zone_is_cut_by_the_declared_one(write, tmp_path):
    frame = pl.read_csv(write(SYDNEY)).with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC"))
    frame.write_parquet(tmp_path / "bars.parquet")
    assert load(DataSpec(bars=f"{tmp_path}/bars.parquet")).sessions[-1] == 4
    assert load(DataSpec(bars=f"{tmp_path}/bars.parquet", timezone="Australia/Sydney")).sessions[-1] == 3


def test_daily_bars_at_midnight_with_an_offset_need_no_zone_where_utc_has_the_same_day(write):
    assert load(DataSpec(bars=write(["2024-03-08 00:00:00-05:00", "2024-03-11 00:00:00-04:00"]))).sessions[-1] == 1
    with pytest.raises(BadData, match="no time zone"):
        load(DataSpec(bars=write(["2024-03-08 00:00:00+11:00"])))


@pytest.mark.parametrize("times", [["2024-01-02 10:00", "2024-01-02 11:00Z"], ["2024-01-02 10:00Z", "2024-01-02"]])
def test_rows_with_and_without_an_offset_are_refused(write, times):
    with pytest.raises(BadData, match="with and without an offset") as caught:
        load(DataSpec(bars=write(times)))
    assert "row 2" in caught.value.where
    assert caught.value.found == repr(times[1])


@pytest.mark.parametrize("form", ["2024-02-30", "1500-01-01", "2024-01-02T24:00:00", "2024-01-02 10:00:60"])
def test_times_that_do_not_exist_are_refused_with_their_row(write, form):
    with pytest.raises(BadData, match="row 2, column timestamp"):
        load(DataSpec(bars=write(["2024-01-01", form])))


def test_hours_that_happen_twice_are_told_by_the_order_of_an_assets_rows(tmp_path):
    start = datetime(2024, 11, 3, 4, tzinfo=UTC)  # midnight in New York; clocks go back at 06:00 UTC
    times = [start + timedelta(minutes=30 * i) for i in range(8)]
    local = pl.Series(times).dt.convert_time_zone("America/New_York").dt.strftime("%Y-%m-%d %H:%M")
    rows = [f"{time},{asset},1,1,1,1,1\n" for time in local for asset in "AB"]
    (tmp_path / "bars.csv").write_text(HEAD + "".join(rows))
    spec = DataSpec(bars=f"{tmp_path}/bars.csv", timezone="America/New_York")
    assert instants(load(spec))[::2] == times
    assert survey(spec).bars.tolist() == [8, 8]


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        (["2024-03-10 01:30", "2024-03-10 02:30"], "does not exist in America/New_York"),
        (["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 02:30"], "is ambiguous in"),
        (
            ["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 01:00", "2024-11-03 01:30", "2024-11-03 01:00"],
            "is ambiguous in",
        ),
        (["2024-11-03 02:30", "2024-11-03 01:30", "2024-11-03 01:00", "2024-11-03 00:30"], "is ambiguous in"),
    ],
)
def test_local_times_that_are_skipped_or_stay_open_are_refused_with_their_row(write, times, problem):
    with pytest.raises(BadData, match=problem) as caught:
        load(DataSpec(bars=write(times), timezone="America/New_York"))
    assert "row 2" in caught.value.where


def test_a_midnight_that_is_skipped_begins_its_day(write):
    shard = load(DataSpec(bars=write(["2018-11-03", "2018-11-04", "2018-11-05"]), timezone="America/Sao_Paulo"))
    assert instants(shard)[1] == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert shard.sessions.tolist() == [0, 1, 2]
