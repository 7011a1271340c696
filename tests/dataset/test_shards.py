"""A shard: sorted, coded, with sessions; the same whatever the order of the rows it is made from."""

# ruff: noqa: DTZ001 - times without a zone are part of what is tested

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backsweep.dataset import DataSpec, load, shard_from_frames
from backsweep.dataset.calendar import survey
from backsweep.dataset.sessions import SessionClock, sessions_of


def test_a_shard_holds_what_the_engine_reads(bars):
    shard = shard_from_frames(bars, bars.select("timestamp", "asset", pred="close"))
    assert shard.assets == ("AA", "BB")
    assert shard.rows.schema == {
        "timestamp": pl.Int64,
        "asset": pl.Int32,
        **dict.fromkeys(["open", "high", "low", "close", "volume", "pred"], pl.Float64),
    }
    assert shard.rows["asset"].to_list() == [0, 1, 0, 1, 0, 1]
    assert shard.context.columns == ["timestamp"]
    assert shard.context.height == 3
    assert shard.sessions.dtype == np.int32
    assert shard.sessions.tolist() == [0, 1, 2]
    assert shard.zone is None


def test_lazy_frames_are_taken(bars):
    assert shard_from_frames(bars.lazy()).rows.equals(shard_from_frames(bars).rows)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.randoms(use_true_random=False))
def test_unsorted_input_gives_the_same_shard(bars, random):
    signals = bars.select("timestamp", "asset", pred="close")
    context = bars[::2].select("timestamp", vix="close")

    def shuffled(frame):
        return frame[random.sample(range(frame.height), frame.height)]

    one = shard_from_frames(bars, signals, context)
    other = shard_from_frames(shuffled(bars), shuffled(signals), shuffled(context))
    assert one.rows.equals(other.rows)
    assert one.context.equals(other.context)
    assert one.assets == other.assets


def test_assets_come_and_go_at_irregular_times(bars):
    some = bars.filter(pl.Series([True, False, True, True, False, True])).with_columns(
        pl.col("timestamp") + pl.Series([timedelta(minutes=m) for m in (3, 17, 17, 59)])
    )
    shard = shard_from_frames(some)
    assert shard.rows["asset"].to_list() == [0, 0, 1, 1]
    assert shard.context.height == 3
    assert shard.sessions.tolist() == [0, 1, 2]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=60, unique=True).map(sorted),
    st.sampled_from([None, "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_sessions_are_the_local_days_that_a_plain_loop_counts(minutes, zone):
    timestamps = [minute * 60 * 10**9 + 1_700_000_000 * 10**9 for minute in minutes]
    expected, day, number = [], None, -1
    for timestamp in timestamps:
        local = datetime.fromtimestamp(timestamp // 10**9, tz=ZoneInfo(zone or "UTC")).date()
        number += local != day
        day = local
        expected.append(number)
    found = sessions_of(pl.Series(timestamps, dtype=pl.Int64), SessionClock(zone))
    assert found.numbers(np.array(timestamps)).tolist() == expected


def test_a_session_ends_at_midnight_of_the_zone_of_the_bars(bars):
    hours = [datetime(2024, 1, 2, 20) + timedelta(hours=i) for i in range(6)]
    frame = bars.with_columns(pl.Series("timestamp", hours))
    assert shard_from_frames(frame).sessions.tolist() == [0, 0, 0, 0, 1, 1]
    zoned = pl.col("timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    assert shard_from_frames(frame.with_columns(zoned)).sessions.tolist() == [0] * 6


@pytest.mark.parametrize("name", ["sp500_daily", "us_daily_lean", "us_minute_lean", "us_minute_2024"])
def test_real_data_passes_all_rules(shared_data, name):
    shard = load(DataSpec(bars=f"{shared_data}/{name}.parquet", context=f"{shared_data}/vix_daily.parquet"))
    plain = pl.read_parquet(shared_data / f"{name}.parquet").sort("timestamp", "asset")
    assert shard.assets == tuple(plain["asset"].unique().sort())
    assert shard.rows.height == plain.height
    assert shard.rows["close"].equals(plain["close"].cast(pl.Float64))
    assert shard.signals == (("dividend", "split") if name == "sp500_daily" else ())
    assert shard.sessions[-1] + 1 == plain["timestamp"].dt.date().n_unique()
    assert shard.context["vix"].is_not_nan().all()


def test_files_of_other_kinds_in_a_folder_are_named(bars, tmp_path):
    bars.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.xlsx").write_text("")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.TXT").write_text("")
    text = "not read in the folder of the bars: 2 of other kinds, b.xlsx, c.TXT"
    for place in (tmp_path, f"file://{tmp_path}"):
        assert load(DataSpec(bars=str(place))).notes == (text,)
    assert load(DataSpec(bars=f"{tmp_path}/*.parquet")).notes == ()


def test_a_survey_names_assets_without_bars(bars, tmp_path):
    bars.write_parquet(tmp_path / "bars.parquet")
    signals = pl.concat([bars, bars.with_columns(asset=pl.lit("ZZ"))]).select("timestamp", "asset", edge=1.0)
    signals.unique(("timestamp", "asset")).write_parquet(tmp_path / "signals.parquet")
    found = survey(DataSpec(bars=f"{tmp_path}/bars.parquet", signals=f"{tmp_path}/signals.parquet"))
    count = bars["asset"].n_unique() + 1
    assert found.notes == (f"1 of {count} assets of the signals have no bars: ZZ",)
