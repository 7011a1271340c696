"""Features on bars of a longer interval: what the bars are, and from when each is known."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import assert_same_bits

import backsweep as bs
from backsweep.dataset import shard_from_frames
from backsweep.errors import StrategyError
from backsweep.live import replay
from backsweep.trial.features import Features
from backsweep.trial.lookahead import check_lookahead
from backsweep.trial.market import pack
from backsweep.trial.runner import Settings

NAN = pytest.approx(np.nan, nan_ok=True)
ACCOUNT = {"kind": "margin", "cash": 1e6}


class Own(bs.Strategy):
    """Has the features of a function, and buys where `signal`, if there is one, is positive."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it looks at bars alone
        """Follow the signal."""
        for i in range(data.count):
            bar = data[i]
            broker.order_target_quantity(bar.asset, 1.0 if bar.signal > 0.0 else 0.0)


def strategy(**features):
    """Return a strategy with these features."""
    return type("Featured", (Own,), {"features": lambda _: features})


def frame(stamps, closes, asset="A", zone=None):
    """Return bars that close at these prices, open one below, and reach one beyond either."""
    times = pl.Series(stamps).cast(pl.Datetime("ns"))
    times = times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else times
    close = pl.Series(closes, dtype=pl.Float64)
    prices = {"open": close - 1.0, "high": close + 1.0, "low": close - 2.0, "close": close, "volume": close}
    return pl.DataFrame({"timestamp": times, "asset": asset, **prices})


def features(bars, **wanted):
    """Return features by name, in the order of the bars."""
    found = Features(pack(shard_from_frames(bars))).columns(strategy(**wanted)())
    return {name: values.tolist() for name, values in found.items()}


MONDAY = date(2024, 1, 1)
WEEKDAYS = [MONDAY + timedelta(day) for day in (0, 1, 2, 3, 4, 7, 8, 9, 11, 14)]  # no Friday in the third week
CLOSES = [10.0, 12.0, 9.0, 11.0, 13.0, 20.0, 25.0, 18.0, 22.0, 30.0]


def test_a_weeks_bar_is_known_from_the_first_day_of_the_next_week():
    names = ("open", "high", "low", "close", "volume")
    found = features(frame(WEEKDAYS, CLOSES), **{f"week_{name}": bs.higher("1w", pl.col(name)) for name in names})
    # Weeks: 10 12 9 11 13, then 20 25 18 22, then 30.
    weeks = {"open": (9, 19), "high": (14, 26), "low": (7, 16), "close": (13, 22), "volume": (55, 85)}
    for name, (first, second) in weeks.items():
        assert found[f"week_{name}"] == [NAN] * 5 + [first] * 4 + [second]


def test_expressions_look_back_on_longer_bars_and_other_features_on_them():
    found = features(
        frame(WEEKDAYS, CLOSES),
        week=bs.higher("1w", pl.col("twice")),
        change=bs.higher("1w", pl.col("close").diff(1)),
        above=pl.col("close") * 2.0 > pl.col("week"),
        twice=pl.col("close") * 2.0,
    )
    assert found["week"] == [NAN] * 5 + [26.0] * 4 + [44.0]
    assert found["change"] == [NAN] * 9 + [9.0]
    assert found["above"] == [NAN] * 5 + [1.0] * 5


def test_hours_are_known_at_the_bar_that_ends_them_or_at_the_next():
    first = datetime(2024, 1, 2, 10)  # noqa: DTZ001 - times as written
    minutes = [0, 20, 40, 60, 80, 100, 140, 180]  # of 12:00 there is no bar
    found = features(
        frame([first + timedelta(minutes=each) for each in minutes], range(11, 19)),
        hour=bs.higher("1h", pl.col("close")),
    )
    # 10:00 ends an hour of its own; 10:20 to 11:00 is one; 11:20 and 11:40 end at 12:00; 12:20 and 13:00 at 13:00.
    assert found["hour"] == [11, 11, 11, 14, 14, 14, 16, 18]


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_days_are_those_of_sessions_and_hours_those_of_the_clock(zone):
    first = datetime(2024, 1, 2, 22)  # noqa: DTZ001 - UTC; 17:00 in New York
    stamps = [first + timedelta(hours=each) for each in range(10)]
    found = features(
        frame(stamps, range(10, 20), zone=zone),
        day=bs.higher("1d", pl.col("close")),
        four=bs.higher("4h", pl.col("close")),
    )
    # Midnight UTC is the third bar, midnight in New York the eighth; 4 hours end at 00:00, or at 20:00, and so on.
    assert found["day"] == ([NAN] * 7 + [16] * 3 if zone else [NAN] * 2 + [11] * 8)
    assert found["four"] == ([NAN] * 3 + [13] * 4 + [17] * 3 if zone else [NAN] * 2 + [12] * 4 + [16] * 4)


def test_assets_have_longer_bars_of_their_own():
    both = pl.concat([frame(WEEKDAYS, CLOSES), frame(WEEKDAYS[5:], CLOSES[:5], asset="B")])
    market = pack(shard_from_frames(both))
    found = Features(market).columns(strategy(week=bs.higher("1w", pl.col("close")))())["week"]
    assert found[market.codes == 1].tolist() == [NAN] * 4 + [11.0]


def test_hours_that_a_change_of_clocks_repeats_do_not_look_ahead():
    first = datetime(2024, 11, 3, 4)  # noqa: DTZ001 - UTC; midnight in New York, where 01:00 comes at 05:00 and at 06:00
    stamps = [first + timedelta(minutes=20 * each) for each in range(30)]
    shard = shard_from_frames(frame(stamps, np.random.default_rng(1).uniform(5, 9, 30), zone="America/New_York"))
    wanted = strategy(signal=bs.higher("1h", pl.col("high")), four=bs.higher("4h", pl.col("high")))
    check_lookahead(shard, wanted, Settings(), np.zeros((1, 0)), compiled=False)


def walk(days=90, hours=(10, 13, 16)):
    """Return a random walk of two assets with three bars a day."""
    first = datetime(2024, 1, 1)  # noqa: DTZ001 - times as written
    stamps = [first + timedelta(days=day, hours=hour) for day in range(days) for hour in hours]
    steps = np.random.default_rng(3).normal(0.0, 1.0, (2, len(stamps))).cumsum(axis=1) + 100.0
    return pl.concat([frame(stamps, own, asset=name) for name, own in zip("AB", steps, strict=True)])


FOLLOW = strategy(
    week=bs.higher("1w", pl.col("close").rolling_mean(3)),
    four=bs.higher("4h", pl.col("close").diff(1)),
    signal=pl.when(pl.col("close") > pl.col("week")).then(pl.col("four")).otherwise(-1.0),
)


@pytest.mark.long
def test_the_look_ahead_test_passes_and_finds_what_looks_ahead_on_longer_bars():
    shard, trials = shard_from_frames(walk()), np.zeros((1, 0))
    assert check_lookahead(shard, FOLLOW, Settings(), trials, compiled=False).moments > 0
    peeks = strategy(signal=bs.higher("1w", pl.col("close").shift(-1)))
    with pytest.raises(StrategyError, match="looks ahead: feature `signal`"):
        check_lookahead(shard, peeks, Settings(), trials, compiled=False)


def test_a_replay_on_paper_trades_the_same():
    result = bs.backtest(walk(30), FOLLOW(), account=ACCOUNT, compiled=False)
    assert result.fills.height >= 4
    assert_same_bits(result, replay(walk(30), FOLLOW(), account=ACCOUNT))


def test_sleeves_have_the_same_features():
    modes = ("shared", "sleeves")
    one, two = (
        bs.backtest(walk(30), FOLLOW(), account=ACCOUNT | {"mode": mode}, compiled=False).fills for mode in modes
    )
    keys = ("timestamp", "asset", "quantity", "price")
    assert one.select(keys).equals(two.select(keys))


def test_trials_share_what_is_equal_and_intervals_are_told_apart():
    kept = Features(pack(shard_from_frames(walk(20))))
    close = pl.col("close")
    one, same, other = (
        kept.columns(strategy(signal=bs.higher(each, close))())["signal"] for each in ("1w", "1w", "2w")
    )
    assert one is same
    assert not np.array_equal(one, other, equal_nan=True)
    assert not np.array_equal(one, kept.columns(strategy(signal=close)())["signal"])


@pytest.mark.parametrize("interval", ["week", "0d", "7m", "5h", "48h", 7, "1s"])
def test_an_interval_of_another_form_is_refused(interval):
    with pytest.raises(StrategyError, match="does not know the interval"):
        bs.higher(interval, pl.col("close"))


def test_what_is_no_expression_is_refused_with_its_place():
    with pytest.raises(StrategyError, match=r"bs\.higher needs an expression"):
        bs.higher("1w", 5)
    crossing = type("Crossing", (Own,), {"cross_features": lambda _: {"week": bs.higher("1w", pl.col("close"))}})()
    kept = Features(pack(shard_from_frames(walk(5))))
    with pytest.raises(StrategyError, match=r"cross_features does not return expressions"):
        kept.columns(crossing)
