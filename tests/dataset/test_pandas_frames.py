"""Frames of pandas are taken with their index."""

import pandas as pd
import pytest

from backsweep.dataset import DataSpec, shard_from_frames
from backsweep.errors import BadInput

DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03"])
PRICES = pd.DataFrame(
    {"open": [10.0, 11.0], "high": [12.0, 12.0], "low": [9.0, 9.0], "close": [10.5, 11.5], "volume": [5, 6]}, index=DAYS
)


def read(frame, **spec):
    return shard_from_frames(frame, spec=DataSpec(bars="frame", **spec))


@pytest.mark.parametrize("name", [None, "Date", "timestamp"])
def test_an_index_of_times_is_the_timestamp(name):
    shard = read(PRICES.rename_axis(name), asset="SPY")
    assert shard.rows["timestamp"].to_list() == DAYS.as_unit("ns").asi8.tolist()
    assert shard.assets == ("SPY",)
    assert shard.signals == ()


@pytest.mark.parametrize("names", [[None, None], ["symbol", "when"]])
@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_levels_of_times_and_texts_are_timestamp_and_asset(names, order):
    frame = pd.concat({"000001": PRICES, "B": PRICES}, names=names).reorder_levels(order)
    shard = read(frame)
    assert shard.assets == ("000001", "B")
    assert shard.rows.height == 4


def test_the_zone_of_an_index_is_kept():
    assert read(PRICES.tz_localize("America/New_York"), asset="A").zone == "America/New_York"


def test_an_index_that_only_counts_is_left_out():
    frame = PRICES.rename_axis("timestamp").reset_index().assign(asset="A", pred=[1.0, None])
    shard = read(frame)
    assert shard.signals == ("pred",)
    assert shard.rows["pred"].is_nan().to_list() == [False, True]


def test_columns_are_renamed_as_in_a_sweep_file():
    names = {"open": "Open", "high": "High", "low": "Low", "close": "Adj Close"}
    frame = PRICES.rename(columns=names).drop(columns="volume")
    assert read(frame, asset="A", columns={**names, "volume": None}).rows["close"].to_list() == [10.5, 11.5]


def test_columns_of_several_levels_are_refused_with_both_remedies():
    frame = PRICES.copy()
    frame.columns = pd.MultiIndex.from_product([frame.columns, ["SPY"]])
    with pytest.raises(BadInput, match="columns of several levels") as caught:
        read(frame)
    assert "droplevel(1, axis=1)" in caught.value.remedy
    assert "stack(level=1)" in caught.value.remedy
    assert read(frame.droplevel(1, axis=1), asset="SPY").rows.height == 2


def test_what_polars_cannot_take_is_refused():
    with pytest.raises(BadInput, match="a pandas frame that Polars cannot take"):
        read(PRICES.assign(odd=[object(), {1: 2}]), asset="A")
