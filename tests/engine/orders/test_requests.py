"""Requests become orders, or are rejected with a reason."""

import math

import pytest
from scenarios.scripted import (
    ACCOUNT,
    NAN,
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
    target_percent,
    target_quantity,
    target_value,
    update,
)

from backsweep.engine.codes import LIMIT, REJECT_REASONS, STOP
from backsweep.engine.orders.requests import whole_lots

QUIET = (100, 100, 100, 100)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (market(0, 1, asset=2), "no such asset"),
        (market(0, 1, asset=-3), "no such asset"),
        (market(0, 0), "quantity is zero or not a number"),
        (market(0, NAN), "quantity is zero or not a number"),
        (market(0, math.inf), "quantity is zero or not a number"),
        (submit(0, 1, type=LIMIT), "price is missing or not positive"),
        (submit(0, 1, type=STOP), "price is missing or not positive"),
        (limit(0, 1, 0), "price is missing or not positive"),
        (limit(0, 1, -5), "price is missing or not positive"),
        (stop(0, 1, math.inf), "price is missing or not positive"),
        (stop(0, -1, 90, order=9), "no such parent order"),
        (market(0, 5000), "exceeds buying power"),
    ],
)
def test_a_request_that_makes_no_sense_is_rejected_with_its_reason(step, reason):
    result = run(bars(*flat(100, 2), B=flat(100, 2)), [step])
    if reason == "no such asset":
        assert result.orders["reject_reason"].to_list() == [reason]
        assert result.orders["status"].to_list() == ["rejected"]
    else:
        assert states(result) == [("rejected", reason)]
    assert result.metrics["rejected_orders"] == 1.0
    assert reason in REJECT_REASONS


@pytest.mark.parametrize("asset", [-1, 2])
def test_a_request_for_no_asset_cannot_be_changed(asset):
    order = market(0, 1, asset=asset)
    result = run(bars(*flat(100, 2), B=flat(100, 2)), [order, update(0, order, quantity=37)])
    assert result.orders["quantity"].to_list() == [1.0]


def test_a_new_price_alone_is_accepted_where_it_adds_no_exposure():
    # 15 of 100 and 4 at 85 are within twice 1,000. At 88 equity is 820 and 320 are left, but the order has its 340.
    order = limit(0, 4, 85)
    steps = [market(0, 15), order, update(2, order, limit=84), observe(2, "limit_price", order=order)]
    account = {"cash": 1000.0, "kind": "margin", "leverage": 2.0}
    result = run(bars(*flat(100, 2), *flat(88, 2)), steps, account=account)
    assert (len(result.fills), seen(result)) == (1, [84.0])


def test_a_rejected_request_does_not_block_the_next():
    assert states(run(bars(*flat(100, 2)), [market(0, 0), market(0, 1)]))[1] == ("filled", "")


def test_a_bracket_without_a_size_is_rejected_as_a_whole():
    result = run(bars(*flat(100, 2)), [bracket(0, 0, stop_loss=90, take_profit=110)])
    assert [status for status, _ in states(result)] == ["rejected"] * 3


@pytest.mark.parametrize(
    ("quantity", "lot", "wanted"),
    [
        (10.0, 0.0, 10.0),
        (0.123, 0.0, 0.123),
        (10.9, 1.0, 10.0),
        (-10.9, 1.0, -10.0),
        (0.9, 1.0, 0.0),
        (250.0, 100.0, 200.0),
        (0.3, 0.1, 0.3),  # 0.3 / 0.1 is 2.9999999999999996 in binary, and still three lots
        (0.35, 0.1, 0.3),
        (2.9999999999999996, 1.0, 3.0),
    ],
)
def test_quantities_are_rounded_towards_zero_to_whole_lots(quantity, lot, wanted):
    assert whole_lots(quantity, lot) == pytest.approx(wanted, abs=1e-15)


@pytest.mark.parametrize("odd", [NAN, math.inf, -math.inf])
def test_what_is_not_a_number_of_lots_stays_what_it_is(odd):
    assert whole_lots(odd, 1.0) == pytest.approx(odd, nan_ok=True)


def test_orders_and_their_children_are_rounded_to_lots():
    account = {"cash": 10_000.0, "kind": "margin", "leverage": 10.0, "lot": 10.0}
    result = run(bars(QUIET, QUIET, (90, 90, 90, 90)), [bracket(0, 27, stop_loss=95), market(0, 9)], account=account)
    assert fills(result) == [(1, 20.0, 100.0), (2, -20.0, 90.0)]
    assert states(result)[2] == ("rejected", "quantity is zero or not a number")


def test_a_changed_quantity_is_rounded_to_lots():
    account = {"cash": 10_000.0, "kind": "margin", "leverage": 10.0, "lot": 10.0}
    order = limit(0, 10, 95)
    steps = [order, update(1, order, quantity=37)]
    assert fills(run(bars(QUIET, QUIET, (95, 95, 95, 95)), steps, account=account)) == [(2, 30.0, 95.0)]


@pytest.mark.parametrize(
    ("held", "target", "change"),
    [
        (0, 10, [10.0]),
        (0, -10, [-10.0]),
        (10, 25, [15.0]),
        (10, 4, [-6.0]),
        (10, 0, [-10.0]),
        (10, -5, [-15.0]),
        (-10, 5, [15.0]),
        (10, 10, []),
    ],
)
def test_a_target_quantity_trades_the_difference(held, target, change):
    steps = [market(0, held), target_quantity(1, target)] if held else [target_quantity(1, target)]
    result = run(bars(*flat(100, 3)), steps)
    assert [quantity for day, quantity, _ in fills(result) if day == 2] == change


def test_a_target_value_is_judged_at_this_close():
    # 3,000 at a close of 120 are 25 units; 10 are held; they fill at 150.
    prices = (QUIET, (100, 120, 100, 120), (150, 150, 150, 150))
    result = run(bars(*prices), [market(0, 10), target_value(1, 3_000)])
    assert fills(result)[1:] == [(2, 15.0, 150.0)]


def test_a_target_percent_is_of_equity_at_this_close():
    # Equity 10,000 + 10 x 20 = 10,200; a quarter short is -2,550 = -21.25 units at 120.
    prices = (QUIET, (100, 120, 100, 120), (120, 120, 120, 120))
    result = run(bars(*prices), [market(0, 10), target_percent(1, -0.25)])
    assert fills(result)[1:] == [(2, -31.25, 120.0)]


def test_a_target_is_met_in_whole_lots_below_it():
    account = {"cash": 10_000.0, "kind": "margin", "leverage": 10.0, "lot": 1.0}
    result = run(bars(*flat(100, 2)), [target_percent(0, 0.255)], account=account)
    assert fills(result) == [(1, 25.0, 100.0)]


def test_a_target_for_an_asset_without_a_price_is_rejected():
    market_data = bars(*flat(100, 3), B=[None, None, QUIET])
    result = run(market_data, [target_value(0, 1000, asset=1)])
    assert states(result) == [("rejected", "quantity is zero or not a number")]


def test_a_reducing_target_never_overshoots():
    # Two targets of zero on one close: the second finds the position closed.
    result = run(bars(*flat(100, 3)), [market(0, 10), target_quantity(1, 0), target_quantity(1, 4)])
    assert [quantity for _, quantity, _ in fills(result)] == [10.0, -10.0]


@pytest.mark.parametrize(
    ("order", "price"),
    [
        (limit(0, 10, 98.7), 98.5),
        (limit(0, -10, 101.2), 101.5),
        (stop(0, 10, 101.2), 101.5),
        (stop(0, -10, 98.7), 98.5),
        (limit(0, 10, 98.5), 98.5),
    ],
)
def test_order_prices_move_to_a_tick_away_from_the_market(order, price):
    result = run(bars(QUIET, (100, 103, 97, 100)), [order], account={**ACCOUNT, "tick": 0.5})
    assert result.fills["price"].to_list() == [price]


def test_an_update_moves_to_a_tick_too():
    order = limit(0, 10, 90)
    steps = [order, update(1, order, limit=91.3), observe(1, "limit_price", order=order)]
    assert seen(run(bars(QUIET, QUIET), steps, account={**ACCOUNT, "tick": 0.5})) == [91.0]


def test_a_price_below_the_first_tick_is_no_price():
    result = run(bars(QUIET, QUIET), [limit(0, 10, 0.3)], account={**ACCOUNT, "tick": 0.5})
    assert states(result) == [("rejected", "price is missing or not positive")]


def test_small_orders_are_rejected_unless_they_can_only_reduce():
    steps = [market(0, 9), market(0, 10), target_quantity(1, 5), close(2)]
    result = run(bars(*[QUIET] * 4), steps, account={**ACCOUNT, "minimum_order": 1_000.0})
    assert states(result) == [("rejected", "below the minimum order value"), *[("filled", "")] * 3]


def test_a_target_less_than_a_lot_away_asks_for_nothing():
    account = {**ACCOUNT, "lot": 10.0}
    steps = [target_quantity(0, 9), target_value(0, 999), target_percent(0, 0.09), target_quantity(1, 10)]
    assert states(run(bars(*[QUIET] * 3), steps, account=account)) == [("filled", "")]


def test_a_strategy_can_count_the_assets_of_the_data():
    assert seen(run(bars(QUIET, QUIET, B=[QUIET, None]), [observe(1, "assets"), observe(1, "count")])) == [2.0, 1.0]
