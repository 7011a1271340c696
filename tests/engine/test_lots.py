"""Positions in lots stay whole multiples of their lot, whatever is bought, sold, split or filled in parts."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenarios.scripted import (
    FIRST_DAY,
    bars,
    bracket,
    close,
    evaluator,
    flat,
    limit,
    market,
    observe,
    run,
    seen,
    states,
    stop,
    target_quantity,
)

from backsweep.engine.lots import in_lots
from backsweep.strategy import Strategy, param, state
from backsweep.trial.runner import Runner
from backsweep.trial.session_range import SessionRange

LOTS = [0.1, 0.01, 1e-8, 0.3, 1 / 3, 100.0]
SALES = [
    (0.01, 1000.54),
    (0.01, 162292.65),
    (0.001, 1234.567),
    (0.1, 123456.7),
    (1e-8, 10.12345678),
    (0.0, 1000.54),
]


def account(lot, kind="margin"):
    return {"cash": 1e12, "kind": kind, "leverage": 1.0, "lot": lot}


def assert_flat(result, trades=1):
    """Insist that the position is gone, exactly, and that fills sum to nothing."""
    assert sum(result.fills["quantity"].to_list()) == 0.0
    assert result.equity["exposure"][-1] == 0.0
    assert result.trades.height == trades


@pytest.mark.parametrize("kind", ["cash", "margin"])
@pytest.mark.parametrize(("lot", "size"), SALES)
def test_a_position_sold_but_for_a_lot_and_then_whole_is_flat(lot, size, kind):
    last = lot or 0.01
    steps = [market(0, size), market(1, -round(size - last, 8)), observe(2, "quantity"), market(2, -last)]
    result = run(bars(*flat(1.0, 5)), steps, account=account(lot, kind))
    assert seen(result) == [pytest.approx(last, rel=1e-8)] if lot == 0.0 else [last]
    assert set(result.orders["status"][:-1]) <= {"filled", "rejected"}  # the note is the one that is rejected
    assert_flat(result)


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize(("lot", "size"), SALES)
def test_close_position_closes_what_is_left(lot, size, side):
    last = lot or 0.01
    steps = [market(0, side * size), market(1, -side * round(size - last, 8)), close(2)]
    assert_flat(run(bars(*flat(1.0, 5)), steps, account=account(lot)))


@given(st.sampled_from(LOTS), st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=8))
def test_a_position_is_exactly_its_number_of_lots(lot, changes):
    steps, held = [], 0
    for at, lots in enumerate(changes):
        held += lots
        steps += [market(at, lots * lot), observe(at + 1, "quantity")]
    days = len(changes) + 3
    result = run(bars(*flat(1.0, days)), [*steps, close(days - 2)], account=account(lot))
    assert seen(result) == [lots * lot for lots in np.cumsum(changes)]
    assert sum(result.fills["quantity"].to_list()) == pytest.approx(0.0, abs=1e-6 * lot)
    assert result.equity["exposure"][-1] == 0.0


@pytest.mark.parametrize("lot", LOTS)
def test_a_target_is_met_to_the_lot(lot):
    steps = [target_quantity(0, 16229265 * lot), target_quantity(1, 16229264 * lot), observe(2, "quantity")]
    result = run(bars(*flat(1.0, 6)), [*steps, target_quantity(2, lot), observe(3, "quantity")], account=account(lot))
    assert seen(result) == [16229264 * lot, lot]


@pytest.mark.parametrize("lot", LOTS)
@pytest.mark.parametrize("ratio", [3.0, 1 / 3, 0.7])
def test_after_a_split_a_position_is_a_whole_number_of_lots(lot, ratio):
    frame = pl.DataFrame({"timestamp": [FIRST_DAY.replace(day=4)], "asset": ["A"], "split": [ratio]})
    frame = frame.with_columns(dividend=pl.lit(0.0), delisting=pl.lit(0.0))
    for lots in (211, 1000003):
        steps = [market(0, lots * lot), observe(3, "quantity"), close(4)]
        market_data = bars(*flat(1.0, 3), *flat(1.0 / ratio, 4))
        result = run(market_data, steps, account=account(lot), actions=frame)
        held = seen(result)[0] / lot
        assert held == pytest.approx(np.floor(lots * ratio * (1 + 1e-12)), rel=1e-12)
        assert seen(result)[0] == round(held) * lot
        paid_out = result.fills.filter(pl.col("reason") == "cash_in_lieu")["quantity"].abs()
        assert (paid_out > 1e-6 * lot).all()  # no trace of rounding is paid out
        assert result.equity["exposure"][-1] == 0.0
        assert result.trades.height == 1


@pytest.mark.parametrize("lot", [0.1, 0.01, 0.3, 1 / 3])
def test_an_order_that_fills_in_parts_leaves_whole_lots(lot):
    market_data = bars(*flat(1.0, 14)).with_columns(volume=1000.5 * lot)
    steps = [market(0, 4567 * lot), close(7), observe(6, "quantity")]
    result = run(market_data, steps, account=account(lot), execution={"volume_share": 1.0})
    assert seen(result) == [4567 * lot]
    assert_flat(result)


@pytest.mark.parametrize("lot", [0.1, 0.01, 0.3, 1 / 3])
def test_children_shrink_by_whole_lots(lot):
    entry = market(0, 100054 * lot)
    steps = [
        entry,
        limit(0, -100053 * lot, 1.5, order=entry),
        limit(0, -100054 * lot, 2.0, order=entry),
        stop(0, -100054 * lot, 0.5, order=entry),
    ]
    result = run(bars(*flat(1.0, 2), (1, 1.6, 1, 1.6), (1.6, 2.1, 1.6, 2)), steps, account=account(lot))
    assert states(result)[1:] == [("filled", ""), ("filled", ""), ("cancelled", "its sibling filled")]
    assert_flat(result)


@pytest.mark.parametrize("lot", [0.1, 0.01, 0.3, 1 / 3])
def test_a_group_that_fills_in_parts_keeps_whole_lots(lot):
    market_data = bars(*flat(1.0, 8)).with_columns(volume=100053.2 * lot)
    steps = [market(0, 100054 * lot, oca=1), limit(0, 100054 * lot, 0.5, oca=1), close(3)]
    result = run(market_data, steps, account=account(lot), execution={"volume_share": 1.0})
    assert states(result)[1] == ("cancelled", "another order of its group filled")
    assert_flat(result)


def test_a_bracket_is_closed_by_its_stop_to_the_last_lot():
    entry = bracket(0, 162292.65, stop_loss=0.5)
    steps = [entry, market(1, -162292.64)]
    result = run(bars(*flat(1.0, 3), (1, 1, 0.4, 0.4), *flat(0.4, 2)), steps, account=account(0.01))
    assert result.fills["quantity"][-1] == pytest.approx(-0.01, rel=1e-8)
    assert_flat(result)


class TradesOnce(Strategy):
    """Buys at first, sells a part in the next run and then closes."""

    size: float = param(0.0, 1e9, default=33.5)
    step: int = state(0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - it looks at nothing else
        """Buy, or sell a part and close."""
        held = broker.get_position(0).quantity
        if held == 0.0 and data.session == 0:
            broker.submit_order(0, self.size)
        elif data.session == 4:
            broker.submit_order(0, -10.0)
        elif data.session == 6:
            broker.close_position(0)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_position_of_another_lot_is_closed_whole(compiled):
    # Bought in lots of 0.5; then the account goes on with lots of 1.
    engine = evaluator(bars(*flat(1.0, 10)), TradesOnce, account=account(0.5), params=("account.lot",))
    runner = Runner(engine._market, TradesOnce, engine._settings, params=("account.lot",), compiled=compiled)
    runner.take(np.array([0.5]))
    runner.go(SessionRange(0, 3))
    assert runner.tables.positions[0].quantity == 33.5
    runner.take(np.array([1.0]))
    runner.go(SessionRange(3, 6), carried=True)
    assert runner.tables.positions[0].quantity == 23.5
    runner.go(SessionRange(6, 10), carried=True)
    assert runner.tables.positions[0].quantity == 0.0
    assert runner.tables.counters[0].trades == 1


@given(st.sampled_from(LOTS), st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_a_sum_of_multiples_is_the_multiple(lot, one, other):
    assert in_lots(one * lot + other * lot, lot, abs(one * lot) + abs(other * lot)) == (one + other) * lot


def test_what_is_no_multiple_stays_as_it_is():
    assert in_lots(33.5, 1.0, 100.0) == 33.5
    assert in_lots(0.1 + 0.2, 0.0, 1.0) == 0.1 + 0.2
