"""What each execution profile chooses. Day 0 is the bar at whose close the script speaks."""

from datetime import timedelta

import pytest
from scenarios.scripted import (
    bars,
    bracket,
    close,
    fills,
    flat,
    limit,
    market,
    observe,
    run,
    seen,
    states,
    stop,
    submit,
)

from backsweep.engine.codes import MARKET_ON_CLOSE
from backsweep.engine.profiles import PROFILES
from backsweep.errors import BadInput
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.sweepfile.messages import translate

QUIET = (100, 100, 100, 100)


def under(profile, prices, steps, **spec):
    return run(bars(*prices), steps, execution={"profile": profile}, **spec)


@pytest.mark.parametrize(
    ("profile", "day", "price"),
    [("next_open", 1, 103.0), ("same_close", 0, 100.0), ("next_close", 1, 104.0), ("vectorbt", 0, 100.0)],
)
def test_a_market_order_fills_where_the_profile_says(profile, day, price):
    result = under(profile, [QUIET, (103, 105, 101, 104), QUIET], [market(0, 10)])
    assert fills(result) == [(day, 10.0, price)]


def test_at_the_same_close_the_strategy_sees_its_position_from_the_next_bar_on():
    result = under(
        "same_close",
        flat(100, 3),
        [
            observe(0, "quantity"),
            market(0, 10),
            observe(0, "quantity"),
            observe(1, "quantity"),
            observe(1, "bars_held"),
        ],
    )
    assert seen(result) == [0.0, 0.0, 10.0, 1.0]


def test_at_the_same_close_stops_live_from_the_next_bar():
    prices = [(100, 110, 80, 100), (100, 101, 99, 100), (100, 104, 94, 96)]
    result = under("same_close", prices, [bracket(0, 10, stop_loss=95, take_profit=105)])
    assert fills(result) == [(0, 10.0, 100.0), (2, -10.0, 95.0)]
    trade = result.trades.row(0, named=True)
    assert (trade["max_favourable"], trade["bars_held"]) == (pytest.approx(0.01), 1)


def test_an_order_for_an_asset_without_a_bar_fills_at_its_next_close():
    market_data = bars(*flat(100, 4), B=[(50, 50, 50, 50), None, (52, 54, 51, 53), (55, 55, 55, 55)])
    result = run(market_data, [market(1, 10, asset=1)], execution={"profile": "same_close"})
    assert result.fills.select("asset", "price").rows() == [("B", 53.0)]
    assert result.equity["equity"].to_list() == [10_000.0, 10_000.0, 10_000.0, 10_020.0]


@pytest.mark.parametrize(("profile", "day"), [("next_open", 1), ("backtesting_py", 1), ("backtrader", 2)])
def test_children_of_a_market_order_live_on_the_entry_bar_or_from_the_bar_after(profile, day):
    prices = [QUIET, (100, 101, 94, 100), (100, 101, 94, 100)]
    assert fills(under(profile, prices, [bracket(0, 10, stop_loss=95)])) == [(1, 10.0, 100.0), (day, -10.0, 95.0)]


@pytest.mark.parametrize(("profile", "day"), [("next_open", 1), ("backtesting_py", 2), ("backtrader", 2)])
def test_children_of_a_limit_order_live_on_the_entry_bar_or_from_the_bar_after(profile, day):
    prices = [QUIET, (100, 101, 94, 100), (100, 101, 94, 100)]
    result = under(profile, prices, [bracket(0, 10, limit=98, stop_loss=95)])
    assert fills(result) == [(1, 10.0, 98.0), (day, -10.0, 95.0)]


OPENS_BEYOND = [("next_open", 106.0), ("same_close", 106.0), ("backtesting_py", 95.0), ("backtrader", 95.0)]


@pytest.mark.parametrize(("profile", "price"), [*OPENS_BEYOND, ("vectorbt", 95.0)])
def test_a_bar_that_opens_beyond_the_target_and_falls_to_the_stop_is_the_opens_or_the_stops(profile, price):
    prices = [QUIET, QUIET, (106, 107, 94, 96)]
    result = under(profile, prices, [bracket(0, 10, stop_loss=95, take_profit=105)])
    assert fills(result)[1:] == [(2, -10.0, price)]
    mirrored = [QUIET, QUIET, (94, 106, 93, 104)]
    result = under(profile, mirrored, [bracket(0, -10, stop_loss=105, take_profit=95)])
    assert fills(result)[1:] == [(2, 10.0, 200 - price)]


@pytest.mark.parametrize("profile", ["backtesting_py", "backtrader", "vectorbt"])
def test_where_the_stop_takes_such_a_bar_its_fill_is_ambiguous(profile):
    prices = [QUIET, QUIET, (106, 107, 94, 96)]
    entry = bracket(0, 10, stop_loss=95, take_profit=105)
    result = under(profile, prices, [entry])
    assert (result.metrics["ambiguous_fills"], result.metrics["ambiguous_pnl"]) == (1, 110.0)  # 10 x (106 - 95)
    result = run(bars(*prices), [entry], execution={"profile": profile, "ambiguous": "target_first"})
    assert fills(result)[1:] == [(2, -10.0, 106.0)]
    assert (result.metrics["ambiguous_fills"], result.metrics["ambiguous_pnl"]) == (1, -110.0)


@pytest.mark.parametrize("profile", ["backtesting_py", "backtrader", "vectorbt"])
def test_a_target_beyond_which_a_bar_opens_fills_at_the_open_where_the_bar_spares_the_stop(profile):
    prices = [QUIET, QUIET, (106, 107, 96, 96)]
    result = under(profile, prices, [bracket(0, 10, stop_loss=95, take_profit=105)])
    assert fills(result)[1:] == [(2, -10.0, 106.0)]
    assert result.metrics["ambiguous_fills"] == 0


def test_an_entry_at_an_open_beyond_its_target_is_the_stops_where_a_peer_says_so():
    prices = [QUIET, (106, 107, 94, 96)]
    result = under("backtesting_py", prices, [bracket(0, 10, stop_loss=95, take_profit=105)])
    assert fills(result) == [(1, 10.0, 106.0), (1, -10.0, 95.0)]


@pytest.mark.parametrize(("profile", "filled"), [("next_open", [1, 2, 3]), ("backtrader", [1, 3])])
def test_market_orders_exit_first_or_fill_as_they_were_submitted(profile, filled):
    # 1,000 in cash all in A; buying B before A is sold finds no cash.
    steps = [market(0, 10), market(1, 10, asset=1), close(1)]
    account = {"cash": 1_000.0, "kind": "cash"}
    result = run(bars(*flat(100, 3), B=flat(100, 3)), steps, account=account, execution={"profile": profile})
    assert result.orders.filter(result.orders["status"] == "filled")["order_id"].to_list() == filled


def test_under_zipline_limits_and_stops_see_closes_alone_and_fill_there():
    prices = [QUIET, (100, 110, 90, 100), (97, 99, 96, 97.5), (97, 99, 90, 94)]
    result = under("zipline", prices, [limit(0, 10, 98), stop(2, -10, 95)])
    assert fills(result) == [(2, 10.0, 97.5), (3, -10.0, 94.0)]


def test_a_market_on_close_order_fills_at_the_last_close_of_a_session():
    prices = [(price, price + 2, price - 2, price + 1) for price in (100, 101, 102, 103, 104, 105)]
    result = run(bars(*prices, step=timedelta(hours=8)), [submit(0, 10, type=MARKET_ON_CLOSE)])
    assert fills(result) == [(0, 10.0, 103.0)]
    assert result.equity["equity"].to_list()[2:4] == [10_000.0, 10_010.0]


def test_a_market_on_close_order_of_a_sessions_last_bar_waits_for_the_next_session():
    result = run(bars(QUIET, (101, 103, 99, 102)), [submit(0, 10, type=MARKET_ON_CLOSE)])
    assert fills(result) == [(1, 10.0, 102.0)]


def test_an_exit_at_the_close_has_seen_the_whole_bar():
    result = run(bars(QUIET, QUIET, (100, 110, 95, 100)), [market(0, 10), submit(1, -10, type=MARKET_ON_CLOSE)])
    trade = result.trades.row(0, named=True)
    assert (trade["max_favourable"], trade["max_adverse"]) == (pytest.approx(0.1), pytest.approx(0.05))


def test_an_unknown_order_type_is_rejected():
    assert states(run(bars(QUIET, QUIET), [submit(0, 10, type=9)])) == [("rejected", "no such order type")]


def test_an_unknown_profile_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="'next_open', 'same_close'") as caught:
        ExecutionSpec(profile="same_clos")
    message = translate(caught.value, ExecutionSpec, {"profile": "same_clos"}, lambda _path: (0, "sweep.yaml"))
    assert isinstance(message, BadInput)
    assert "same_close" in message.remedy


def test_every_profile_is_a_row_of_choices_that_the_rules_hold():
    assert PROFILES["next_open"] == type(PROFILES["next_open"])()


def test_where_closes_alone_count_a_limit_asked_for_before_a_market_order_fills_before_it():
    steps = [market(0, 10), limit(1, -10, 99), market(1, 10)]
    result = under("zipline", flat(100, 3), steps)
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 100.0), (2, 10.0, 100.0)]
