"""Filters: inclusive at both ends, in the zone of the data, and pushed down into the scan."""

# ruff: noqa: DTZ001 - times without a zone are part of what is tested

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from backsweep.dataset import DataSpec, load
from backsweep.dataset.scan import Window, scan_layout
from backsweep.dataset.schema import BAR, arrange
from backsweep.dataset.sources import open_parts
from backsweep.errors import BadInput
from backsweep.sweepfile.data import FileSpec

HOURS = [datetime(2024, 3, 8) + timedelta(hours=i) for i in range(24 * 5)]


@pytest.fixture
def hourly(tmp_path):
    """`hourly(form)`: the place of hourly bars from 8 to 12 March 2024, over a change of clocks in New York."""

    def _hourly(unit="us", zone=None):
        frame = pl.DataFrame({"timestamp": pl.Series(HOURS, dtype=pl.Datetime(unit)), "asset": "AA"})
        if zone:
            frame = frame.with_columns(pl.col("timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
        frame.with_columns(open=1, high=1, low=1, close=1, volume=1).write_parquet(tmp_path / "bars.parquet")
        return f"{tmp_path}/bars.parquet"

    return _hourly


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2024, 3, 9), date(2024, 3, 10)),
        (date(2024, 3, 10), None),
        (None, date(2024, 3, 10)),
        (datetime(2024, 3, 9, 5), datetime(2024, 3, 10, 5)),
        (datetime(2024, 3, 9), datetime(2024, 3, 10)),
        (date(2024, 3, 9), datetime(2024, 3, 9)),
    ],
)
def test_bounds_are_inclusive_and_count_in_the_zone_of_the_data(hourly, unit, zone, start, end):
    shard = load(DataSpec(bars=hourly(unit, zone), start=start, end=end))
    kept = pl.from_epoch(shard.rows["timestamp"], time_unit="ns")
    local = kept.dt.replace_time_zone("UTC").dt.convert_time_zone(zone or "UTC").dt.replace_time_zone(None).to_list()
    every = pl.Series(HOURS).dt.replace_time_zone("UTC").dt.convert_time_zone(zone or "UTC").dt.replace_time_zone(None)
    assert local == [moment for moment in every if _inside(moment, start, end)]


def _inside(moment, start, end):
    after = start is None or (moment >= start if isinstance(start, datetime) else moment.date() >= start)
    before = end is None or (moment <= end if isinstance(end, datetime) else moment.date() <= end)
    return after and before


def test_bounds_with_a_zone_are_instants(hourly):
    spec = DataSpec(bars=hourly(zone="America/New_York"), end=datetime(2024, 3, 8, 3, tzinfo=UTC))
    assert load(spec).rows.height == 4


def test_bounds_with_a_zone_for_times_without_are_refused(hourly):
    with pytest.raises(BadInput, match="mixed time zones") as caught:
        load(DataSpec(bars=hourly(), start=datetime(2024, 3, 8, 3, tzinfo=UTC)))
    assert caught.value.remedy == "write start and end without a zone"


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2024, 1, 3), date(2024, 1, 4), [3, 4]),
        (datetime(2024, 1, 2, 0), datetime(2024, 1, 3, 0), [2, 3]),
        (datetime(2024, 1, 2, 1), datetime(2024, 1, 3, 23), [3]),
    ],
)
def test_bounds_hold_for_dates_as_for_their_midnights(bars, tmp_path, start, end, days):
    bars.with_columns(pl.col("timestamp").cast(pl.Date)).write_parquet(tmp_path / "bars.parquet")
    shard = load(DataSpec(bars=f"{tmp_path}/bars.parquet", start=start, end=end))
    moments = pl.from_epoch(shard.rows["timestamp"].unique(), time_unit="ns")
    assert moments.dt.day().sort().to_list() == days


@pytest.mark.parametrize("write", ["write_parquet", "write_ipc", "write_csv"])
def test_filters_are_pushed_down_into_the_scan(bars, tmp_path, write):
    ending = {"write_parquet": "parquet", "write_ipc": "arrow", "write_csv": "csv"}[write]
    getattr(bars.rename({"timestamp": "date", "asset": "symbol"}), write)(tmp_path / f"bars.{ending}")
    table = arrange(
        "bars", open_parts(FileSpec(path=str(tmp_path)), "bars"), [{"timestamp": "date", "asset": "symbol"}]
    )
    plan = scan_layout(table.layouts[0], BAR, Window(("AA",), date(2024, 1, 3), date(2024, 1, 3))).explain()
    selection = next(line for line in plan.splitlines() if "SELECTION:" in line)
    assert 'col("symbol")' in selection
    if write != "write_csv":  # whose times are text until they are read
        assert "FILTER" not in plan
        assert selection.count('col("date")') == 2


def test_filters_narrow_signals_and_only_the_end_narrows_context(bars, tmp_path):
    bars.write_parquet(tmp_path / "bars.parquet")
    bars.select("timestamp", "asset", pred="close").write_parquet(tmp_path / "signals.parquet")
    pl.DataFrame({"timestamp": [date(2020, 1, 1)], "vix": [15.0]}).write_parquet(tmp_path / "context.parquet")
    places = {name: f"{tmp_path}/{name}.parquet" for name in ("bars", "signals", "context")}
    shard = load(DataSpec(**places, assets=("BB",), start="2024-01-03", end="2024-01-03"))
    assert shard.assets == ("BB",)
    assert shard.rows["pred"].to_list() == [22.0]
    assert shard.context["vix"].to_list() == [15.0]


def test_a_window_says_itself_in_words():
    assert str(Window(("AA", "BB"), date(2024, 1, 1), None)) == "assets AA, BB, start 2024-01-01"
