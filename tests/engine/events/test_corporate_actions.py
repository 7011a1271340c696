"""What splits, dividends and delistings do: figures worked out by hand, compiled and interpreted."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import (
    FIRST_DAY,
    bars,
    bracket,
    close,
    compose,
    evaluator,
    fills,
    flat,
    limit,
    market,
    observe,
    run,
    seen,
    states,
    stop,
    trailing,
    update,
)

from backsweep.errors import BadData
from backsweep.metrics.summary import METRICS
from backsweep.trial.contract import Chunk

COSTS = {"commission": {"kind": "per_order", "amount": 1.0}, "slippage": {"kind": "fixed", "amount": 0.1}}


def actions(*rows):
    """Return actions as (day, asset, {what: value})."""
    frame = {
        "timestamp": [FIRST_DAY + day * timedelta(days=1) for day, _, _ in rows],
        "asset": [row[1] for row in rows],
    }
    columns = ("split", "dividend", "delisting")
    return pl.DataFrame(frame | {name: [row[2].get(name) for row in rows] for name in columns}).with_columns(
        pl.col(columns).cast(pl.Float64)
    )


def split(day, ratio, asset="A"):
    return actions((day, asset, {"split": ratio}))


def dividend(day, amount, asset="A"):
    return actions((day, asset, {"dividend": amount}))


def delisting(day, asset="A"):
    return actions((day, asset, {"delisting": 1.0}))


HALVED = bars(*flat(100.0, 3), *flat(50.0, 3))


# ---- splits ----


def test_a_trade_that_was_partly_closed_before_a_split_is_counted_in_new_units():
    series = bars(*flat(100.0, 2), *flat(110.0, 1), *flat(60.0, 2))
    result = run(series, [market(0, 10), market(1, -4), close(3)], actions=split(3, 2.0))
    (trade,) = result.trades.to_dicts()
    # 10 for 1,000 are 20 at 50; 4 for 440 and 12 for 720 are 20 at 58.
    assert (trade["quantity"], trade["entry_price"], trade["exit_price"]) == (20.0, 50.0, 58.0)
    assert trade["pnl"] == 160.0


def test_a_split_leaves_equity_as_it_is_and_doubles_the_position():
    steps = [market(0, 10), observe(3, "quantity"), observe(3, "entry_price"), observe(3, "unrealized_pnl"), close(4)]
    result = run(HALVED, steps, actions=split(3, 2.0))
    assert result.equity["equity"].to_list() == [10_000.0] * 6
    assert seen(result) == [20.0, 50.0, 0.0]
    assert fills(result) == [(1, 10.0, 100.0), (5, -20.0, 50.0)]
    trade = result.trades.row(0, named=True)
    assert (trade["quantity"], trade["entry_price"], trade["exit_price"], trade["pnl"]) == (20.0, 50.0, 50.0, 0.0)
    assert trade["max_adverse"] == trade["max_favourable"] == 0.0
    assert result.cash_flows.is_empty()


def test_a_reverse_split_of_a_short_position():
    result = run(bars(*flat(10.0, 3), *flat(100.0, 3)), [market(0, -50), close(4)], actions=split(3, 0.1))
    assert fills(result) == [(1, -50.0, 10.0), (5, 5.0, 100.0)]
    assert result.equity["equity"].to_list() == [10_000.0] * 6


def test_a_position_bought_in_parts_keeps_its_average_price():
    steps = [market(0, 10), market(3, 10), observe(5, "entry_price"), close(4)]
    result = run(HALVED, [steps[0], steps[1], steps[2]], actions=split(3, 2.0))
    assert seen(result) == [50.0]
    assert result.equity["equity"][5] == 10_000.0


def test_resting_orders_are_counted_in_new_units():
    steps = [
        limit(0, 10, 80.0),
        stop(0, 10, 130.0),
        trailing(0, 10, amount=30.0),
        trailing(0, -10, percent=0.3),
        *(
            observe(3, name, order=order)
            for order in (1, 2, 3, 4)
            for name in ("order_quantity", "limit_price", "stop_price")
        ),
    ]
    found = seen(run(HALVED, steps, actions=split(3, 2.0)))
    assert found[0:2] == [20.0, 40.0]
    assert found[3] == 20.0
    assert found[5] == 65.0
    assert found[6] == 20.0
    assert found[8] == 65.0  # the mark of 100 and the amount of 30, halved
    assert found[9] == -20.0
    assert found[11] == 35.0


def test_a_bracket_goes_on_around_a_split():
    # entry at 100, stop 90, target 110: after two for one the target is 55, for twice the units
    market_ = bars(*flat(100.0, 3), (50, 52, 49, 51), (51, 56, 51, 54))
    result = run(market_, [bracket(0, 10, stop_loss=90.0, take_profit=110.0)], actions=split(3, 2.0))
    assert fills(result) == [(1, 10.0, 100.0), (4, -20.0, 55.0)]
    assert states(result) == [("filled", ""), ("cancelled", "its sibling filled"), ("filled", "")]
    assert result.metrics["final_equity"] == 10_000.0 + 100.0


def test_children_that_wait_are_counted_in_new_units_too():
    steps = [bracket(0, 10, limit=90.0, stop_loss=80.0, take_profit=110.0), observe(3, "order_quantity", order=2)]
    market_ = bars(*flat(100.0, 3), (50, 50, 44, 46), (46, 46, 39, 41))
    result = run(market_, steps, actions=split(3, 2.0))
    assert seen(result) == [-20.0]
    assert fills(result) == [(3, 20.0, 45.0), (4, -20.0, 40.0)]


def test_with_lots_what_is_no_whole_lot_is_paid_out_at_the_last_price_without_costs():
    # 5 x 1.5 = 7.5: half a unit at 100 / 1.5
    account = {"cash": 10_000.0, "lot": 1.0}
    result = run(
        bars(*flat(100.0, 3), *flat(60.0, 2)), [market(0, 5)], account=account, costs=COSTS, actions=split(3, 1.5)
    )
    assert result.fills["quantity"].to_list() == [5.0, -0.5]
    assert result.fills["price"].to_list() == pytest.approx([100.1, 100 / 1.5])
    assert result.fills["reason"].to_list() == ["signal", "cash_in_lieu"]
    assert result.fills["commission"].to_list() == [1.0, 0.0]
    assert result.equity["equity"].to_list()[2:] == pytest.approx(
        [10_000.0 - 1.5] + [10_000.0 - 501.5 + 50 / 1.5 + 7 * 60.0] * 2
    )


def test_a_position_of_less_than_a_lot_is_paid_out_whole():
    account = {"cash": 10_000.0, "lot": 1.0}
    result = run(bars(*flat(10.0, 3), *flat(100.0, 2)), [market(0, 5)], account=account, actions=split(3, 0.1))
    assert result.trades["exit_reason"].to_list() == ["cash_in_lieu"]
    assert result.trades["pnl"].to_list() == [0.0]
    assert result.equity["equity"][4] == 10_000.0


def test_orders_shrink_to_whole_lots_and_end_where_nothing_is_left():
    account = {"cash": 10_000.0, "kind": "margin", "lot": 1.0, "tick": 0.25}
    steps = [
        limit(0, 5, 80.0),
        limit(0, 1, 81.0),
        observe(3, "order_quantity", order=1),
        observe(3, "limit_price", order=1),
    ]
    result = run(bars(*flat(100.0, 3), *flat(150.0, 2)), steps, account=account, actions=split(3, 0.7))
    assert seen(result) == [3.0, 114.25]  # 3.5 units; 80 / 0.7 = 114.29, a buy's limit goes down
    assert states(result) == [("working", ""), ("cancelled", "a split left less than a lot of it")]


def test_a_split_without_a_bar_of_its_asset_takes_effect_all_the_same():
    market_ = bars((100, 100, 100, 100), (100, 100, 100, 100), None, (50, 50, 50, 50), B=flat(10.0, 4))
    result = run(market_, [market(0, 10), observe(2, "quantity"), observe(2, "market_value")], actions=split(2, 2.0))
    assert seen(result) == [20.0, 1000.0]


def test_two_actions_between_two_timestamps_take_effect_one_after_the_other():
    # a dividend of 1 on the old units, and then two for one
    both = actions((3, "A", {"dividend": 1.0}), (4, "A", {"split": 2.0}))
    market_ = HALVED.filter(pl.col("timestamp") != FIRST_DAY + timedelta(days=3))
    result = run(market_, [market(0, 10), observe(3, "quantity")], actions=both)
    assert seen(result) == [20.0]
    assert result.cash_flows["amount"].to_list() == [10.0]


def test_a_market_order_that_waits_for_the_open_is_counted_in_new_units_too():
    assert fills(run(HALVED, [market(2, 1)], actions=split(3, 2.0))) == [(3, 2.0, 50.0)]


# ---- dividends ----


def test_longs_receive_a_dividend_on_the_ex_date_and_it_belongs_to_the_trade():
    result = run(bars(*flat(100.0, 5)), [market(0, 10), close(3)], actions=dividend(2, 1.5))
    assert result.equity["equity"].to_list() == [10_000.0, 10_000.0, 10_015.0, 10_015.0, 10_015.0]
    assert result.trades["pnl"].to_list() == [15.0]
    assert result.metrics["win_rate"] == 1.0
    assert result.cash_flows.rows() == [(FIRST_DAY + timedelta(days=2), "A", "dividend", 10.0, 15.0)]


def test_shorts_pay_a_dividend():
    result = run(bars(*flat(100.0, 4)), [market(0, -10)], actions=dividend(2, 1.5))
    assert result.equity["cash"].to_list() == [10_000.0, 11_000.0, 10_985.0, 10_985.0]
    assert result.cash_flows["amount"].to_list() == [-15.0]


@pytest.mark.parametrize("units", [1.0, -1.0, 0.25])
def test_a_position_of_any_size_has_its_dividend(units):
    result = run(bars(*flat(100.0, 4)), [market(0, units)], actions=dividend(2, 2.0))
    assert result.equity["equity"].to_list() == [10_000.0, 10_000.0, 10_000.0 + 2.0 * units, 10_000.0 + 2.0 * units]
    assert result.cash_flows.select("quantity", "amount").rows() == [(units, 2.0 * units)]


@pytest.mark.parametrize(("bought", "paid"), [(0, 10.0), (1, 0.0)])
def test_who_buys_on_the_ex_date_receives_nothing(bought, paid):
    result = run(bars(*flat(100.0, 4)), [market(bought, 10)], actions=dividend(2, 1.0))
    assert result.equity["equity"][3] == 10_000.0 + paid


def test_who_sells_on_the_ex_date_receives_it():
    result = run(bars(*flat(100.0, 4)), [market(0, 10), close(1)], actions=dividend(2, 1.0))
    assert fills(result)[1][0] == 2
    assert result.metrics["final_equity"] == 10_010.0


def test_a_dividend_on_the_day_of_a_split_is_a_new_units():
    both = actions((3, "A", {"split": 2.0, "dividend": 1.0}))
    result = run(HALVED, [market(0, 10)], actions=both)
    assert result.cash_flows.select("quantity", "amount").rows() == [(20.0, 20.0)]


def test_a_dividend_counts_with_the_multiplier():
    account = {"cash": 100_000.0, "kind": "margin", "leverage": 2.0, "per_asset": {"A": {"multiplier": 10.0}}}
    result = run(bars(*flat(100.0, 4)), [market(0, 3)], account=account, actions=dividend(2, 0.5))
    assert result.metrics["final_equity"] == 100_015.0


# ---- delistings ----


def test_a_delisting_closes_the_position_at_the_last_close_and_cancels_orders():
    market_ = bars((100, 100, 100, 100), (100, 101, 99, 100), (98, 99, 90, 95), None, B=flat(10.0, 4))
    steps = [market(0, 10), limit(0, 1, 50.0), bracket(0, 5, limit=60.0, stop_loss=55.0), market(2, 1), market(3, 1)]
    result = run(market_, steps, costs=COSTS, actions=delisting(2))
    assert fills(result) == [(1, 10.0, 100.1), (2, -10.0, 95.0)]
    assert result.fills["reason"].to_list() == ["signal", "delisting"]
    assert result.fills["commission"].to_list() == [1.0, 0.0]
    assert result.trades["exit_reason"].to_list() == ["delisting"]
    gone = ("cancelled", "the asset was delisted")
    parentless = ("cancelled", "its parent closed unfilled")
    refused = ("rejected", "the asset was delisted")
    assert states(result) == [("filled", ""), gone, gone, parentless, refused, ("filled", ""), refused]
    assert result.equity["exposure"][2] == 0.0


def test_a_delisting_without_a_bar_closes_at_the_last_price():
    market_ = bars((100, 100, 100, 100), (100, 101, 97, 97), None, None, B=flat(10.0, 4))
    result = run(market_, [market(0, 10)], actions=delisting(2))
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 97.0)]


def test_a_short_position_is_closed_too_and_other_assets_stay():
    market_ = bars(*flat(100.0, 3), B=flat(10.0, 4))
    result = run(market_, [market(0, -3), market(0, 4, asset=1)], actions=delisting(2))
    assert fills(result)[-1] == (2, 3.0, 100.0)
    assert result.equity["exposure"][3] == pytest.approx(40.0 / 10_000.0)


def test_bars_after_a_delisting_are_an_error_that_says_which():
    with pytest.raises(BadData, match="A has bars after its delisting") as caught:
        run(HALVED, actions=delisting(2))
    assert "2024-01-03" in caught.value.found
    assert "2024-01-06" in caught.value.found


def test_a_new_run_forgets_what_was_delisted():
    market_ = bars(*flat(100.0, 3), B=flat(10.0, 4))
    table = compose([market(0, 10)])
    engine = evaluator(market_, actions=delisting(2))._runner
    for _ in range(2):
        engine.run(np.array([float(table.ctypes.data), float(len(table))]))
        assert engine.tables.counters[0].trades == 1
        assert engine.tables.counters[0].rejected_orders == 0


def test_an_update_after_a_split_speaks_of_new_units():
    entry = limit(0, 10, 80.0)
    result = run(
        HALVED,
        [entry, update(3, entry, quantity=30.0, limit=45.0), observe(4, "limit_price", order=1)],
        actions=split(3, 2.0),
    )
    assert result.orders["quantity"][0] == 30.0
    assert seen(result) == [45.0]


# ---- sleeves ----


def test_sleeves_have_the_actions_of_their_own_assets():
    # each sleeve has 5,000: 10 units of A are 20 after the split, 10 units of B receive 1 each and end at 11
    market_ = bars(*flat(100.0, 3), *flat(50.0, 2), B=[*flat(10.0, 2), (10, 11, 10, 11)])
    events = actions((2, "B", {"dividend": 1.0}), (3, "A", {"split": 2.0}), (4, "B", {"delisting": 1.0}))
    account = {"cash": 10_000.0, "mode": "sleeves"}
    result = run(market_, [market(0, 10), observe(3, "quantity")], account=account, actions=events)
    assert seen(result) == [20.0]
    assert result.cash_flows.rows() == [(FIRST_DAY + timedelta(days=2), "B", "dividend", 10.0, 10.0)]
    assert result.fills.select("asset", "quantity", "price", "reason").rows() == [
        ("A", 10.0, 100.0, "signal"),
        ("B", 10.0, 10.0, "signal"),
        ("B", -10.0, 11.0, "delisting"),
    ]
    assert result.equity["equity"].to_list() == [10_000.0, 10_000.0, 10_020.0, 10_020.0, 10_020.0]


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_the_actions_of_sleeves_are_the_same_in_a_trial_whatever_the_number_of_shards(shards):
    market_ = bars(*flat(100.0, 3), *flat(50.0, 2), B=flat(10.0, 3), C=flat(20.0, 5))
    events = actions((2, "C", {"dividend": 1.0}), (3, "A", {"split": 2.0}), (4, "B", {"delisting": 1.0}))
    table = compose([market(0, 10)])
    values = np.array([float(table.ctypes.data), float(len(table))])
    account = {"cash": 12_000.0, "mode": "sleeves"}
    engine = evaluator(market_, account=account, actions=events, shards=shards)
    outcome = engine.evaluate(Chunk(0, np.arange(1), values[np.newaxis]))
    metrics = dict(zip(METRICS, outcome.metrics[0], strict=True))
    assert metrics["final_equity"] == 12_010.0
    assert metrics["trades"] == 1.0
    assert metrics["final_equity"] == engine.replay(values).metrics["final_equity"]
