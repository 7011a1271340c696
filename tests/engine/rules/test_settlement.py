"""When the proceeds of a sale can be used: a cash account of 1,000, and an asset at 100."""

from datetime import timedelta

import numpy as np
import pytest
from pydantic import ValidationError
from scenarios.scripted import bars, close, compose, evaluator, flat, market, observe, run, seen, states

from backsweep.sweepfile.account import AccountSpec

REFUSED = ("rejected", "exceeds settled cash")
FILLED = ("filled", "")


def account(settlement, **changes):
    return {"cash": 1_000.0, "kind": "cash", "settlement": settlement, **changes}


def switch(asked):
    """Hold 10 A from day 1, sell them at day 2, and ask for 10 B at these days."""
    return [market(0, 10), close(1), *(market(day, 10, asset=1) for day in asked)]


@pytest.mark.parametrize(("settlement", "first"), [(0, 2), (1, 3), (2, 4), (3, 5), (15, 17)])
def test_proceeds_can_be_used_so_many_sessions_after_the_sale(settlement, first):
    days = flat(100.0, first + 1)
    asked = [day - 1 for day in range(2, first + 1)]  # an order of the day before fills at the open
    result = run(bars(*days, B=days), switch(asked), account=account(settlement))
    assert states(result) == [FILLED, FILLED, *[REFUSED] * (first - 2), FILLED]
    assert result.fills["timestamp"][2] == result.equity["timestamp"][first]


def test_what_was_never_spent_can_be_used_all_the_time():
    days = flat(100.0, 4)
    result = run(
        bars(*days, B=days), [market(0, 5), close(1), market(1, 5, asset=1), market(2, 1, asset=1)], account=account(2)
    )
    assert states(result) == [FILLED, FILLED, FILLED, REFUSED]


def test_sessions_and_not_bars_are_counted():
    hours = flat(100.0, 12)
    steps = [market(0, 10), close(1), market(2, 10, asset=1), market(3, 10, asset=1), market(5, 10, asset=1)]
    result = run(bars(*hours, B=hours, step=timedelta(hours=6)), steps, account=account(1))
    assert states(result) == [FILLED, FILLED, REFUSED, FILLED, ("rejected", "exceeds cash")]


def test_buying_power_leaves_out_what_has_not_settled_and_cash_does_not():
    days = flat(100.0, 4)
    steps = [market(0, 6), close(1), observe(2, "buying_power"), observe(2, "cash"), observe(3, "buying_power")]
    assert seen(run(bars(*days), steps, account=account(1))) == [400.0, 1_000.0, 1_000.0]


def test_costs_are_paid_at_once():
    days = flat(100.0, 3)
    steps = [market(0, 9), close(1), observe(2, "buying_power")]
    costs = {"commission": {"kind": "per_order", "amount": 10.0}}
    assert seen(run(bars(*days), steps, account=account(1), costs=costs)) == [80.0]


def test_several_sales_settle_each_in_its_own_time():
    days = flat(100.0, 8)
    steps = [market(0, 10), market(1, -4), market(2, -6)]
    steps += [observe(day, "buying_power") for day in range(1, 6)]
    assert seen(run(bars(*days), steps, account=account(2))) == [0.0, 0.0, 0.0, 400.0, 1_000.0]


def test_a_new_run_knows_nothing_of_the_last_ones_sales():
    days = flat(100.0, 3)
    table = compose([market(0, 10), close(1)])
    engine = evaluator(bars(*days), account=account(5))._runner
    for _ in range(2):
        engine.run(np.array([float(table.ctypes.data), float(len(table))]))
        assert engine.tables.counters[0].fills == 2
        assert engine.tables.account[0].unsettled == 1_000.0


def test_the_number_of_sessions_can_be_swept():
    days = flat(100.0, 6)
    table = compose(switch([1, 2, 3]))
    engine = evaluator(bars(*days, B=days), account=account(0), params=("steps", "count", "account.settlement"))
    values = [float(table.ctypes.data), float(len(table))]
    refused = [
        engine.replay(np.array([*values, n])).orders["reject_reason"].to_list().count(REFUSED[1]) for n in (0, 1, 2)
    ]
    assert refused == [0, 1, 2]


@pytest.mark.parametrize(
    "given", [{"kind": "margin", "settlement": 1}, {"settlement": 16}, {"settlement": -1}, {"settlement": 1.5}]
)
def test_a_settlement_that_makes_no_sense_is_refused(given):
    with pytest.raises(ValidationError):
        AccountSpec(**given)
