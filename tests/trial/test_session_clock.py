"""Bars know their time of day on the clock of the data, and how long their asset still trades."""

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import assert_same_bits

import backsweep as bs
from backsweep.dataset import shard_from_frames
from backsweep.errors import BadData, StrategyError
from backsweep.live import PaperVenue, Session, make_timestep, replay
from backsweep.trial.market import pack

ACCOUNT = {"cash": 1e9, "kind": "margin", "leverage": 10.0}
NEW_YORK = "America/New_York"


class Note(bs.Strategy):
    """Notes what it sees of the time in the prices of orders that never fill."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it looks at bars alone
        """Ask for a limit of time of day, and of the minutes that are left."""
        for i in range(data.count):
            bar = data[i]
            broker.submit_order(bar.asset, 1.0, bs.LIMIT, 0.001 * bar.time_of_day, tif=bs.IOC)
            broker.submit_order(bar.asset, 1.0, bs.LIMIT, 0.001 * (1 + bar.minutes_to_close), tif=bs.IOC)


def bars(hours, asset="A", zone=NEW_YORK):
    """Return hourly bars on days from Thursday, 2024-03-07: three days before the clocks go forward in New York."""
    first = np.datetime64("2024-03-07T00", "ns")
    times = [first + np.timedelta64(24 * day + hour, "h") for day, own in enumerate(hours) for hour in own]
    frame = pl.DataFrame({"timestamp": pl.Series(np.array(times)), "asset": asset})
    prices = [pl.lit(100.0).alias(name) for name in ("open", "high", "low", "close", "volume")]
    stamp = pl.col("timestamp").dt.replace_time_zone(zone) if zone else pl.col("timestamp")
    return frame.with_columns(stamp, *prices)


def seen(result, asset="A"):
    """Return what was noted: the pairs of hours of the day, and hours that are left."""
    noted = [round(1000 * price) for price in result.orders.filter(pl.col("asset") == asset)["limit_price"]]
    return [(time / 60, (left - 1) / 60) for time, left in zip(noted[::2], noted[1::2], strict=True)]


REGULAR = (10, 12, 16)
HALF = (10, 13)
DAYS = [REGULAR, REGULAR, HALF, REGULAR]


@pytest.mark.parametrize("mode", ["shared", "sleeves"])
def test_time_is_local_on_both_sides_of_a_change_of_clocks_and_a_half_day_ends_early(mode):
    result = bs.backtest(bars(DAYS), Note(), account=ACCOUNT | {"mode": mode}, compiled=False)
    whole = [(10, 6), (12, 4), (16, 0)]
    assert seen(result) == [*whole, *whole, (10, 3), (13, 0), *whole]


def test_an_asset_that_stops_early_does_not_show_it_where_another_trades_on():
    both = pl.concat([bars(DAYS), bars([REGULAR, (10,), REGULAR, REGULAR], asset="B")])
    result = bs.backtest(both, Note(), account=ACCOUNT, compiled=False)
    assert seen(result, "B")[3] == (10, 6)


def test_an_asset_with_an_earlier_close_of_its_own_is_known_from_its_second_session_on():
    late = [(10, 16, 23)] * 4
    result = bs.backtest(pl.concat([bars(DAYS), bars(late, asset="B")]), Note(), account=ACCOUNT, compiled=False)
    # The calendar of both ends at 23:00; that of A is known to end at 16:00 once it did.
    assert [left for time, left in seen(result) if time == 10] == [13, 6, 6, 6]


def test_what_is_left_counts_the_hour_that_a_change_of_clocks_leaves_out():
    around_the_clock = bars([(1, 23)] * 5)  # on the fourth day, 2024-03-10, there is no hour from 2 to 3
    result = bs.backtest(around_the_clock, Note(), account=ACCOUNT, compiled=False)
    assert [left for time, left in seen(result) if time == 1] == [22, 22, 22, 21, 22]


def test_what_is_left_does_not_depend_on_what_comes_later_but_the_sessions_last_bar():
    """Without the sessions that follow, and without all bars that follow but the calendar's, a bar knows the same."""
    random = np.random.default_rng(4)
    hours = {name: [sorted({*random.choice(20, 5)}) for _ in range(12)] for name in "ABC"}
    hours["A"] = [[*own, 23 - day % 3] for day, own in enumerate(hours["A"])]  # the last to close, at several times
    whole = pl.concat([bars(own, asset=name, zone=None) for name, own in hours.items()]).sort("timestamp", "asset")
    whole = whole.with_columns(pl.col("timestamp").dt.date().alias("day"))
    end = pl.col("timestamp").max().over("day")
    left = left_of(whole)
    assert left["left"].n_unique() > 15
    for moment in random.choice(whole["timestamp"].unique(), 40, replace=False):
        now = pl.lit(moment).cast(pl.Datetime("ns"))
        known = pl.col("timestamp") <= now
        kept = known | ((pl.col("timestamp") == end) & (pl.col("day") == now.dt.date()))
        assert left_of(whole.filter(kept)).filter(known).equals(left.filter(known))


def left_of(frame):
    """Return the bars with the minutes that each has left."""
    return frame.with_columns(pl.Series("left", pack(shard_from_frames(frame.drop("day"))).bars["to_close"]))


def test_times_without_a_zone_are_as_written_and_days_have_no_time_left():
    result = bs.backtest(bars([REGULAR, HALF], zone=None), Note(), account=ACCOUNT, compiled=False)
    assert seen(result) == [(10, 6), (12, 4), (16, 0), (10, 3), (13, 0)]
    daily = bs.backtest(bars([(0,), (0,)], zone=None), Note(), compiled=False)
    assert {left for _, left in seen_of_days(daily)} == {0.0}


def seen_of_days(result):
    """Return the pairs where the time of day, 0, is no price and its order was rejected."""
    kept = result.orders.filter(pl.col("limit_price") > 0.0)["limit_price"]
    return [(0.0, (round(1000 * price) - 1) / 60) for price in kept]


def test_a_replay_on_paper_sees_the_same():
    interpreted = bs.backtest(bars(DAYS), Note(), account=ACCOUNT, compiled=False)
    assert_same_bits(interpreted, replay(bars(DAYS), Note(), account=ACCOUNT))


@pytest.mark.thorough
def test_compiled_code_sees_the_same():
    interpreted = bs.backtest(bars(DAYS), Note(), account=ACCOUNT, compiled=False)
    assert_same_bits(interpreted, bs.backtest(bars(DAYS), Note(), account=ACCOUNT))


@pytest.mark.parametrize(("known", "noted"), [({"A": 360}, 361), ({}, None)])
def test_a_feed_says_when_the_session_closes_or_the_strategy_is_refused(known, noted):
    venue = PaperVenue(["A"], account=ACCOUNT)
    session = Session(Note(), venue)
    timestep = make_timestep(["A"], bars([(10,)]), session=0, last_of_session=False, minutes_to_close=known)
    if noted is None:
        with pytest.raises(StrategyError, match="minutes_to_close"):
            session.on_bars(timestep)
    else:
        session.on_bars(timestep)
        prices = {round(1000 * order["limit_price"]) for order in venue._tables.orders if order["id"]}
        assert prices == {600, noted}


@pytest.mark.parametrize("name", ["minutes_to_close", "time_of_day"])
def test_a_column_of_that_name_is_refused(name):
    with pytest.raises(BadData, match="attribute which every bar has"):
        bs.backtest(bars(DAYS).with_columns(pl.lit(1.0).alias(name)), Note())
