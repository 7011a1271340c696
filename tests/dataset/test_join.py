"""Signals meet bars exactly; context is the last value at or before the bar, as a plain loop finds it."""

import math

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from backsweep.dataset import shard_from_frames
from backsweep.dataset.join import join_context, join_signals

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


def test_signals_wholly_outside_the_bars_in_time_are_nan_only(bars):
    later = bars.select(pl.col("timestamp").dt.offset_by("1y"), "asset", pred="close")
    assert shard_from_frames(bars, later).rows["pred"].is_nan().all()
