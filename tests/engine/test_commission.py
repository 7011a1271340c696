"""Tiers, makers and bounds of commission, in currency worked out by hand."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scripted import bars, bracket, close, compose, evaluator, fills, flat, limit, market, run

from backsweep.engine.costs import month_of
from backsweep.errors import BadInput
from backsweep.trial.spec import CostsSpec

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
    """Give the commissions of what a script fills on flat bars at 100."""
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


@pytest.mark.parametrize(
    ("key", "value", "changed"),
    [
        ("costs.commission.tiers.1.rate", 0.3, lambda costs: costs["commission"]["tiers"][1].update(rate=0.3)),
        ("costs.commission.tiers.1.above", 12.0, lambda costs: costs["commission"]["tiers"][1].update(above=12.0)),
        (
            "costs.commission.tiers.0.maker_rate",
            0.2,
            lambda costs: costs["commission"]["tiers"][0].update(maker_rate=0.2),
        ),
        ("costs.commission.minimum", 7.0, lambda costs: costs["commission"].update(minimum=7.0)),
        (
            "costs.per_asset.B.commission.tiers.0.rate",
            0.3,
            lambda costs: costs["per_asset"]["B"]["commission"]["tiers"][0].update(rate=0.3),
        ),
        (
            "costs.per_asset.C.commission.maker_rate",
            0.001,
            lambda costs: costs["per_asset"]["C"]["commission"].update(maker_rate=0.001),
        ),
        ("costs.per_asset.C.short_borrow", 0.5, lambda costs: costs["per_asset"]["C"].update(short_borrow=0.5)),
        ("costs.financing.short_credit", 0.5, lambda costs: costs["financing"].update(short_credit=0.5)),
        ("costs.stop_slippage", 0.01, lambda costs: costs.update(stop_slippage=0.01)),
    ],
)
def test_a_swept_number_equals_the_same_number_in_the_file(key, value, changed):
    def costs():
        tiers = [{"above": 0.0, "rate": 0.5, "maker_rate": 0.1}, {"above": 15.0, "rate": 0.2}]
        return {
            "commission": {**BY_UNITS, "tiers": tiers, "minimum": 0.5},
            "stop_slippage": 0.002,
            "financing": {"short_borrow": 0.1, "short_credit": 0.05},
            "per_asset": {
                "B": {"commission": {**BY_ORDER, "tiers": [dict(tier) for tier in BY_VALUE["tiers"]]}},
                "C": {"commission": {**MAKER}, "short_borrow": 0.2},
            },
        }

    written = costs()
    changed(written)
    series = [QUIET, (100, 101, 98, 99), (99, 101, 97, 100), (99, 103, 96, 100)]
    data = bars(*series, B=series, C=series)
    orders = [limit(0, 20, 99), bracket(1, 30, stop_loss=98), limit(0, 20, 99, asset=1), limit(0, -10, 100.5, asset=2)]
    table = compose([*orders, close(2)])
    address = [float(table.ctypes.data), float(len(table))]
    swept = evaluator(data, costs=costs(), params=("steps", "count", key)).replay(
        np.array([*address, value]), compiled=False
    )
    plain, other = (
        evaluator(data, costs=each).replay(np.array(address), compiled=False) for each in (written, costs())
    )
    assert swept.fills.equals(plain.fills)
    assert swept.equity.equals(plain.equity)
    assert not swept.equity.equals(other.equity)


@pytest.mark.parametrize("key", ["tiers.2.rate", "tiers.1.maker_rate", "tiers.rate", "rate", "maker_rate"])
def test_a_number_that_no_tier_has_cannot_be_swept(key):
    with pytest.raises(BadInput, match="is not a number that can be swept"):
        evaluator(
            bars(*flat(100, 2)), costs={"commission": BY_UNITS}, params=("steps", "count", f"costs.commission.{key}")
        )
