import numpy as np
import polars as pl
import pytest
from polars.testing import assert_series_equal

from backsweep.dataset import shard_from_frames
from backsweep.errors import StrategyError
from backsweep.strategy import Strategy, param
from backsweep.trial.features import Features
from backsweep.trial.market import pack


@pytest.fixture
def packed(market):
    return pack(shard_from_frames(market))


def test_features_are_computed_for_each_asset_over_time(market, packed, averages):
    found = Features(packed).columns(averages(window=3))
    for code, asset in enumerate("AB"):
        own = market.filter(pl.col("asset") == asset).sort("timestamp")
        expected = own["close"].rolling_mean(3).fill_null(np.nan)
        assert_series_equal(pl.Series("close", found["average"][packed.bars["asset"] == code]), expected)


def test_a_feature_is_missing_until_its_window_is_full(packed, averages):
    found = Features(packed).columns(averages(window=4))["average"]
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, 1, 2, 3, 4, 5]  # three bars of either asset


def test_trials_that_share_an_expression_share_its_column(packed, averages):
    features = Features(packed)
    one, same, other = (features.columns(averages(window=window)) for window in (3, 3, 4))
    assert one["average"] is same["average"]
    assert one["average"] is not other["average"]
    assert one["change"] is other["change"]


def test_columns_cannot_be_written(packed, averages):
    found = Features(packed).columns(averages())["average"]
    assert found.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1.0


def test_the_cache_forgets_what_was_used_longest_ago(packed, averages):
    features = Features(packed, cache_bytes=3 * 240 * 8)  # room for three columns: `change` and two averages
    first = features.columns(averages(window=2))["average"]
    second = features.columns(averages(window=3))["average"]
    assert features.columns(averages(window=2))["average"] is first
    features.columns(averages(window=4))
    assert features.columns(averages(window=2))["average"] is first
    again = features.columns(averages(window=3))["average"]
    assert again is not second
    assert np.array_equal(again, second, equal_nan=True)


def test_the_columns_of_the_trial_at_hand_are_never_forgotten(packed, averages):
    features = Features(packed, cache_bytes=0)
    found = features.columns(averages())
    assert set(found) == {"average", "change"}
    assert len(features._cache) == 2


@pytest.mark.parametrize(
    ("give", "problem"),
    [
        (lambda: [pl.col("close")], "does not give expressions by name"),
        (lambda: {"x": 3.0}, "does not give expressions by name"),
        (lambda: {"close": pl.col("close")}, "a column that the data has already"),
        (lambda: {"pred": pl.col("close")}, "a column that the data has already"),
        (lambda: {"x": pl.col("nowhere")}, "features cannot be computed"),
    ],
)
def test_features_that_cannot_be_are_an_error(packed, give, problem):
    class Wrong(Strategy):
        window: int = param(1, 2)

        def features(self):
            return give()

    with pytest.raises(StrategyError, match=problem):
        Features(packed).columns(Wrong())
