"""Every rule of the data, broken once: the message names file, row, column, rule and remedy."""

# ruff: noqa: DTZ001 - times without a zone are part of what is tested

import math
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import DataSpec, load, shard_from_frames
from backsweep.dataset.calendar import survey
from backsweep.errors import BadData


def refusal(bars, signals=None, context=None):
    with pytest.raises(BadData) as caught:
        shard_from_frames(bars, signals, context)
    assert caught.value.exit_code == 2
    assert caught.value.expected
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_a_price_that_is_none_is_refused_with_its_row(change, column, value):
    error = refusal(change(3, **{column: value}))
    assert error.where == f"bars, row 3, column {column}"
    assert error.problem == f"{column} is not a price"
    assert error.expected == "a finite number above zero"
    shown = "empty" if value is None else value
    assert error.found == f"{column} {shown} at timestamp 2024-01-03 00:00:00, asset AA"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -1.0])
def test_a_volume_that_is_no_quantity_is_refused(change, value):
    error = refusal(change(6, volume=value))
    assert error.where == "bars, row 6, column volume"
    assert error.problem == "volume is not a quantity"


def test_zero_volume_is_fine(bars):
    assert shard_from_frames(bars).rows["volume"][2] == 0.0


def test_prices_and_volumes_below_one_are_fine(bars):
    small = bars.with_columns(pl.col("open", "high", "low", "close") / 1e6, volume=pl.lit(0.001))
    assert shard_from_frames(small).rows["close"][0] == 11.0 / 1e6


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.25])
def test_a_rate_that_is_none_is_refused(bars, value):
    context = bars.select("timestamp", eurusd=pl.lit(1.25))[::2]
    wrong = context.with_columns(eurusd=pl.Series([1.25, value, 0.25]))
    with pytest.raises(BadData, match="eurusd is not a rate") as caught:
        shard_from_frames(bars, context=wrong, rates=("eurusd",))
    assert caught.value.where == "context, row 2, column eurusd"
    shard_from_frames(bars, context=wrong)  # a column like any other
    for fine in (None, 1e-6):
        shard_from_frames(bars, context=context.with_columns(eurusd=pl.Series([1.25, fine, 0.25])), rates=("eurusd",))


@pytest.mark.parametrize(
    ("column", "value", "fine"), [("split", -0.5, 0.5), ("dividend", math.inf, 0.25), ("delisting", -1.0, 1.0)]
)
def test_an_action_below_zero_or_without_end_is_refused(bars, column, value, fine):
    actions = bars.select("timestamp", "asset")[4:6]
    shard_from_frames(bars, actions=actions.with_columns(pl.Series(column, [0.0, fine])))
    with pytest.raises(BadData, match=f"{column} is not") as caught:
        shard_from_frames(bars, actions=actions.with_columns(pl.Series(column, [0.0, value])))
    assert caught.value.where == f"actions, row 2, column {column}"


def test_high_below_low_is_refused(change):
    error = refusal(change(2, high=18.0))
    assert error.where == "bars, row 2, column high"
    assert error.expected == "high >= low"
    assert "high 18.0, low 19.0" in error.found


@pytest.mark.parametrize("column", ["open", "close"])
@pytest.mark.parametrize("value", [8.99999999999999, 12.00000000000001])
def test_open_and_close_outside_the_range_are_refused_and_the_remedy_clips(change, column, value):
    error = refusal(change(1, **{column: value}))
    assert error.where == f"bars, row 1, column {column}"
    assert error.problem == f"{column} is outside [low, high]"
    assert f"{column} {value}, low 9.0, high 12.0" in error.found
    assert f'pl.col("{column}").clip(pl.col("low"), pl.col("high"))' in error.remedy
    clipped = change(1, **{column: value}).with_columns(pl.col(column).clip(pl.col("low"), pl.col("high")))
    assert shard_from_frames(clipped).rows.height == 6


@pytest.mark.parametrize("column", ["open", "close"])
@pytest.mark.parametrize(("edge", "beyond"), [("high", 4), ("high", 5), ("low", 4), ("low", 5)])
def test_a_bar_is_widened_by_four_units_in_the_last_place_and_no_more(bars, change, column, edge, beyond):
    value = bars[edge][0]
    for _ in range(beyond):
        value = math.nextafter(value, math.inf if edge == "high" else 0.0)
    frame = change(1, **{column: value})
    if beyond > 4:
        assert refusal(frame).where == f"bars, row 1, column {column}"
        return
    shard = shard_from_frames(frame)
    assert shard.rows[edge].to_list() == [value, *bars[edge][1:]]
    assert shard.notes == (
        "1 of 6 bars were widened by rounding: a price lay up to 4 units in the last place outside [low, high]",
    )


def test_a_high_below_the_low_by_rounding_alone_is_widened(change):
    above = math.nextafter(10.0, math.inf)
    rows = shard_from_frames(change(1, open=above, high=10.0, low=above, close=10.0)).rows
    assert (rows["high"][0], rows["low"][0]) == (above, 10.0)


def test_single_precision_is_widened_by_its_own_units(bars):
    single = bars.with_columns(pl.col("open", "high", "low", "close").cast(pl.Float32))
    high = float(np.nextafter(np.float32(12.0), np.float32(13.0)))
    off = single.with_columns(open=pl.when(pl.int_range(pl.len()) == 0).then(high).otherwise("open").cast(pl.Float32))
    assert shard_from_frames(off).rows["high"][0] == high
    assert refusal(off.with_columns(pl.col("open").cast(float))).problem == "open is outside [low, high]"


def test_the_row_that_is_named_is_not_one_that_rounding_explains(bars):
    row, above = pl.int_range(pl.len()), math.nextafter(12.0, math.inf)
    frame = bars.with_columns(open=pl.when(row == 0).then(above).when(row == 3).then(99.0).otherwise("open"))
    assert refusal(frame).where == "bars, row 4, column open"


def test_prices_at_or_below_zero_are_allowed_where_they_are_declared(bars):
    oil = bars.with_columns(pl.col("open", "high", "low", "close") - 15.0)
    assert "prices: any" in refusal(oil).remedy
    assert shard_from_frames(oil, spec=DataSpec(bars="frame", prices="any")).rows["low"].min() == -6.0
    odd = oil.with_columns(low=pl.lit(-math.inf))
    with pytest.raises(BadData, match="low is not a price"):
        shard_from_frames(odd, spec=DataSpec(bars="frame", prices="any"))


@pytest.mark.parametrize("asset", [" AA", "AA ", "A\tA", "A\0A", "\x1b[31mA"])
def test_white_space_around_an_asset_and_control_characters_in_it_are_refused(change, asset):
    assert refusal(change(1, asset=asset)).where == "bars, row 1, column asset"


def test_the_number_of_rows_that_break_a_rule_is_said(change):
    error = refusal(change(2, low=25.0).with_columns(low=pl.lit(25.0)))
    assert error.where == "bars, row 1, column high"
    assert error.found.endswith("; 6 such rows in all")
    two = refusal(change(2, high=18.0).with_columns(high=pl.when(pl.arange(6) < 2).then(1.0).otherwise("high")))
    assert two.found.endswith("; 2 such rows in all")
    assert "such rows" not in refusal(change(2, high=18.0)).found


def test_an_empty_timestamp_is_refused(change):
    error = refusal(change(4, timestamp=None))
    assert error.where == "bars, row 4, column timestamp"
    assert error.found == "asset BB"


def test_a_timestamp_beyond_nanoseconds_is_refused(change):
    error = refusal(change(6, timestamp=datetime(9999, 12, 31)))
    assert error.where == "bars, row 6, column timestamp"
    assert "2261" in error.expected


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_asset_is_refused(change, value):
    error = refusal(change(5, asset=value))
    assert error.where == "bars, row 5, column asset"
    assert error.problem == "asset is empty"


def test_a_duplicate_bar_is_refused_with_both_rows(change):
    error = refusal(change(5, timestamp=datetime(2024, 1, 2)))
    assert error.where == "bars, row 5, column timestamp, asset"
    assert error.problem == "duplicate (timestamp, asset)"
    assert error.found == "timestamp 2024-01-02 00:00:00, asset AA, as in row 1"
    assert "unique(subset=['timestamp', 'asset']" in error.remedy
    assert "clocks" not in error.remedy


def test_a_duplicate_hour_without_a_zone_may_be_one_that_clocks_repeat(bars):
    hourly = bars.with_columns(pl.col("timestamp").cast(pl.Datetime("us")) + pl.duration(hours=1))
    error = refusal(pl.concat([hourly, hourly.head(1)]))
    assert error.problem == "duplicate (timestamp, asset)"
    assert "if clocks were set back then, name their zone" in error.remedy


def test_a_duplicate_in_another_file_names_both_files(bars, tmp_path):
    bars.head(4).write_parquet(tmp_path / "a.parquet")
    bars.tail(3).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(BadData) as caught:
        load(DataSpec(bars=str(tmp_path)))
    assert caught.value.where == f"{tmp_path}/b.parquet, row 1, column timestamp, asset"
    assert caught.value.found.endswith(f"as in row 4 of {tmp_path}/a.parquet")


def test_a_duplicate_signal_is_refused(bars):
    signals = bars.select("timestamp", "asset", pred="close")
    error = refusal(bars, pl.concat([signals, signals.slice(2, 1)]))
    assert error.where == "signals, row 7, column timestamp, asset"
    assert error.found.endswith("as in row 3")


def test_a_duplicate_context_timestamp_is_refused(bars):
    error = refusal(bars, None, bars.select("timestamp", vix="close"))
    assert error.problem == "duplicate timestamp"
    assert error.where == "context, row 2, column timestamp"
    assert error.found.endswith("3 such rows in all")


def test_the_row_is_counted_in_its_own_file_whatever_the_filters(bars, change, tmp_path):
    bars.head(2).write_csv(tmp_path / "a.csv")
    change(6, high=-1.0).tail(4).write_csv(tmp_path / "b.csv")
    spec = DataSpec(bars=f"{tmp_path}/*.csv", assets=("BB",), start="2024-01-03")
    with pytest.raises(BadData) as caught:
        load(spec)
    assert str(caught.value) == (
        f"{tmp_path}/b.csv, row 4, column high: high is not a price\n"
        "  expected: a finite number above zero\n"
        "  found:    high -1.0 at timestamp 2024-01-04 00:00:00, asset BB\n"
        "  remedy:   drop the row, or take the price from another source; where prices at or below zero are real: "
        "`prices: any` under data"
    )


def test_a_bad_row_outside_the_filters_does_no_harm(change, tmp_path):
    change(6, high=-1.0).write_parquet(tmp_path / "bars.parquet")
    spec = DataSpec(bars=f"{tmp_path}/bars.parquet", end="2024-01-03")
    assert load(spec).rows.height == 4


def test_times_in_errors_are_in_the_zone_of_the_data(change):
    zoned = change(3, high=-1.0).with_columns(pl.col("timestamp").dt.replace_time_zone("America/New_York"))
    assert "timestamp 2024-01-03 00:00:00-05:00" in refusal(zoned).found


@pytest.mark.parametrize("column", ["timestamp", "asset"])
@pytest.mark.parametrize("role", ["bars", "signals"])
def test_a_survey_finds_rows_that_no_asset_has(bars, change, tmp_path, role, column):
    frames = {"bars": bars, "signals": bars, role: change(4, **{column: None})}
    frames["bars"].write_parquet(tmp_path / "bars.parquet")
    frames["signals"].select("timestamp", "asset", edge="close").write_parquet(tmp_path / "signals.parquet")
    with pytest.raises(BadData, match=f"{column} is empty") as caught:
        survey(DataSpec(bars=f"{tmp_path}/bars.parquet", signals=f"{tmp_path}/signals.parquet"))
    assert caught.value.where == f"{tmp_path}/{role}.parquet, row 4, column {column}"


@pytest.mark.parametrize("role", ["bars", "signals", "context"])
def test_empty_input_is_refused(bars, role):
    frames = {"bars": bars, "signals": bars.select("timestamp", "asset", x="close")}
    frames["context"] = bars.select("timestamp", x="close")[::2]
    frames[role] = frames[role].clear()
    error = refusal(**frames)
    assert error.where == role
    assert "no rows" in error.problem


def test_bars_that_the_filters_empty_are_refused_with_the_span_that_is_there(bars, tmp_path):
    bars.write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(BadData, match="no bars are left by the filters") as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.parquet", assets=("AA",), start="2025-01-01"))
    assert caught.value.expected == "bars within assets AA, start 2025-01-01"
    assert caught.value.found == "6 bars from 2024-01-02 00:00:00 to 2024-01-04 00:00:00"


def test_an_unknown_asset_is_refused_with_the_nearest(bars, tmp_path):
    bars.write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(BadData, match="unknown asset 'Bb'") as caught:
        load(DataSpec(bars=f"{tmp_path}/bars.parquet", assets=("AA", "Bb")))
    assert caught.value.where == f"{tmp_path}/bars.parquet, data.assets"
    assert caught.value.found == "AA, BB"
    assert caught.value.remedy == "nearest is 'BB'"


def test_a_known_asset_without_bars_in_the_span_is_left_out(bars, tmp_path):
    bars.filter((pl.col("asset") == "AA") | (pl.col("timestamp") < datetime(2024, 1, 3))).write_parquet(
        tmp_path / "bars.parquet"
    )
    shard = load(DataSpec(bars=f"{tmp_path}/bars.parquet", assets=("AA", "BB"), start="2024-01-03"))
    assert shard.assets == ("AA",)


def test_signals_that_never_meet_a_bar_are_refused(bars):
    signals = bars.select(pl.col("timestamp") + timedelta(hours=16), "asset", pred="close")
    error = refusal(bars, signals)
    assert error.problem == "no signal has the timestamp of a bar"
    assert "2024-01-02 16:00:00" in error.found
