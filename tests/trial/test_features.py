import sys
from datetime import UTC, date, datetime
from types import SimpleNamespace

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
        (lambda: [pl.col("close")], "does not return expressions by name"),
        (lambda: {"x": 3.0}, "does not return expressions by name"),
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


class Answer:
    """A callable with state, which cannot be pickled."""

    def __init__(self, value):
        self.value = value

    def __call__(self, series):
        return series * 0.0 + self.value

    def __reduce__(self):
        raise TypeError("not to be pickled")


ANSWER = Answer(1.0)


class Modelled(Strategy):
    def features(self):
        return {
            "log": np.log(pl.col("close")),
            "median": pl.col("close").rolling_map(lambda window: window.median(), 3),
            "predicted": pl.col("close").map_batches(ANSWER),
        }

    def on_data(self, timestamp, data, context, broker):
        pass


@pytest.fixture(params=["without cloudpickle", "by name"])
def _pickling(request, monkeypatch):
    """Remove cloudpickle, which Polars pickles functions with, or one that writes a function as its type's name."""
    pickles = SimpleNamespace(dumps=lambda value, **_: repr(type(value)).encode(), __version__="3.1.2")
    monkeypatch.setitem(sys.modules, "cloudpickle", pickles if request.param == "by name" else None)


@pytest.mark.usefixtures("_pickling")
def test_functions_in_expressions_are_computed_for_each_trial(market, packed, monkeypatch):
    features = Features(packed)
    monkeypatch.setattr(ANSWER, "value", 1.0)
    first = features.columns(Modelled())
    monkeypatch.setattr(ANSWER, "value", 2.0)
    second = features.columns(Modelled())
    assert set(first["predicted"]) == {1.0}
    assert set(second["predicted"]) == {2.0}
    close = market.filter(pl.col("asset") == "A").sort("timestamp")["close"]
    mine = packed.bars["asset"] == 0
    assert_series_equal(pl.Series("close", first["median"][mine]), close.rolling_median(3).fill_null(np.nan))
    assert_series_equal(pl.Series("close", first["log"][mine]), close.log())


def _scaled(factor):
    return lambda series: series * factor


@pytest.mark.usefixtures("_pickling")
@pytest.mark.parametrize(
    "make",
    [
        lambda factor: pl.col("close").map_batches(_scaled(factor)),
        lambda factor: pl.col("close").rolling_map(lambda window: window[-1] * factor, 1),
        lambda factor: pl.col("close").map_elements(lambda close: sum([close] * factor), return_dtype=pl.Float64),
        lambda factor: pl.struct("close").map_batches(lambda series: series.struct.field("close") * factor),
        lambda factor: pl.fold(pl.lit(0.0), lambda total, each: total + each * factor, [pl.col("close")]),
        lambda factor: pl.col("close") * pl.lit(pl.Series([float(factor)] * 9)).first(),
        lambda factor: pl.col("close") * pl.lit([factor] * 9).list.first(),
    ],
)
def test_two_functions_of_one_name_do_not_share_a_column(packed, make):
    class Scaled(Strategy):
        factor: int = param(1, 9)

        def features(self):
            return {"scaled": make(self.factor)}

    features = Features(packed)
    one, two, again = (features.columns(Scaled(factor=factor))["scaled"] for factor in (1, 2, 1))
    np.testing.assert_array_equal(two, 2.0 * one)
    np.testing.assert_array_equal(again, one)


def test_a_function_that_fails_is_one_error_of_the_strategy(packed):
    class Broken(Strategy):
        def features(self):
            return {"broken": pl.col("close").map_batches(lambda series: {}[series.len()], pl.Float64)}

    with pytest.raises(StrategyError, match="features cannot be computed") as caught:
        Features(packed).columns(Broken())
    assert "KeyError" in caught.value.found


@pytest.mark.parametrize(("zone", "hours"), [("America/New_York", [19, 20]), (None, [0, 0])])
def test_timestamps_are_on_the_clock_of_the_data(zone, hours):
    stamps = pl.Series([date(2024, 3, 10), date(2024, 3, 11)]).cast(pl.Datetime("ns"))
    if zone:
        stamps = stamps.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    prices = {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")}

    class Hour(Strategy):
        def features(self):
            utc = pl.from_epoch("timestamp", "ns")  # as features had to be written when it was an integer
            local = utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zone or "UTC")
            return {"hour": pl.col("timestamp").dt.hour(), "utc": utc.dt.hour(), "local": local.dt.hour()}

    market = pack(shard_from_frames(pl.DataFrame({"timestamp": stamps, "asset": ["A", "A"], **prices})))
    found = {name: values.tolist() for name, values in Features(market).columns(Hour()).items()}
    assert found == {"hour": hours, "utc": [0, 0], "local": hours}


def test_features_know_the_session_and_the_minute_of_the_day():
    """New York's clock goes forward between both sessions: 13:30 UTC is 08:30, then 09:30."""
    stamps = [datetime(2024, 3, *at, tzinfo=UTC) for at in ((8, 13, 30), (8, 14, 0), (11, 13, 30))]
    prices = {name: [1.0, 2.0, 3.0] for name in ("open", "high", "low", "close", "volume")}
    frame = pl.DataFrame({"timestamp": stamps, "asset": "A", **prices}).with_columns(
        pl.col("timestamp").dt.convert_time_zone("America/New_York")
    )

    class Clock(Strategy):
        def features(self):
            since = pl.col("time_of_day") - 510
            return {"minutes": since * 60, "first": pl.col("open").first().over("session"), "number": pl.col("session")}

        def cross_features(self):
            return {"day": pl.col("session").max()}

    def find(**columns):
        market = pack(shard_from_frames(frame.with_columns(**columns)))
        return {name: values.tolist() for name, values in Features(market).columns(Clock()).items()}

    expected = {"minutes": [0, 1800, 3600], "first": [1, 1, 3], "number": [0, 0, 1], "day": [0, 0, 1]}
    assert find() == expected
    assert find(session=pl.lit(7.0)) == {**expected, "first": [1, 1, 1], "number": [7] * 3, "day": [7] * 3}
