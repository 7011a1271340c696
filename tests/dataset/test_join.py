"""Signals meet bars exactly; context is the last value at or before the bar, as a plain loop finds it."""

import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backsweep.dataset import DataSpec, load, shard_from_frames
from backsweep.dataset.calendar import survey
from backsweep.dataset.join import join_context, join_signals
from backsweep.errors import BadData

MOMENTS = st.integers(0, 30)
VALUES = st.none() | st.floats(width=32)


@given(
    st.lists(MOMENTS, min_size=1, unique=True).map(sorted),
    st.lists(st.tuples(MOMENTS, VALUES, VALUES), unique_by=lambda row: row[0]),
)
def test_context_is_what_a_plain_loop_finds(timestamps, rows):
    rows.sort(key=lambda row: row[0])
    context = pl.DataFrame(rows, schema={"timestamp": pl.Int64, "x": pl.Float64, "y": pl.Float64}, orient="row")
    found = join_context(pl.Series("timestamp", timestamps, dtype=pl.Int64), context)
    assert found["timestamp"].to_list() == timestamps
    for column, name in ((1, "x"), (2, "y")):
        for timestamp, value in zip(timestamps, found[name], strict=True):
            expected = math.nan
            for row in rows:
                if row[0] <= timestamp and row[column] is not None:
                    expected = row[column]
            assert value == expected or (math.isnan(value) and math.isnan(expected))


@given(st.data())
def test_signals_are_what_a_plain_loop_finds(data):
    keys = st.tuples(MOMENTS, st.sampled_from("ABC"))
    bars = data.draw(st.lists(keys, min_size=1, unique=True).map(sorted))
    shared = data.draw(st.sampled_from(bars))[0]
    signals = data.draw(st.dictionaries(keys, VALUES)) | {(shared, "D"): 1.0}  # one timestamp meets a bar at least
    rows = pl.DataFrame(bars, schema={"timestamp": pl.Int64, "asset": pl.String}, orient="row")
    table = pl.DataFrame(
        [(*key, value) for key, value in signals.items()],
        schema={"timestamp": pl.Int64, "asset": pl.String, "x": pl.Float64},
        orient="row",
    )
    joined = join_signals(rows, table, "signals")
    assert joined.select("timestamp", "asset").rows() == bars
    assert [str(value) for value in joined["x"]] == [str(signals.get(key)) for key in bars]


def test_signals_and_context_without_a_value_are_nan(bars):
    signals = bars.select(
        "timestamp", "asset", x=pl.when(pl.col("asset") == "AA").then("close"), up=pl.col("close") > 12
    )
    shard = shard_from_frames(bars, signals.head(4), bars[2::2].select("timestamp", "volume"))
    assert shard.signals == ("x", "up")
    assert str(shard.rows["x"].to_list()) == "[11.0, nan, 12.0, nan, nan, nan]"
    assert str(shard.rows["up"].to_list()) == "[0.0, 1.0, 0.0, 1.0, nan, nan]"
    assert str(shard.context["volume"].to_list()) == "[nan, 0.0, 100.0]"


def test_dates_and_datetimes_meet_at_midnight(bars):
    dates = pl.col("timestamp").cast(pl.Date)
    context = bars[::2].select("timestamp", vix="close")
    signals = bars.select("timestamp", "asset", pred="close")
    plain = shard_from_frames(bars, signals, context)
    mixed = shard_from_frames(bars.with_columns(dates), signals, context.with_columns(dates))
    other = shard_from_frames(bars, signals.with_columns(dates), context.with_columns(dates))
    assert plain.rows.equals(mixed.rows)
    assert plain.rows.equals(other.rows)
    assert plain.context.equals(mixed.context)
    assert plain.context.equals(other.context)


def test_signals_wholly_outside_the_bars_in_time_are_refused(bars):
    later = bars.select(pl.col("timestamp").dt.offset_by("1y"), "asset", pred="close")
    with pytest.raises(BadData, match="no signal has a bar of its timestamp and asset"):
        shard_from_frames(bars, later)


def test_signals_of_assets_without_bars_are_refused_and_counted_where_others_have_some(bars):
    other = bars.select("timestamp", pl.col("asset") + ".SZ", pred="close")
    with pytest.raises(BadData, match="no asset of the signals has bars") as caught:
        shard_from_frames(bars, other)
    assert caught.value.found == "AA.SZ, BB.SZ"
    both = pl.concat([other, bars.head(3).select("timestamp", "asset", pred="close")])
    shard = shard_from_frames(bars, both)
    assert shard.notes == ("6 of 9 rows of the signals match no bar: 3 of AA.SZ, 3 of BB.SZ",)
    assert shard.rows["pred"].is_not_nan().sum() == 3


def test_a_survey_refuses_signals_of_other_assets_and_a_part_does_not(bars, tmp_path):
    bars.write_csv(tmp_path / "bars.csv")
    signals = bars.select("timestamp", "asset", pred="close")
    signals.filter(pl.col("asset") == "AA").write_csv(tmp_path / "some.csv")
    signals.with_columns(pl.col("asset") + ".SZ").write_csv(tmp_path / "none.csv")
    some, none = (DataSpec(bars=f"{tmp_path}/bars.csv", signals=f"{tmp_path}/{name}.csv") for name in ("some", "none"))
    assert survey(some).assets == ("AA", "BB")
    part = some.model_copy(update={"assets": ("BB",)})
    assert load(part, part=True).rows["pred"].is_nan().all()
    with pytest.raises(BadData, match="no asset of the signals has bars"):
        survey(none)


def test_a_context_that_begins_after_the_bars_is_said(bars):
    later = pl.DataFrame({"timestamp": [date(2024, 1, 3), date(2025, 1, 1)], "late": [None, 1.0], "known": [1.0, None]})
    shard = shard_from_frames(bars, context=later)
    assert shard.notes == ("the context 'late' has no value at or before any bar",)
