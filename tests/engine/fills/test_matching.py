"""Which fill, in which order, at which price. Day 0 is the bar at whose close the script speaks."""

import polars as pl
import pytest
from scenarios.scripted import (
    bars,
    bracket,
    cancel,
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
)

from backsweep.engine.codes import HELD, LIMIT, STOP, WORKING

QUIET = (100, 100, 100, 100)


def test_a_market_order_fills_at_the_next_open_whatever_the_close():
    result = run(bars(QUIET, (103, 105, 101, 104), QUIET), [market(0, 10)])
    assert fills(result) == [(1, 10.0, 103.0)]


def test_an_order_of_the_last_bar_never_fills_and_stays_alive():
    result = run(bars(QUIET, QUIET), [market(1, 10)])
    assert fills(result) == []
    assert states(result) == [("working", "")]
    assert result.orders["closed"].to_list() == [None]


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100, 101, 98.5, 99), None),  # the low stays above the limit
        ((100, 101, 98, 99), 98.0),  # the low touches it
        ((100, 101, 90, 95), 98.0),  # the range goes through it: no better than the limit
        ((98, 101, 97, 99), 98.0),  # opens at it
        ((96, 101, 95, 99), 96.0),  # opens below it: price improvement
    ],
)
def test_a_buy_limit_fills_at_its_price_or_at_a_better_open(bar, price):
    result = run(bars(QUIET, bar), [limit(0, 10, 98)])
    assert fills(result) == ([] if price is None else [(1, 10.0, price)])


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100, 101.5, 99, 101), None),
        ((100, 102, 99, 101), 102.0),
        ((100, 110, 99, 101), 102.0),
        ((102, 103, 101, 101), 102.0),
        ((104, 105, 99, 101), 104.0),
    ],
)
def test_a_sell_limit_fills_at_its_price_or_at_a_better_open(bar, price):
    result = run(bars(QUIET, bar), [limit(0, -10, 102)])
    assert fills(result) == ([] if price is None else [(1, -10.0, price)])


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100, 101.5, 99, 101), None),
        ((100, 102, 99, 101), 102.0),
        ((100, 110, 99, 101), 102.0),
        ((104, 105, 99, 101), 104.0),  # gaps through it: the open is what there is
    ],
)
def test_a_buy_stop_fills_at_its_price_or_at_a_worse_open(bar, price):
    result = run(bars(QUIET, bar), [stop(0, 10, 102)])
    assert fills(result) == ([] if price is None else [(1, 10.0, price)])


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        ((100, 101, 98.5, 99), None),
        ((100, 101, 98, 99), 98.0),
        ((100, 101, 90, 95), 98.0),
        ((96, 101, 95, 99), 96.0),
    ],
)
def test_a_sell_stop_fills_at_its_price_or_at_a_worse_open(bar, price):
    result = run(bars(QUIET, bar), [stop(0, -10, 98)])
    assert fills(result) == ([] if price is None else [(1, -10.0, price)])


@pytest.mark.parametrize("wait", [1, 3])
def test_a_resting_order_waits_for_the_bar_that_reaches_it(wait):
    result = run(bars(QUIET, *flat(100, wait), (99, 99, 97, 98)), [limit(0, 10, 98)])
    assert fills(result) == [(wait + 1, 10.0, 98.0)]


@pytest.mark.parametrize(
    ("bar", "price", "reason", "ambiguous"),
    [
        ((100, 104, 96, 100), None, None, 0),
        ((100, 106, 96, 100), 105.0, "take_profit", 0),
        ((100, 104, 94, 100), 95.0, "stop_loss", 0),
        ((100, 106, 94, 100), 95.0, "stop_loss", 1),  # both in the range: the stop is taken, and counted
        ((94, 106, 93, 100), 94.0, "stop_loss", 0),  # the open decides before the range
        ((106, 107, 94, 100), 106.0, "take_profit", 0),
    ],
)
def test_a_long_bracket_meets_a_bar(bar, price, reason, ambiguous):
    result = run(bars(QUIET, QUIET, bar), [bracket(0, 10, stop_loss=95, take_profit=105)])
    assert fills(result)[1:] == ([] if price is None else [(2, -10.0, price)])
    assert result.fills["reason"].to_list()[1:] == ([] if reason is None else [reason])
    assert result.metrics["ambiguous_fills"] == ambiguous


@pytest.mark.parametrize(
    ("bar", "price", "reason", "ambiguous"),
    [
        ((100, 104, 94, 100), 95.0, "take_profit", 0),
        ((100, 106, 96, 100), 105.0, "stop_loss", 0),
        ((100, 106, 94, 100), 105.0, "stop_loss", 1),
        ((106, 107, 94, 100), 106.0, "stop_loss", 0),
        ((94, 106, 93, 100), 94.0, "take_profit", 0),
    ],
)
def test_a_short_bracket_meets_a_bar(bar, price, reason, ambiguous):
    result = run(bars(QUIET, QUIET, bar), [bracket(0, -10, stop_loss=105, take_profit=95)])
    assert fills(result)[1:] == [(2, 10.0, price)]
    assert result.fills["reason"].to_list()[1:] == [reason]
    assert result.metrics["ambiguous_fills"] == ambiguous


@pytest.mark.parametrize(
    ("bar", "exits", "ambiguous"),
    [
        ((100, 104, 94, 100), [(1, -10.0, 95.0)], 0),
        ((100, 106, 96, 100), [(1, -10.0, 105.0)], 0),
        ((100, 106, 94, 100), [(1, -10.0, 95.0)], 1),
        ((94, 96, 93, 95), [(1, -10.0, 94.0)], 0),  # bought at 94, already below the stop: out at the same open
    ],
)
def test_children_of_a_market_entry_meet_the_rest_of_the_entry_bar(bar, exits, ambiguous):
    result = run(bars(QUIET, bar, QUIET), [bracket(0, 10, stop_loss=95, take_profit=105)])
    assert fills(result) == [(1, 10.0, float(bar[0])), *exits]
    assert result.metrics["ambiguous_fills"] == ambiguous


def test_the_stop_of_a_limit_entry_meets_the_rest_of_the_entry_bar():
    # To reach 94 the price passed 98: entry, then stop.
    entry = bracket(0, 10, limit=98, stop_loss=95, take_profit=105)
    result = run(bars(QUIET, (100, 101, 94, 100), QUIET), [entry])
    assert fills(result) == [(1, 10.0, 98.0), (1, -10.0, 95.0)]
    assert result.metrics["ambiguous_fills"] == 0


def test_the_target_of_a_limit_entry_waits_for_the_next_bar():
    # The high of 106 may have come before the low of 97.
    entry = bracket(0, 10, limit=98, stop_loss=95, take_profit=105)
    result = run(bars(QUIET, (100, 106, 97, 100), (100, 106, 99, 100)), [entry])
    assert fills(result) == [(1, 10.0, 98.0), (2, -10.0, 105.0)]
    assert result.metrics["ambiguous_fills"] == 0


def test_children_of_a_limit_entry_that_fills_at_the_open_meet_the_whole_bar():
    entry = bracket(0, 10, limit=98, stop_loss=95, take_profit=105)
    result = run(bars(QUIET, (97, 106, 96, 100)), [entry])
    assert fills(result) == [(1, 10.0, 97.0), (1, -10.0, 105.0)]


@pytest.mark.parametrize(("low", "exits", "ambiguous"), [(96, [], 0), (94, [(1, -10.0, 95.0)], 1)])
def test_the_stop_of_a_stop_entry_is_taken_in_the_entry_bar_and_counted_as_ambiguous(low, exits, ambiguous):
    # The low may have come before the entry at 102, or after.
    entry = bracket(0, 10, stop=102, stop_loss=95)
    result = run(bars(QUIET, (100, 103, low, 100), QUIET), [entry])
    assert fills(result) == [(1, 10.0, 102.0), *exits]
    assert result.metrics["ambiguous_fills"] == ambiguous


def test_the_stop_of_a_short_limit_entry_meets_the_rest_of_the_entry_bar():
    entry = bracket(0, -10, limit=102, stop_loss=105, take_profit=95)
    result = run(bars(QUIET, (100, 106, 94, 100), (96, 97, 94, 95)), [entry])
    assert fills(result) == [(1, -10.0, 102.0), (1, 10.0, 105.0)]


def test_a_protective_stop_beyond_its_entry_fills_at_the_entry_price():
    # A sell stop at 99 above the entry at 98 is reached the moment the entry fills; no price above 98 can be had.
    entry = bracket(0, 10, limit=98, stop_loss=99)
    result = run(bars(QUIET, (100, 100, 97, 97)), [entry])
    assert fills(result) == [(1, 10.0, 98.0), (1, -10.0, 98.0)]


def test_children_do_nothing_before_their_parent_fills():
    entry = bracket(0, 10, limit=90, stop_loss=85, take_profit=105)
    result = run(
        bars(QUIET, (100, 110, 95, 100), (95, 96, 89, 91), (91, 106, 91, 105)),
        [
            entry,
            observe(1, "status", order=entry.child(STOP)),
            observe(1, "status", order=entry.child(LIMIT)),
            observe(2, "status", order=entry.child(LIMIT)),
        ],
    )
    assert seen(result) == [HELD, HELD, WORKING]
    assert fills(result) == [(2, 10.0, 90.0), (3, -10.0, 105.0)]


def test_the_fill_of_one_child_cancels_the_other():
    result = run(bars(QUIET, QUIET, (100, 106, 99, 100)), [bracket(0, 10, stop_loss=95, take_profit=105)])
    assert states(result) == [("filled", ""), ("cancelled", "its sibling filled"), ("filled", "")]


def test_exits_come_before_entries_at_the_open():
    # 1,000 of cash are in A. The purchase of B was asked for first, but can only be paid with what the sale of A gives.
    market_data = bars(*flat(100, 4), B=flat(50, 4))
    steps = [market(0, 10), market(1, 20, asset=1), market(1, -10)]
    result = run(market_data, steps, account={"cash": 1000.0, "kind": "cash"})
    assert result.fills.select("order_id", "asset", "quantity").rows() == [
        (1, "A", 10.0),
        (3, "A", -10.0),
        (2, "B", 20.0),
    ]


def test_entries_at_the_open_come_in_order_of_submission():
    steps = [market(0, 1, asset=2), market(0, 1), market(0, 1, asset=1)]
    result = run(bars(*flat(100, 2), B=flat(50, 2), C=flat(20, 2)), steps)
    assert result.fills["asset"].to_list() == ["C", "A", "B"]


def test_what_the_open_decides_comes_before_what_the_range_decides():
    result = run(bars(QUIET, (100, 101, 97, 100)), [limit(0, 1, 98), market(0, 2)])
    assert fills(result) == [(1, 2.0, 100.0), (1, 1.0, 98.0)]


def test_protective_stops_come_before_other_exits_and_exits_before_entries_in_the_range():
    # Long 10; the bar reaches a target, a stop and a limit entry below.
    steps = [market(0, 10), limit(1, 5, 97), limit(1, -3, 103), stop(1, -4, 96)]
    result = run(bars(QUIET, QUIET, (100, 104, 95, 100)), steps)
    assert fills(result)[1:] == [(2, -4.0, 96.0), (2, -3.0, 103.0), (2, 5.0, 97.0)]


def test_a_signal_exit_at_the_open_beats_a_gapped_stop_and_cancels_it():
    steps = [bracket(0, 10, stop_loss=95), close(1)]
    result = run(bars(QUIET, QUIET, (90, 91, 89, 90), QUIET), steps)
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 90.0)]
    assert result.fills["reason"].to_list() == ["signal", "signal"]
    assert states(result) == [("filled", ""), ("cancelled", "its position closed"), ("filled", "")]


def test_a_partial_signal_exit_leaves_the_rest_to_the_gapped_stop():
    steps = [bracket(0, 10, stop_loss=95), market(1, -4)]
    result = run(bars(QUIET, QUIET, (90, 91, 89, 90)), steps)
    assert fills(result)[1:] == [(2, -4.0, 90.0), (2, -6.0, 90.0)]
    assert result.fills["reason"].to_list() == ["signal", "signal", "stop_loss"]


def test_a_reversal_cancels_the_old_bracket_and_keeps_its_own():
    steps = [bracket(0, 10, stop_loss=95), bracket(1, -20, stop_loss=105)]
    result = run(bars(QUIET, QUIET, QUIET, (100, 106, 94, 100)), steps)
    # The stop of the new short buys back what is there, 10, not the 20 that its parent sold.
    assert fills(result) == [(1, 10.0, 100.0), (2, -20.0, 100.0), (3, 10.0, 105.0)]
    assert states(result)[1] == ("cancelled", "its position closed")


def test_orders_without_a_common_parent_do_not_cancel_each_other():
    steps = [market(0, 10), stop(1, -10, 95), limit(1, -10, 105)]
    result = run(bars(QUIET, QUIET, (100, 106, 94, 100)), steps)
    assert fills(result)[1:] == [(2, -10.0, 95.0), (2, -10.0, 105.0)]
    assert result.metrics["ambiguous_fills"] == 0


def test_an_order_waits_while_its_asset_does_not_trade():
    market_data = bars(*flat(100, 5), B=[(50, 50, 50, 50), None, None, (55, 56, 54, 55), (50, 50, 50, 50)])
    result = run(market_data, [market(0, 10, asset=1)])
    assert fills(result) == [(3, 10.0, 55.0)]


def test_a_cancelled_entry_never_fills():
    entry = limit(0, 10, 98)
    result = run(bars(QUIET, QUIET, (98, 98, 97, 98)), [entry, cancel(1, entry)])
    assert fills(result) == []
    assert states(result) == [("cancelled", "cancelled by the strategy")]


def test_every_kind_of_fill_names_its_reason():
    steps = [
        market(0, 1),
        limit(0, 1, 99),
        stop(0, 1, 101),
        bracket(0, 1, stop_loss=90, take_profit=105),
        bracket(2, 1, stop_loss=95),
    ]
    result = run(bars(QUIET, (100, 102, 98, 100), (100, 106, 98, 100), (100, 101, 94, 100)), steps)
    assert set(result.fills["reason"]) == {"signal", "limit", "stop", "take_profit", "stop_loss"}


@pytest.mark.parametrize(
    ("bar", "price"),
    [((100, 101, 98, 99), None), ((98, 101, 98, 99), None), ((100, 101, 97.9, 99), 98.0), ((97, 101, 96, 99), 97.0)],
)
def test_by_penetration_a_limit_fills_only_where_the_price_goes_beyond_it(bar, price):
    result = run(bars(QUIET, bar), [limit(0, 10, 98)], execution={"limit_fill": "penetration"})
    assert fills(result) == ([] if price is None else [(1, 10.0, price)])


def test_by_penetration_a_stop_still_fills_where_it_is_touched():
    result = run(bars(QUIET, (100, 101, 98, 99)), [stop(0, -10, 98)], execution={"limit_fill": "penetration"})
    assert fills(result) == [(1, -10.0, 98.0)]


@pytest.mark.parametrize(
    ("volume", "untraded", "day"),
    [
        ([1.0, 0.0, 1.0], "wait", 2),
        ([1.0, 0.0, 1.0], "fill", 1),
        ([0.0, 0.0, 0.0], "wait", 1),
        ([0.0, 0.0, 1.0], "wait", 1),
    ],
)
def test_orders_wait_for_a_bar_that_traded_unless_the_data_has_shown_no_volume(volume, untraded, day):
    market_data = bars(*flat(100, 3)).with_columns(pl.Series("volume", volume))
    result = run(market_data, [market(0, 10)], execution={"untraded": untraded})
    assert fills(result) == [(day, 10.0, 100.0)]


def test_at_a_close_without_volume_orders_wait_too():
    market_data = bars(*flat(100, 3)).with_columns(pl.Series("volume", [1.0, 0.0, 1.0]))
    assert fills(run(market_data, [market(1, 10)], execution={"profile": "same_close"})) == [(2, 10.0, 100.0)]
