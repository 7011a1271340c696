"""What a strategy asks the broker: sizes by risk and volatility; annotated fields are what type checkers know."""

from fractions import Fraction
from math import floor, isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenarios.scripted import bars, bracket, close, flat, market, observe, run, seen

from backsweep.broker import Order, Position
from backsweep.engine.lots import units_for


@pytest.mark.parametrize("view", [Position, Order])
def test_the_annotated_fields_of_a_view_are_its_slots(view):
    assert tuple(view.__annotations__) == view.__slots__


def sizes(*asked, prices=((50, 50, 50, 50),), **account):
    steps = [observe(0, f"size_by_{by}", limit=each, stop=share) for by, each, share in asked]
    return seen(run(bars(*prices), steps, account={"cash": 10_000.0, "kind": "margin", "leverage": 10.0, **account}))


def test_a_stop_at_the_distance_loses_the_risk():
    # 1 % of 10,000 is 100: a stop 2.5 away loses it on 40 units.
    assert sizes(("risk", 2.5, 0.01)) == [40.0]
    result = run(bars((50, 50, 50, 50), (50, 50, 40, 40)), [bracket(0, 40, stop_loss=47.5)])
    assert result.metrics["final_equity"] == 10_000.0 - 100.0


def test_the_value_of_a_position_moves_by_the_target_where_its_price_moves_by_its_volatility():
    # 2 % of 10,000 is 200: at a volatility of 25 % that is a value of 800, 16 units at 50.
    assert sizes(("volatility", 0.25, 0.02)) == [16.0]


def test_sizes_are_rounded_down_to_lots_and_count_in_contracts():
    assert sizes(("risk", 3.0, 0.01), ("volatility", 0.3, 0.02), lot=1) == [33.0, 13.0]  # 33.3, 13.3
    contract = {"A": {"multiplier": 5.0, "lot": 2.0}}
    assert sizes(("risk", 3.0, 0.01), ("volatility", 0.3, 0.02), per_asset=contract) == [6.0, 2.0]  # 6.7, 2.7


@pytest.mark.parametrize("distance", [0.0, -1.0, float("nan")])
def test_without_a_distance_there_is_no_size_and_its_order_is_rejected(distance):
    assert all(isnan(size) for size in sizes(("risk", distance, 0.01), ("volatility", distance, 0.02)))
    result = run(bars(*flat(50.0, 2)), [market(0, float("nan"))])
    assert result.orders["reject_reason"].to_list() == ["quantity is zero or not a number"]


def test_an_account_below_zero_has_a_size_of_zero():
    # 2,000 units bought at 50 on 10,000 of equity, and a fall by 10: equity is -10,000.
    steps = [market(0, 2000), observe(1, "size_by_risk", limit=1.0, stop=0.01), observe(1, "equity")]
    assert seen(run(bars((50, 50, 50, 50), (50, 50, 40, 40)), steps)) == [0.0, -10_000.0]


def test_positions_are_counted_long_and_short():
    steps = [market(0, 5), market(0, -5, asset=1), close(1), *(observe(at, "positions") for at in range(3))]
    assert seen(run(bars(*flat(50.0, 3), B=flat(50.0, 3)), steps)) == [0, 2, 1]


@given(st.integers(1, 10**9), st.integers(1, 10**6).map(lambda n: n / 64), st.sampled_from([0.0, 1.0, 0.25, 100.0]))
def test_a_size_is_the_most_whole_lots_that_the_money_is_for(money, per_unit, lot):
    exact = Fraction(money) / Fraction(per_unit)
    expected = floor(exact / Fraction(lot) * (1 + Fraction(1, 10**12))) * Fraction(lot) if lot else exact
    assert units_for(float(money), per_unit, lot) == pytest.approx(float(expected), rel=1e-12)
