"""Buying and holding all assets, worked out by hand."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import bars

from backsweep.dataset import shard_from_frames
from backsweep.dataset.calendar import calendar_of
from backsweep.trial.hold import held_worth
from backsweep.trial.market import pack
from backsweep.trial.sleeves.runner import pack_sleeves


def flat(*closes):
    return [(each,) * 4 for each in closes]


def worth(frame, actions=None):
    shard = shard_from_frames(frame, actions=actions)
    market = pack(shard)
    sleeves = pack_sleeves(shard.by_asset(), calendar_of(shard))
    one = held_worth(market, market.actions["asset"])
    two = held_worth(sleeves, sleeves.codes[sleeves.actions["group"]])
    np.testing.assert_array_equal(one, two)  # however the market is laid out
    return one.tolist()


def test_each_asset_is_bought_at_its_first_close_and_keeps_its_last():
    frame = bars(*flat(10.0, 20.0, 5.0, 5.0), B=flat(100.0, 110.0, 121.0, 200.0))
    days = pl.col("timestamp")
    late = (pl.col("asset") == "B") & (days == days.min())
    gone = (pl.col("asset") == "B") & (days == days.max())
    # A: 1, 2, 0.5, 0.5; B is cash, then bought at 110, and worth 1.1 from the third session on
    assert worth(frame.filter(~late & ~gone)) == pytest.approx([2.0, 2.0, 3.0, 1.6, 1.6])


def test_splits_change_units_and_dividends_stay_cash():
    frame = bars(*flat(10.0, 6.0, 6.0, 7.0))
    second, third = sorted(frame["timestamp"].unique())[1:3]
    actions = pl.DataFrame(
        {"timestamp": [second, third], "asset": ["A", "A"], "split": [2.0, 0.0], "dividend": [0.0, 0.5]}
    )
    # one unit of 10 becomes two of 6; then 2 * 0.5 is paid; at last 2 * 7 + 1
    assert worth(frame, actions) == pytest.approx([1.0, 1.0, 1.2, 1.3, 1.5])


def test_what_happens_before_an_asset_is_bought_is_not_its_holders():
    frame = bars(*flat(10.0, 11.0))
    actions = pl.DataFrame({"timestamp": [datetime(2024, 1, 1)], "asset": ["A"], "split": [2.0]})  # noqa: DTZ001 - as written
    assert worth(frame, actions) == pytest.approx([1.0, 1.0, 1.1])
