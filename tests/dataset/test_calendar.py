from datetime import datetime

import numpy as np
import polars as pl
import pytest

from backsweep.dataset import DataSpec, load, shard_from_frames
from backsweep.dataset.calendar import BLOCK, Calendar, calendar_of, survey
from backsweep.dataset.sessions import SessionClock, sessions_of
from backsweep.errors import BadData


def frame(times, assets):
    rows = [(time, asset) for time in times for asset in assets]
    return pl.DataFrame(rows, schema=["timestamp", "asset"], orient="row").with_columns(
        open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0
    )


def same(one, other):
    assert one.assets == other.assets
    assert one.bars.tolist() == other.bars.tolist()
    for name in ("starts", "ends", "dates"):
        assert getattr(one.sessions, name).tolist() == getattr(other.sessions, name).tolist()
    assert one.sessions.per_year == other.sessions.per_year


@pytest.mark.parametrize("zone", [None, "America/New_York", "America/Havana"])
def test_a_survey_finds_what_a_load_finds(tmp_path, zone):
    times = pl.datetime_range(datetime(2020, 10, 30, 20), datetime(2020, 11, 3), "30m", eager=True, time_zone="UTC")  # noqa: DTZ001
    whole = frame(times.to_list(), ["B", "A", "C"]).filter((pl.col("asset") != "C") | (pl.int_range(pl.len()) > 60))
    moment = pl.col("timestamp").dt.cast_time_unit("us")
    moment = moment.dt.convert_time_zone(zone) if zone else moment.dt.replace_time_zone(None)
    whole = whole.with_columns(moment)
    for number, part in enumerate((whole[:250], whole[250:])):
        part.write_parquet(tmp_path / f"{number}.parquet")
    spec = DataSpec(bars=str(tmp_path))
    same(survey(spec), calendar_of(load(spec)))
    same(survey(spec), calendar_of(shard_from_frames(whole)))


def test_a_survey_refuses_rows_without_an_asset_and_assets_that_are_not_there(tmp_path):
    bars = frame([datetime(2020, 1, 1)], ["A", "B"])  # noqa: DTZ001
    path = tmp_path / "bars.parquet"
    bars.with_columns(asset=pl.when(pl.col("asset") == "B").then("asset")).write_parquet(path)
    with pytest.raises(BadData, match=r"row 1, column asset: asset is empty"):
        survey(DataSpec(bars=str(path)))
    bars.write_parquet(path)
    with pytest.raises(BadData, match="unknown asset 'Z'"):
        survey(DataSpec(bars=str(path), assets=("A", "Z")))
    with pytest.raises(BadData, match="no bars are left"):
        survey(DataSpec(bars=str(path), start=datetime(2021, 1, 1)))  # noqa: DTZ001


@pytest.mark.parametrize("shards", [1, 2, 4, 7, 50])
def test_shards_are_whole_blocks_with_about_as_many_bars_each(shards):
    bars = np.random.default_rng(1).integers(1, 5000, 123)
    calendar = Calendar(
        tuple(f"A{i:03d}" for i in range(123)),
        bars,
        sessions_of(pl.Series([0]), SessionClock(None)),
    )
    ranges = calendar.divide(shards)
    assert len(ranges) == min(shards, 31)
    assert [block for blocks in ranges for block in blocks] == list(range(31))
    assert sum((calendar.assets_of(blocks) for blocks in ranges), ()) == calendar.assets
    sizes = [bars[blocks.start * BLOCK : blocks.stop * BLOCK].sum() for blocks in ranges]
    assert max(sizes) <= bars.sum() / len(ranges) + 2 * BLOCK * bars.max()
