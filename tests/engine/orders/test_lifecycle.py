"""The life of an order: requested, held, working, changed, closed. Day 0 is the first bar at whose close it speaks."""

import math

import pytest
from scenarios.scripted import (
    NOTE_ASSET,
    bars,
    bracket,
    cancel,
    close,
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
    submit,
    update,
)

from backsweep.engine.codes import FILLED, HELD, LIMIT, MARKET, ORDERS_FULL, REJECTED, REQUESTED, STOP, UNKNOWN, WORKING
from backsweep.engine.orders.lifecycle import request_order
from backsweep.engine.state import State, reset
from backsweep.errors import LimitReached

QUIET = (100, 100, 100, 100)
BY_STRATEGY = ("cancelled", "cancelled by the strategy")
PARENT_CLOSED = ("cancelled", "its parent closed unfilled")
POSITION_CLOSED = ("cancelled", "its position closed")
SIBLING_FILLED = ("cancelled", "its sibling filled")
FULL = ("filled", "")


def test_ids_count_from_one_in_order_of_submission():
    steps = [market(0, 1), bracket(0, 1, stop_loss=90, take_profit=110), market(1, 1)]
    result = run(bars(*flat(100, 3)), steps)
    assert result.orders["order_id"].to_list() == [1, 2, 3, 4, 5]
    assert result.orders["parent_id"].to_list() == [None, None, 2, 2, None]


def test_an_order_can_be_read_from_request_to_fill():
    order = market(0, 10)
    what = ("status", "filled_quantity", "order_quantity")
    steps = [order, *(observe(day, name, order=order) for day in (0, 1) for name in what)]
    assert seen(run(bars(QUIET, QUIET), steps)) == [REQUESTED, 0.0, 10.0, FILLED, 10.0, 10.0]


def test_prices_of_an_order_can_be_read():
    one, other = limit(0, 1, 90), stop(0, 1, 110)
    steps = [one, other, observe(1, "limit_price", order=one), observe(1, "stop_price", order=other)]
    assert seen(run(bars(QUIET, QUIET), steps)) == [90.0, 110.0]


def test_an_id_that_was_never_given_is_unknown():
    steps = [observe(0, "status", order=each) for each in (0, -1, 99)]
    assert seen(run(bars(QUIET), steps)) == [UNKNOWN] * 3


def test_children_go_with_a_rejected_parent():
    # 2,000 units at 100 are 200,000: twice what 10,000 at leverage 10 can hold.
    result = run(bars(QUIET, (100, 110, 90, 100)), [bracket(0, 2000, stop_loss=95, take_profit=105)])
    assert states(result) == [("rejected", "exceeds buying power"), PARENT_CLOSED, PARENT_CLOSED]
    assert fills(result) == []
    assert result.metrics["rejected_orders"] == 1


def test_children_go_with_a_parent_that_is_refused_at_its_fill():
    steps = [bracket(0, 10, stop_loss=95, take_profit=105)]
    result = run(bars(QUIET, (100, 110, 90, 100)), steps, account={"cash": 999.0, "kind": "cash"})
    assert states(result) == [("rejected", "exceeds cash"), PARENT_CLOSED, PARENT_CLOSED]


def test_children_go_with_a_cancelled_parent():
    entry = bracket(0, 10, limit=90, stop_loss=85, take_profit=105)
    result = run(bars(QUIET, QUIET, (90, 110, 80, 100)), [entry, cancel(1, entry)])
    assert states(result) == [BY_STRATEGY, PARENT_CLOSED, PARENT_CLOSED]
    assert fills(result) == []


def test_children_go_with_a_parent_that_is_cancelled_as_soon_as_it_is_asked_for():
    entry = bracket(0, 10, stop_loss=85, take_profit=105)
    result = run(bars(QUIET, QUIET), [entry, cancel(0, entry)])
    assert states(result) == [BY_STRATEGY, PARENT_CLOSED, PARENT_CLOSED]


def test_the_children_of_a_stop_go_when_the_target_fills():
    entry = bracket(0, 1, stop_loss=90, take_profit=105)
    late = limit(1, 1, 80, order=entry.child(STOP))
    result = run(bars(QUIET, QUIET, (100, 106, 100, 104), QUIET), [entry, late])
    assert states(result) == [FULL, SIBLING_FILLED, FULL, PARENT_CLOSED]


def test_the_children_of_a_stop_go_when_the_position_is_closed():
    entry = bracket(0, 1, stop_loss=90)
    result = run(bars(*flat(100, 5)), [entry, limit(1, 1, 80, order=entry.child(STOP)), close(2)])
    assert states(result) == [FULL, POSITION_CLOSED, PARENT_CLOSED, FULL]


def test_a_child_can_be_added_while_its_parent_waits():
    entry = limit(0, 10, 98)
    steps = [entry, stop(1, -10, 95, order=entry), observe(2, "status", order=2)]
    result = run(bars(QUIET, QUIET, QUIET, (98, 99, 97, 98), (97, 97, 94, 95)), steps)
    assert seen(result) == [HELD]
    assert fills(result) == [(3, 10.0, 98.0), (4, -10.0, 95.0)]


def test_a_child_of_a_filled_parent_works_at_once():
    entry = market(0, 10)
    steps = [entry, stop(1, -10, 95, order=entry), limit(1, -10, 105, order=entry)]
    result = run(bars(QUIET, QUIET, (100, 106, 99, 100)), steps)
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 105.0)]
    assert states(result) == [FULL, SIBLING_FILLED, FULL]


def test_a_child_of_a_cancelled_parent_is_cancelled():
    entry = limit(0, 10, 90)
    result = run(bars(QUIET, QUIET, QUIET), [entry, cancel(1, entry), stop(2, -10, 80, order=entry)])
    assert states(result) == [BY_STRATEGY, PARENT_CLOSED]


@pytest.mark.parametrize(
    ("quantity", "asset", "parent"),
    [
        (-10, 0, 99),  # no such order
        (-10, 0, -5),
        (-10, 0, 2),  # itself
        (-10, 0, 3),  # the next one
        (+10, 0, 1),  # on the parent's own side
        (-10, 1, 1),  # of another asset
    ],
)
def test_a_child_needs_a_parent_of_its_asset_on_the_other_side(quantity, asset, parent):
    steps = [limit(0, 10, 90), stop(0, quantity, 80, asset=asset, order=parent), limit(0, 10, 90)]
    result = run(bars(*flat(100, 2), B=flat(100, 2)), steps)
    assert states(result)[:2] == [("working", ""), ("rejected", "no such parent order")]


def test_siblings_shrink_by_what_one_of_them_fills():
    entry = bracket(0, 10, stop_loss=95, take_profit=105)
    steps = [
        entry,
        update(1, entry.child(LIMIT), quantity=-4),
        observe(2, "order_quantity", order=entry.child(STOP)),
    ]
    result = run(bars(QUIET, QUIET, (100, 106, 99, 104), (100, 101, 94, 95)), steps)
    assert seen(result) == [-6.0]
    assert fills(result)[1:] == [(2, -4.0, 105.0), (3, -6.0, 95.0)]


def test_a_child_never_exceeds_the_position():
    steps = [bracket(0, 10, stop_loss=95), market(1, -6)]
    result = run(bars(QUIET, QUIET, QUIET, (100, 101, 94, 95)), steps)
    assert fills(result)[1:] == [(2, -6.0, 100.0), (3, -4.0, 95.0)]


def test_children_go_when_their_position_is_closed():
    steps = [bracket(0, 10, stop_loss=95, take_profit=105), market(1, -10)]
    result = run(bars(QUIET, QUIET, QUIET, (100, 106, 94, 100)), steps)
    assert states(result) == [FULL, POSITION_CLOSED, POSITION_CLOSED, FULL]
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 100.0)]


def test_closing_never_overshoots_what_an_earlier_order_left():
    result = run(bars(*flat(100, 4)), [market(0, 10), market(1, -7), close(1)])
    assert fills(result)[1:] == [(2, -7.0, 100.0), (2, -3.0, 100.0)]


def test_closing_twice_sells_once():
    result = run(bars(*flat(100, 4)), [market(0, 10), close(1), close(1)])
    assert fills(result)[1:] == [(2, -10.0, 100.0)]
    assert states(result) == [FULL, FULL, POSITION_CLOSED]


def test_closing_a_short_buys_it_back():
    result = run(bars(*flat(100, 4)), [market(0, -10), close(1)])
    assert fills(result)[1:] == [(2, 10.0, 100.0)]


def test_closing_nothing_asks_for_nothing():
    assert run(bars(*flat(100, 3)), [close(0)]).orders.is_empty()


def test_a_close_that_the_stop_made_needless_is_cancelled():
    # The stop fills on the bar before the asset trades again for the close.
    steps = [bracket(0, 10, stop_loss=95), close(1), close(1)]
    result = run(bars(QUIET, QUIET, (100, 100, 90, 90), QUIET), steps)
    assert sum(quantity for _, quantity, _ in fills(result)) == 0.0


def test_the_pending_units_of_a_clipped_close_do_not_linger():
    # A resting limit keeps the asset's book from emptying. The close of 10 fills only 6; then nothing is pending:
    # 990 units at 100 fit into 10,000 x 10, and 1,001 do not.
    resting = limit(0, 1, 1)
    steps = [resting, market(0, 10), market(1, -4), close(1), market(2, 1001), market(2, 990)]
    result = run(bars(*flat(100, 5)), steps)
    assert states(result)[4:] == [("rejected", "exceeds buying power"), FULL]


def test_the_pending_units_of_a_resized_close_do_not_linger():
    # B does not trade on day 2, so its close waits and can be made smaller.
    market_data = bars(*flat(100, 7), B=[QUIET, QUIET, None, QUIET, QUIET, QUIET, QUIET])
    steps = [
        limit(0, 1, 1, asset=1),
        market(0, 10, asset=1),
        close(1, asset=1),
        update(2, 3, quantity=-4),
        close(4, asset=1),
        market(5, 1001, asset=1),
        market(5, 990, asset=1),
    ]
    result = run(market_data, steps)
    assert [quantity for _, quantity, _ in fills(result)] == [10.0, -4.0, -6.0, 990.0]


@pytest.mark.parametrize(
    ("order", "change", "price"),
    [(limit(0, 10, 90), {"limit": 98.0}, 98.0), (stop(0, 10, 110), {"stop": 102.0}, 102.0)],
)
def test_the_price_of_a_working_order_can_be_changed(order, change, price):
    result = run(bars(QUIET, QUIET, (100, 103, 97, 100)), [order, update(1, order, **change), observe(1, "accepted")])
    assert fills(result) == [(2, 10.0, price)]
    assert seen(result) == [1.0]


def test_a_moved_protective_stop_fills_at_its_new_level():
    entry = bracket(0, 10, stop_loss=90)
    steps = [entry, update(1, entry.child(STOP), stop=97.0)]
    assert fills(run(bars(QUIET, QUIET, (100, 101, 96, 97)), steps))[1:] == [(2, -10.0, 97.0)]


def test_a_held_child_can_be_moved():
    entry = bracket(0, 10, limit=95, stop_loss=80)
    steps = [entry, update(1, entry.child(STOP), stop=92.0)]
    assert fills(run(bars(QUIET, QUIET, (95, 96, 91, 94)), steps)) == [(2, 10.0, 95.0), (2, -10.0, 92.0)]


def test_a_request_can_be_changed_before_it_is_accepted():
    order = market(0, 10)
    result = run(bars(QUIET, QUIET), [order, update(0, order, quantity=4)])
    assert fills(result) == [(1, 4.0, 100.0)]


def test_the_quantity_of_a_working_order_can_be_changed():
    order = limit(0, 10, 98)
    result = run(bars(QUIET, QUIET, (98, 99, 97, 98)), [order, update(1, order, quantity=25)])
    assert fills(result) == [(2, 25.0, 98.0)]


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": -10.0},  # turns its side
        {"quantity": 0.0},
        {"quantity": float("inf")},
        {"limit": 0.0},
        {"limit": -1.0},
        {"limit": float("inf")},
        {"stop": 0.0},
        {"quantity": 5000.0},  # more than the leverage allows
        {"quantity": 12.0, "limit": -3.0},  # one half makes no sense: nothing changes
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(change):
    order = limit(0, 10, 98)
    steps = [order, update(1, order, **change), observe(1, "accepted")]
    result = run(bars(QUIET, QUIET, (98, 99, 97, 98)), steps)
    assert seen(result) == [0.0]
    assert fills(result) == [(2, 10.0, 98.0)]


def test_a_new_price_must_fit_the_buying_power_too():
    # 1,000 units at 90 are 90,000 of the 100,000 that 10,000 at leverage 10 can hold; at 101 they would be 101,000.
    order = limit(0, 1000, 90)
    steps = [
        order,
        *(step for price in (101.0, 100.0) for step in (update(1, order, limit=price), observe(1, "accepted"))),
    ]
    result = run(bars(QUIET, QUIET, QUIET), steps)
    assert seen(result) == [0.0, 1.0]
    assert fills(result) == [(2, 1000.0, 100.0)]


def test_asking_for_less_is_always_accepted():
    # 900 units at 100 fall to 95 and lose 4,500: 5,500 x 10 cannot even hold the 85,500 that are there.
    order = limit(0, 100, 50)
    steps = [market(0, 900), order, update(2, order, quantity=60, limit=49.0), observe(2, "accepted")]
    steps += [update(2, order, quantity=61), observe(2, "accepted")]
    result = run(bars(QUIET, QUIET, (95, 95, 95, 95), (40, 40, 40, 40)), steps)
    assert seen(result) == [1.0, 0.0]
    assert fills(result)[1:] == [(3, 60.0, 40.0)]


def test_in_a_cash_account_the_sale_of_more_than_is_held_cannot_be_made_out_of_less():
    order = limit(1, -10, 105)
    steps = [market(0, 10), order, update(2, order, quantity=-11), observe(2, "accepted")]
    steps += [update(2, order, limit=104.0), observe(2, "accepted")]
    result = run(bars(*flat(100, 3), (100, 106, 100, 105)), steps, account={"cash": 1000.0, "kind": "cash"})
    assert seen(result) == [0.0, 1.0]
    assert fills(result)[1:] == [(3, -10.0, 104.0)]


def test_an_order_that_is_over_cannot_be_changed_or_cancelled():
    order = market(0, 10)
    steps = [order]
    for step in (update(1, order, quantity=20), cancel(1, order), update(1, 77, quantity=1), cancel(1, 77)):
        steps += [step, observe(1, "accepted")]
    result = run(bars(QUIET, QUIET), steps)
    assert seen(result) == [0.0] * 4
    assert states(result) == [FULL]


def test_an_order_is_cancelled_once():
    order = limit(0, 10, 90)
    steps = [order, cancel(1, order), observe(1, "accepted"), cancel(1, order), observe(1, "accepted")]
    assert seen(run(bars(QUIET, QUIET), steps)) == [1.0, 0.0]


def test_cancelling_one_child_leaves_the_other():
    entry = bracket(0, 10, stop_loss=95, take_profit=105)
    result = run(bars(QUIET, QUIET, (100, 106, 94, 100)), [entry, cancel(1, entry.child(STOP))])
    assert states(result) == [FULL, BY_STRATEGY, FULL]
    assert result.metrics["ambiguous_fills"] == 0


def test_children_are_found_by_their_type_while_they_live():
    entry = bracket(0, 10, stop_loss=95, take_profit=105)
    steps = [
        entry,
        observe(0, "child_stop", order=entry),
        observe(1, "child_stop", order=entry),
        observe(1, "child_limit", order=entry),
        cancel(1, entry.child(STOP)),
        observe(1, "child_stop", order=entry),
        observe(1, "child_limit", order=entry),
        observe(1, "child_limit", order=99),
    ]
    assert seen(run(bars(QUIET, QUIET), steps)) == [2, 2, 3, 0, 3, 0]


def test_open_orders_are_those_that_work():
    entry = bracket(0, 10, limit=95, stop_loss=80)
    steps = [entry, *(observe(day, "open_orders") for day in (0, 1, 2)), observe(2, "open_orders", asset=1)]
    market_data = bars(QUIET, QUIET, (95, 96, 94, 95), B=flat(100, 3))
    # A request of this call is not yet an order; then the entry works; then its stop does.
    assert seen(run(market_data, steps)) == [0.0, 1.0, 1.0, 0.0]


def test_a_market_child_of_a_working_parent_is_a_signal():
    entry = limit(0, 10, 98)
    steps = [entry, submit(0, -10, type=MARKET, order=entry)]
    result = run(bars(QUIET, (100, 101, 97, 99), (99, 99, 99, 99)), steps)
    assert fills(result) == [(1, 10.0, 98.0), (2, -10.0, 99.0)]
    assert result.fills["reason"].to_list() == ["limit", "signal"]


def test_thousands_of_orders_reuse_the_slots_of_a_long_lived_bracket_with_care():
    # 128 slots. The bracket lives on while 4 x 300 orders come and go; its parent and its children stay readable.
    entry = bracket(0, 10, stop_loss=50, take_profit=150)
    steps = [entry, *(market(day, quantity) for day in range(1, 301) for quantity in (1, 2, -2, -1))]
    steps += [observe(301, "status", order=entry), observe(301, "status", order=entry.child(STOP))]
    steps += [observe(301, "child_limit", order=entry), observe(301, "status", order=7)]
    result = run(bars(*flat(100, 302), (100, 151, 100, 150)), steps)
    # An order long over is unknown: its slot holds another by now.
    assert seen(result) == [FILLED, WORKING, entry.child(LIMIT).id, UNKNOWN]
    assert fills(result)[-1] == (302, -10.0, 150.0)
    assert len(fills(result)) == 1202
    assert result.orders["order_id"].n_unique() == result.orders.height
    assert result.orders["status"].to_list()[:3] == ["filled", "cancelled", "filled"]


def test_too_many_live_orders_stop_the_run_and_name_the_limit():
    steps = [limit(0, 1, 10) for _ in range(65)]
    with pytest.raises(LimitReached, match="too many live orders") as caught:
        run(bars(QUIET, QUIET), steps)
    assert "64" in caught.value.expected


def test_as_many_live_orders_as_the_limit_are_fine():
    result = run(bars(QUIET, QUIET), [limit(0, 1, 10) for _ in range(64)])
    assert set(states(result)) == {("working", "")}


def test_an_order_for_no_asset_is_rejected_and_can_be_read():
    order = submit(0, 10, asset=NOTE_ASSET)
    result = run(
        bars(QUIET, QUIET), [order, observe(1, "status", order=order), observe(1, "reject_reason", order=order)]
    )
    assert seen(result)[1:] == [REJECTED, 1.0]


def test_an_order_in_the_place_of_one_that_has_rested_is_a_taker_again():
    # A table of orders has 128 places; 130 limits rest and are cancelled before the one that fills as it comes.
    steps = []
    for day in range(65):
        rested = [limit(day, 1, 50), limit(day, 1, 51)]
        steps += [*rested, *(cancel(day + 1, each) for each in rested)]
    cost = {"kind": "percentage", "rate": 0.002, "maker_rate": -0.0005}
    result = run(bars(*[QUIET] * 68), [*steps, limit(66, 10, 101)], costs={"commission": cost})
    assert fills(result) == [(67, 10.0, 100.0)]
    assert result.fills["commission"].to_list() == [2.0]


def test_a_request_without_a_free_slot_has_no_number():
    tables = evaluator(bars(QUIET))._runner.tables
    state = State(tables.arrays)
    reset(state)
    assert request_order(state, 0, 1.0, MARKET, math.nan, math.nan, 0, 0) == 1
    tables.cursor["live_orders"] = tables.sizes["capacity"] // 2
    assert request_order(state, 0, 1.0, MARKET, math.nan, math.nan, 0, 0) == 0
    assert tables.cursor["failure"] == ORDERS_FULL
