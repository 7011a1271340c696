"""Stop-limit and trailing stop orders. Day 0 is the bar at whose close the script speaks."""

import pytest
from scenarios.scripted import (
    bars,
    bracket,
    cancel,
    fills,
    market,
    observe,
    run,
    seen,
    states,
    stop_limit,
    submit,
    trailing,
    update,
)

from backsweep.engine.codes import STOP_LIMIT, TRAILING_STOP

QUIET = (100, 100, 100, 100)
FIXED = {"slippage": {"kind": "fixed", "amount": 0.75}}


@pytest.mark.parametrize(
    ("bar", "after", "filled"),
    [
        ((100, 101, 99, 100), QUIET, []),  # the stop is not reached
        ((100, 103, 99, 101), QUIET, [(1, 102.0)]),  # inside the range: at the stop, which is within the limit
        ((102.5, 104, 102, 103), QUIET, [(1, 102.5)]),  # the open is beyond the stop and within the limit
        ((104, 105, 102.5, 103), QUIET, [(1, 103.0)]),  # opens beyond the limit and comes back to it
        ((104, 105, 103.5, 104), (103.5, 104, 102, 103), [(2, 103.0)]),  # comes back the day after
        ((104, 105, 103.5, 104), (101, 102, 100, 101), [(2, 101.0)]),  # a limit order now: price improvement
        ((104, 105, 103.5, 104), (104, 106, 103.5, 105), []),
    ],
)
def test_a_stop_limit_buys_from_its_stop_on_and_up_to_its_limit(bar, after, filled):
    result = run(bars(QUIET, bar, after), [stop_limit(0, 10, 102, 103), cancel(2, 1)])
    assert fills(result) == [(day, 10.0, price) for day, price in filled]


def test_a_stop_limit_whose_limit_lies_before_its_stop_waits_for_the_price_to_return():
    result = run(bars(QUIET, (100, 103, 99, 102), (102, 102.5, 100, 101)), [stop_limit(0, 10, 102, 101)])
    assert fills(result) == [(2, 10.0, 101.0)]


def test_a_sell_stop_limit_mirrors_a_buy():
    prices = [QUIET, (100, 101, 97, 98), (96, 96.5, 95, 96), (96, 97.5, 96, 97)]
    steps = [stop_limit(0, -10, 98, 97), stop_limit(1, -10, 97.5, 97)]
    assert fills(run(bars(*prices), steps)) == [(1, -10.0, 98.0), (3, -10.0, 97.0)]


@pytest.mark.parametrize(("limit_price", "price"), [(104, 102.75), (102.5, 102.5)])
def test_a_stop_limit_slips_no_further_than_its_limit(limit_price, price):
    result = run(bars(QUIET, (100, 103, 99, 101)), [stop_limit(0, 10, 102, limit_price)], costs=FIXED)
    assert fills(result) == [(1, 10.0, price)]


def test_a_stop_limit_needs_both_prices():
    result = run(bars(QUIET, QUIET), [submit(0, 1, type=STOP_LIMIT, stop=99), submit(0, 1, type=STOP_LIMIT, limit=99)])
    assert states(result) == [("rejected", "price is missing or not positive")] * 2


def test_a_bracket_may_have_a_stop_limit_entry():
    prices = [QUIET, (100, 103, 99, 102), (102, 106, 101, 105)]
    entry = bracket(0, 10, type=STOP_LIMIT, stop=102, limit=103, stop_loss=98, take_profit=105)
    assert fills(run(bars(*prices), [entry])) == [(1, 10.0, 102.0), (2, -10.0, 105.0)]


def test_a_trailing_stop_for_one_unit_follows_the_high():
    # Mark 110 after day 1, level 105, which day 2 reaches.
    prices = [QUIET, (100, 110, 96, 108), (108, 109, 104, 106)]
    assert fills(run(bars(*prices), [market(0, 1), trailing(0, -1, amount=5)])) == [(1, 1.0, 100.0), (2, -1.0, 105.0)]


def test_a_trailing_stop_is_tested_against_the_mark_before_its_bar():
    # Mark 100 at the start, level 95. Day 1 reaches 110 and 96: not 95, and the level is 105 only from day 2 on.
    prices = [QUIET, (100, 110, 96, 108), (108, 109, 104, 106), QUIET]
    result = run(
        bars(*prices),
        [market(0, 10), trailing(0, -10, amount=5), observe(0, "cash"), observe(1, "stop_price", order=2)],
    )
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 105.0)]
    assert seen(result)[1] == 105.0


def test_a_trailing_stop_gaps_at_the_open():
    prices = [QUIET, (100, 110, 99, 110), (101, 102, 100, 101)]
    result = run(bars(*prices), [market(0, 10), trailing(0, -10, percent=0.05)])
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 101.0)]


def test_a_buying_trailing_stop_follows_the_lows():
    prices = [QUIET, (100, 101, 90, 91), (91, 99, 91, 98)]
    result = run(bars(*prices), [trailing(0, 10, percent=0.1)])
    assert fills(result) == [(2, 10.0, pytest.approx(99.0))]


def test_a_trailing_child_starts_at_the_market_price_of_its_parents_fill():
    # Filled at an open of 104 (104.75 with slippage): level 99, which the same bar reaches.
    prices = [QUIET, (104, 105, 98, 100), QUIET]
    steps = [market(0, 10), submit(0, -10, type=TRAILING_STOP, amount=5, order=1)]
    result = run(bars(*prices), steps, costs=FIXED)
    assert fills(result) == [(1, 10.0, 104.75), (1, -10.0, 98.25)]
    assert result.fills["reason"].to_list() == ["signal", "stop_loss"]


def test_a_trailing_child_of_an_entry_inside_the_range_does_not_count_that_bars_high():
    prices = [QUIET, (100, 120, 97, 99), (99, 99, 92.5, 95), QUIET]
    entry = bracket(0, 10, limit=98)
    steps = [entry, submit(0, -10, type=TRAILING_STOP, amount=5, order=1)]
    assert fills(run(bars(*prices), steps)) == [(1, 10.0, 98.0), (2, -10.0, 93.0)]


def test_an_update_changes_how_far_behind_a_trailing_stop_follows():
    prices = [QUIET, (100, 110, 99, 110), (110, 110, 107, 108), QUIET]
    order = trailing(0, -10, amount=5)
    steps = [
        market(0, 10),
        order,
        update(1, order, amount=2),
        observe(1, "accepted"),
        observe(1, "stop_price", order=order),
    ]
    result = run(bars(*prices), steps)
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 108.0)]
    assert seen(result) == [1.0, 108.0]


@pytest.mark.parametrize("change", [{"stop": 90}, {"amount": -1}, {"percent": 1.5}, {"amount": 1, "percent": 0.1}])
def test_an_update_that_makes_no_sense_leaves_a_trailing_stop_as_it_is(change):
    order = trailing(0, -10, amount=5)
    steps = [order, update(1, order, **change), observe(1, "accepted"), observe(1, "stop_price", order=order)]
    assert seen(run(bars(QUIET, QUIET), steps)) == [0.0, 95.0]


@pytest.mark.parametrize("trail", [{}, {"amount": 0}, {"percent": 1.0}, {"amount": 1, "percent": 0.1}])
def test_a_trailing_stop_needs_one_distance(trail):
    assert states(run(bars(QUIET, QUIET), [trailing(0, 1, **trail)])) == [
        ("rejected", "price is missing or not positive")
    ]


def test_where_closes_alone_count_a_trailing_stop_follows_closes():
    prices = [QUIET, (100, 130, 70, 110), (110, 120, 90, 104), QUIET]
    result = run(bars(*prices), [trailing(0, -10, amount=5)], execution={"profile": "zipline"})
    assert fills(result) == [(2, -10.0, 104.0)]
