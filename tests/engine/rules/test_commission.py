"""Tiers, makers and bounds of commission, in currency worked out by hand."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import bars, bracket, compose, evaluator, fills, flat, limit, market, run

from backsweep.engine.calendar import month_of
from backsweep.errors import BadInput
from backsweep.sweepfile.costs import CostsSpec
from backsweep.trial.session_range import SessionRange

QUIET = (100, 100, 100, 100)
BY_UNITS = {"kind": "tiered", "by": "monthly_volume", "tiers": [{"above": 0, "rate": 0.5}, {"above": 15, "rate": 0.1}]}
BY_VALUE = {
    "kind": "tiered",
    "by": "monthly_value",
    "tiers": [{"above": 0, "rate": 0.01}, {"above": 1500, "rate": 0.001}],
}
BY_ORDER = {**BY_VALUE, "by": "order_value"}
MAKER = {"kind": "percentage", "rate": 0.002, "maker_rate": -0.0005}


def due(commission, steps, count=6, **spec):
    """Return the commissions of what a script fills on flat bars at 100."""
    return run(bars(*flat(100, count)), steps, costs={"commission": commission}, **spec).fills["commission"].to_list()


def test_each_part_of_a_months_units_pays_the_rate_of_its_tier():
    # 10 at 0.5; then 5 at 0.5 and 5 at 0.1; then all at 0.1. Sales count as purchases do.
    assert due(BY_UNITS, [market(0, 10), market(1, -10), market(2, 10)]) == pytest.approx([5.0, 3.0, 1.0])


def test_each_part_of_a_months_value_pays_the_rate_of_its_tier():
    assert due(BY_VALUE, [market(0, 10), market(1, 10), market(2, 10)]) == pytest.approx([10.0, 5.5, 1.0])


def test_the_value_of_an_order_begins_anew_with_each_order():
    assert due(BY_ORDER, [market(0, 20), market(1, 20)]) == pytest.approx([15.5, 15.5])


def test_an_orders_value_goes_on_over_its_parts():
    thin = bars(*flat(100, 4)).with_columns(volume=pl.lit(100.0))
    result = run(thin, [market(0, 20)], costs={"commission": BY_ORDER}, execution={"volume_share": 0.1})
    assert result.fills["commission"].to_list() == pytest.approx([10.0, 5.5])


def test_a_month_begins_with_its_first_day():
    # The first bar is of January 1st; what fills at bar 31 fills on February 1st.
    assert due(BY_UNITS, [market(0, 20), market(29, 10), market(30, 10)], 33) == pytest.approx([8.0, 1.0, 5.0])


def test_the_months_of_the_calendar():
    days = [date(1969, 2, 27) + timedelta(days=day) for day in range(60_000)]
    months = [month_of((day - date(1970, 1, 1)).days * 86_400_000_000_000 + 5) for day in days]
    first = months[0] - days[0].year * 12 - days[0].month
    assert months == [first + day.year * 12 + day.month for day in days]


def test_an_account_counts_the_units_of_every_asset_for_the_tiers_of_one():
    costs = {"per_asset": {"B": {"commission": BY_UNITS}}}
    result = run(bars(*flat(100, 3), B=flat(100, 3)), [market(0, 15), market(0, 10, asset=1)], costs=costs)
    assert result.fills["commission"].to_list() == pytest.approx([0.0, 1.0])


def test_what_an_exchange_pays_for_a_delisted_asset_counts_for_no_tier():
    actions = pl.DataFrame({"timestamp": [date(2024, 1, 2)], "asset": ["B"], "delisting": [True]})
    data = bars(*flat(100, 4), B=[*flat(100, 2), None, None])
    orders = [market(0, 10, asset=1), market(1, 10)]
    result = run(data, orders, actions=actions, costs={"commission": BY_UNITS})
    assert result.fills["reason"].to_list() == ["signal", "delisting", "signal"]
    assert result.fills["commission"].to_list() == pytest.approx([5.0, 0.0, 3.0])


def test_the_end_of_a_segment_is_charged_in_tiers():
    engine = evaluator(bars(*flat(100, 4)), costs={"commission": BY_UNITS}, params=("steps", "count"))._runner
    table = compose([market(0, 20)])
    engine.take(np.array([float(table.ctypes.data), float(len(table))]))
    engine.go(SessionRange(0, 4), flat=True)
    assert engine.tables.counters[0].commission == pytest.approx(15 * 0.5 + 5 * 0.1 + 20 * 0.1)


def test_swept_tiers_out_of_order_fail_their_trial():
    tiers = [{"above": 0.0, "rate": 0.5}, {"above": 10.0, "rate": 0.2}, {"above": 20.0, "rate": 0.1}]
    names = ("steps", "count", "costs.commission.tiers.1.above")
    engine = evaluator(bars(*flat(100, 3)), costs={"commission": {**BY_UNITS, "tiers": tiers}}, params=names)
    table = compose([market(0, 20)])
    address = (float(table.ctypes.data), float(len(table)))
    with pytest.raises(BadInput, match=r"out of order(.|\n)*0, 25, 20"):
        engine.replay(np.array([*address, 25.0]))
    assert engine.replay(np.array([*address, 15.0])).fills.height == 1


def test_minimum_and_maximum_bound_tiers_too():
    assert due({**BY_UNITS, "minimum": 6.0}, [market(0, 10)]) == [6.0]
    assert due({**BY_UNITS, "maximum": 0.001}, [market(0, 10)]) == [1.0]


@pytest.mark.parametrize(
    ("order", "bar", "cost"),
    [
        (limit(0, 10, 99), (100, 100, 98, 99), -0.495),  # it rested inside the bar
        (limit(0, 10, 101), (100, 100, 98, 99), 2.0),  # it could fill as soon as it came
        (market(0, 10), (100, 100, 98, 99), 2.0),
    ],
)
def test_a_limit_that_rests_is_a_maker(order, bar, cost):
    result = run(bars(QUIET, bar), [order], costs={"commission": MAKER})
    assert result.fills["commission"].to_list() == pytest.approx([cost])


def test_a_limit_that_has_met_a_bar_is_a_maker_at_a_gap():
    result = run(bars(QUIET, QUIET, (95, 96, 94, 95)), [limit(0, 10, 99)], costs={"commission": MAKER})
    assert fills(result) == [(2, 10.0, 95.0)]
    assert result.fills["commission"].to_list() == pytest.approx([-0.475])


def test_a_target_that_waits_for_the_bar_after_its_entry_has_met_that_one_at_a_later_gap():
    market_data = bars(QUIET, QUIET, QUIET, (106, 107, 105.5, 106))
    steps = [bracket(0, 10, stop_loss=95, take_profit=105)]
    result = run(market_data, steps, costs={"commission": MAKER}, execution={"profile": "backtrader"})
    assert fills(result) == [(1, 10.0, 100.0), (3, -10.0, 106.0)]
    assert result.fills["commission"].to_list() == pytest.approx([2.0, -0.53])


def test_what_is_left_of_a_limit_is_a_maker():
    thin = bars(*flat(100, 3)).with_columns(volume=pl.lit(100.0))
    result = run(thin, [limit(0, 15, 101)], costs={"commission": MAKER}, execution={"volume_share": 0.1})
    assert result.fills["commission"].to_list() == pytest.approx([2.0, -0.25])


def test_targets_are_makers_and_stops_are_not():
    for bar, cost in (((100, 106, 99, 105), -0.525), ((100, 101, 94, 95), 1.9)):
        result = run(
            bars(QUIET, QUIET, bar), [bracket(0, 10, stop_loss=95, take_profit=105)], costs={"commission": MAKER}
        )
        assert result.fills["commission"].to_list() == pytest.approx([2.0, cost])


def test_a_tier_may_have_a_rate_for_makers():
    tiers = [{"above": 0, "rate": 0.5, "maker_rate": 0.0}, {"above": 5, "rate": 0.25}]
    commission = {**BY_UNITS, "tiers": tiers}
    result = run(bars(QUIET, (100, 100, 98, 99)), [limit(0, 10, 99)], costs={"commission": commission})
    assert result.fills["commission"].to_list() == pytest.approx([1.25])


@pytest.mark.parametrize(
    ("tiers", "problem"),
    [
        ([], "at least 1"),
        ([{"above": 5, "rate": 0.1}], "begin above 0"),
        ([{"above": 0, "rate": 0.1}, {"above": 0, "rate": 0.2}], "ascend"),
    ],
)
def test_tiers_that_make_no_sense_are_refused(tiers, problem):
    with pytest.raises(ValueError, match=problem):
        CostsSpec.model_validate({"commission": {**BY_UNITS, "tiers": tiers}})


@pytest.mark.parametrize("key", ["tiers.2.rate", "tiers.1.maker_rate", "tiers.rate", "rate", "maker_rate"])
def test_a_number_that_no_tier_has_cannot_be_swept(key):
    with pytest.raises(BadInput, match="is not a number that can be swept"):
        evaluator(
            bars(*flat(100, 2)), costs={"commission": BY_UNITS}, params=("steps", "count", f"costs.commission.{key}")
        )
