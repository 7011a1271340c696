"""Fills bounded by a share of the bar's volume, in units and prices worked out by hand: what is left keeps working."""

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import (
    ACCOUNT,
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
    stop_limit,
    trailing,
)

from backsweep.engine.codes import DAY, FOK, IOC, STOP
from backsweep.engine.fills.sizes import count_filled, filled_at
from backsweep.engine.state import allocate, reset
from backsweep.engine.tables import BAR, GROUP
from backsweep.errors import BadInput

QUIET = (100, 100, 100, 100)
TENTH = {"volume_share": 0.1}  # 10 units of a bar that traded 100


def thin(*prices, volume=100.0, **others):
    """Return bars with little volume."""
    return bars(*prices, **others).with_columns(volume=pl.lit(volume))


def test_parts_of_an_asset_share_its_bar_and_other_assets_and_bars_have_their_own():
    """Two parts of two assets at two timestamps: books 0 and 1 are of one asset, rows 0 and 1 of its first bar."""
    bars_of = np.zeros(8, BAR)
    tables = allocate(bars_of, np.zeros(2, GROUP), assets=4, sessions=2, parts=2)
    state = tables.handle(compiled=False)
    reset(state)
    count_filled(state, 1, 1, -5.0)
    count_filled(state, 0, 0, 2.0)
    assert [filled_at(state, 0, 0), filled_at(state, 1, 1)] == [7.0, 7.0]
    assert [filled_at(state, 2, 2), filled_at(state, 3, 3), filled_at(state, 0, 4)] == [0.0, 0.0, 0.0]
    count_filled(state, 3, 3, 1.0)
    count_filled(state, 1, 5, 4.0)
    assert [filled_at(state, 2, 2), filled_at(state, 0, 4), filled_at(state, 1, 5)] == [1.0, 4.0, 4.0]


def test_a_market_order_fills_a_share_of_each_bar_until_it_is_done():
    result = run(thin(*flat(100, 5)), [market(0, 25)], execution=TENTH)
    assert fills(result) == [(1, 10.0, 100.0), (2, 10.0, 100.0), (3, 5.0, 100.0)]
    assert states(result) == [("filled", "")]


def test_what_is_left_of_an_order_can_be_read_and_cancelled():
    first = market(0, 25)
    steps = [first, observe(2, "filled_quantity", order=first), observe(2, "status", order=first), cancel(2, first)]
    result = run(thin(*flat(100, 5)), steps, execution=TENTH)
    assert fills(result) == [(1, 10.0, 100.0), (2, 10.0, 100.0)]
    assert seen(result) == [20.0, 3.0]
    assert states(result) == [("cancelled", "cancelled by the strategy")]


def test_a_volume_that_is_large_enough_changes_nothing():
    steps = [bracket(0, 25, stop_loss=95, take_profit=105), market(3, -5)]
    market_data = thin(QUIET, QUIET, (100, 101, 94, 95), *flat(95, 3), volume=1000.0)
    plain, bounded = run(market_data, steps), run(market_data, steps, execution=TENTH)
    assert fills(plain) == fills(bounded)
    assert states(plain) == states(bounded)


def test_the_orders_of_an_asset_share_its_volume_in_their_order():
    steps = [market(0, 6), market(0, 6), market(0, 6, asset=1)]
    result = run(thin(*flat(100, 3), B=flat(50, 3)), steps, execution=TENTH)
    assert list(zip(result.fills["order_id"], result.fills["quantity"], strict=True)) == [
        (1, 6.0),
        (2, 4.0),
        (3, 6.0),
        (2, 2.0),
    ]


def test_parts_are_whole_lots():
    account = {**ACCOUNT, "lot": 4.0}
    result = run(thin(*flat(100, 5)), [market(0, 20)], execution=TENTH, account=account)
    assert [quantity for _, quantity, _ in fills(result)] == [8.0, 8.0, 4.0]


def test_less_than_a_lot_fills_nothing():
    result = run(thin(*flat(100, 3)), [market(0, 20)], execution=TENTH, account={**ACCOUNT, "lot": 20.0})
    assert fills(result) == []
    assert states(result) == [("working", "")]


def test_ioc_takes_what_there_is_and_fok_all_or_nothing():
    steps = [market(0, 25, tif=IOC), market(2, 25, tif=FOK), market(3, 10, tif=FOK)]
    result = run(thin(*flat(100, 6)), steps, execution=TENTH)
    assert fills(result) == [(1, 10.0, 100.0), (4, 10.0, 100.0)]
    assert states(result) == [("expired", ""), ("expired", ""), ("filled", "")]


def test_a_day_order_expires_with_what_is_left():
    result = run(thin(*flat(100, 4)), [market(0, 25, tif=DAY)], execution=TENTH)
    assert fills(result) == [(1, 10.0, 100.0)]
    assert states(result) == [("expired", "")]


def test_a_limit_order_waits_for_its_price_again():
    market_data = thin(QUIET, (100, 100, 98, 99), (99.5, 100, 99.5, 100), (97, 98, 96, 98))
    result = run(market_data, [limit(0, 15, 99)], execution=TENTH)
    assert fills(result) == [(1, 10.0, 99.0), (3, 5.0, 97.0)]


@pytest.mark.parametrize("order", [stop(0, 15, 102), trailing(0, 15, amount=2.0)])
def test_a_stop_that_was_reached_is_a_market_order_for_the_rest(order):
    market_data = thin(QUIET, (100, 103, 100, 101), (99, 99, 98, 98))
    result = run(market_data, [order], execution=TENTH, costs={"stop_slippage": 0.5})
    assert fills(result) == [(1, 10.0, 153.0), (2, 5.0, 99.0)]
    assert result.fills["reason"].to_list() == ["stop", "stop"]


def test_a_stop_limit_order_that_was_reached_is_a_limit_order_for_the_rest():
    market_data = thin(QUIET, (100, 103, 100, 103), (104, 105, 104, 104), (101, 102, 100, 101))
    result = run(market_data, [stop_limit(0, 15, 102, 103)], execution=TENTH)
    assert fills(result) == [(1, 10.0, 102.0), (3, 5.0, 101.0)]


def test_a_stop_without_any_volume_left_fills_from_the_next_bar_on():
    market_data = thin(QUIET, (100, 100, 94, 94), (93, 95, 92, 95))
    result = run(market_data, [bracket(0, 10, stop_loss=95)], execution=TENTH)
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 93.0)]
    assert result.fills["reason"].to_list() == ["signal", "stop_loss"]


def test_children_work_for_what_their_parent_has_filled():
    # 10 of 30 on day 1, 10 on day 2; on day 3 the target takes 10 of the 20 and ends the entry, on day 4 the rest.
    market_data = thin(QUIET, QUIET, QUIET, (105, 106, 104, 105), (105, 106, 104, 105), *flat(90, 2))
    order = bracket(0, 30, stop_loss=95, take_profit=105)
    steps = [order, observe(1, "order_quantity", order=order.child(STOP)), observe(3, "order_quantity", order=2)]
    result = run(market_data, steps, execution=TENTH)
    assert fills(result) == [(1, 10.0, 100.0), (2, 10.0, 100.0), (3, -10.0, 105.0), (4, -10.0, 105.0)]
    assert seen(result) == [-10.0, -10.0]
    assert states(result) == [
        ("cancelled", "its bracket began to exit"),
        ("cancelled", "its sibling filled"),
        ("filled", ""),
    ]
    assert result.trades["quantity"].to_list() == [20.0]
    assert result.trades["pnl"].to_list() == [100.0]


def test_an_entry_ends_when_its_position_is_closed():
    market_data = thin(*flat(100, 6))
    result = run(market_data, [bracket(0, 30, stop_loss=95), close(1)], execution=TENTH)
    # On day 2 the exit comes first and takes all the volume; with it the bracket is over.
    assert fills(result) == [(1, 10.0, 100.0), (2, -10.0, 100.0)]
    assert states(result) == [
        ("cancelled", "its bracket began to exit"),
        ("cancelled", "its position closed"),
        ("filled", ""),
    ]


def test_children_are_rounded_up_to_lots():
    parent = market(0, 30)
    steps = [parent, stop(0, -15, 95, order=parent), observe(1, "order_quantity", order=2)]
    account = {**ACCOUNT, "lot": 10.0}
    assert seen(run(thin(*flat(100, 3)), steps, execution=TENTH, account=account)) == [-10.0]


def test_a_partial_fill_takes_its_share_from_the_others_of_its_group():
    steps = [
        market(0, 40, oca=7),
        limit(0, 80, 90, oca=7),
        observe(1, "order_quantity", order=2),
        observe(2, "order_quantity", order=2),
    ]
    result = run(thin(*flat(100, 6)), steps, execution=TENTH)
    assert seen(result) == [60.0, 40.0]
    assert states(result) == [("filled", ""), ("cancelled", "another order of its group filled")]


@pytest.mark.parametrize(
    ("commission", "due"),
    [
        ({"kind": "per_share", "rate": 0.1, "minimum": 2.0}, [2.0, 0.0, 0.5]),
        ({"kind": "per_share", "rate": 0.1, "minimum": 5.0, "maximum": 0.001}, [1.0, 1.0, 0.5]),
        ({"kind": "per_order", "amount": 3.0}, [3.0, 0.0, 0.0]),
        ({"kind": "percentage", "rate": 0.001}, [1.0, 1.0, 0.5]),
        ({"kind": "combined", "rate": 0.001, "amount": 2.0}, [3.0, 1.0, 0.5]),
    ],
)
def test_minimum_and_amount_are_those_of_the_whole_order(commission, due):
    result = run(thin(*flat(100, 5)), [market(0, 25)], execution=TENTH, costs={"commission": commission})
    assert result.fills["commission"].to_list() == pytest.approx(due, abs=1e-12)


def test_impact_counts_all_that_fills_at_the_bar():
    # 5 and then 5 of 100: shares of 0.05 and 0.10.
    costs = {"slippage": {"kind": "volume_share", "rate": 1.0, "limit": 1.0}}
    result = run(thin(*flat(100, 2)), [market(0, 5), market(0, 5)], costs=costs)
    assert result.fills["price"].to_list() == pytest.approx([100.25, 101.0], abs=1e-12)


def test_the_zipline_profile_fills_closes_in_parts():
    market_data = thin(QUIET, (100, 101, 99, 101), (101, 102, 101, 102), (102, 103, 102, 103), volume=1000.0)
    account = {**ACCOUNT, "lot": 1.0}
    execution = {"profile": "zipline", "volume_share": 0.025}
    costs = {"slippage": {"kind": "volume_share"}, "commission": {"kind": "per_share", "rate": 0.001, "minimum": 0.04}}
    result = run(market_data, [market(0, 60)], execution=execution, account=account, costs=costs)
    # 2.5 % of 1,000 at the close, which moves by 0.1 x 0.025^2; the last 10 by 0.1 x 0.01^2. 0.001 a unit, 0.04 in all.
    assert [quantity for _, quantity, _ in fills(result)] == [25.0, 25.0, 10.0]
    prices = [101 * (1 + 0.1 * 0.025**2), 102 * (1 + 0.1 * 0.025**2), 103 * (1 + 0.1 * 0.01**2)]
    assert result.fills["price"].to_list() == pytest.approx(prices, abs=1e-12)
    assert result.fills["commission"].to_list() == pytest.approx([0.04, 0.01, 0.01], abs=1e-12)


def test_the_share_can_be_swept():
    engine = evaluator(thin(*flat(100, 8)), params=("steps", "count", "execution.volume_share"))
    table = np.array([market(0, 25).row()])
    counts = [
        engine.replay(np.array([float(table.ctypes.data), 1.0, share]), compiled=False).fills.height
        for share in (0.0, 0.05, 0.1)
    ]
    assert counts == [1, 5, 3]


def test_without_any_volume_there_is_no_share_to_fill():
    with pytest.raises(BadInput, match="no bar has any"):
        run(thin(*flat(100, 3), volume=0.0), [market(0, 1)], execution=TENTH)
