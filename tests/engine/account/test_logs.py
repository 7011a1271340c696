"""Every field of the records of a run, worked out by hand."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from oracle.account import with_actions
from oracle.currencies import in_currencies
from oracle.judge import noted
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario
from scenarios.scripted import (
    FIRST_DAY,
    bars,
    bracket,
    close,
    compose,
    flat,
    limit,
    market,
    run,
    stop,
    stop_limit,
    trailing,
)

from backsweep.engine.codes import MARKET_ON_CLOSE
from backsweep.metrics.summary import METRICS
from backsweep.trial.contract import Chunk

DAYS = [FIRST_DAY + timedelta(days=day) for day in range(8)]
CHARGED = {"commission": {"kind": "per_order", "amount": 2.0}, "slippage": {"kind": "fixed", "amount": 0.5}}


def test_an_order_of_each_type_is_recorded_with_what_was_asked_for_and_how_it_ended():
    prices = [(100, 100, 100, 100), (100, 104, 96, 102), (102, 102, 102, 102)]
    steps = [
        market(0, 1),
        limit(0, 2, 90.0),
        stop(0, 3, 110.0),
        stop_limit(0, 4, 120.0, 121.0),
        trailing(0, -5, amount=50.0),
        market(1, 6, type=MARKET_ON_CLOSE),
        bracket(1, 7, stop_loss=80.0),
        limit(2, 8, -1.0),
    ]
    orders = run(bars(*prices), steps).orders
    assert orders.drop("submitted", "closed").rows() == [
        (1, None, "A", "market", 1.0, "filled", "", None, None, 100.0),
        (2, None, "A", "limit", 2.0, "working", "", 90.0, None, 100.0),
        (3, None, "A", "stop", 3.0, "working", "", None, 110.0, 100.0),
        (4, None, "A", "stop_limit", 4.0, "working", "", 121.0, 120.0, 100.0),
        (5, None, "A", "trailing_stop", -5.0, "working", "", None, None, 100.0),
        (6, None, "A", "market_on_close", 6.0, "filled", "", None, None, 102.0),
        (7, None, "A", "market", 7.0, "filled", "", None, None, 102.0),
        (8, 7, "A", "stop", -7.0, "working", "", None, 80.0, 102.0),
        (9, None, "A", "limit", 8.0, "rejected", "price is missing or not positive", -1.0, None, 102.0),
    ]
    assert orders["submitted"].to_list() == [DAYS[0]] * 5 + [DAYS[1]] * 3 + [DAYS[2]]
    assert orders["closed"].to_list() == [DAYS[1], *[None] * 4, DAYS[2], DAYS[2], None, DAYS[2]]


def test_fills_and_trades_have_prices_costs_and_extremes():
    """Bought at 100.5 and 104.5, two each, sold at 109.5: 4 x 109.5 - 2 x 100.5 - 2 x 104.5 - 3 x 2 is 22."""
    prices = [(100, 100, 100, 100), (100, 106, 97, 104), (104, 112, 103, 110), (110, 110, 110, 110)]
    result = run(bars(*prices), [market(0, 2), market(1, 2), close(2)], costs=CHARGED)
    assert result.fills.rows() == [
        (1, DAYS[1], "A", 2.0, 100.5, 2.0, 1.0, "signal"),
        (2, DAYS[2], "A", 2.0, 104.5, 2.0, 1.0, "signal"),
        (3, DAYS[3], "A", -4.0, 109.5, 2.0, 2.0, "signal"),
    ]
    (trade,) = result.trades.iter_rows(named=True)
    best, worst = trade.pop("max_favourable"), trade.pop("max_adverse")
    assert trade == {
        "asset": "A",
        "quantity": 4.0,
        "entry_timestamp": DAYS[1],
        "entry_price": 102.5,
        "exit_timestamp": DAYS[3],
        "exit_price": 109.5,
        "pnl": 22.0,
        "commission": 6.0,
        "slippage": 4.0,
        "bars_held": 2,
        "exit_reason": "signal",
    }
    assert (best, worst) == (112 / 102.5 - 1.0, 1.0 - 97 / 102.5)
    assert result.equity["cash"].to_list() == [10_000.0, 9_797.0, 9_586.0, 10_022.0]
    assert result.equity["equity"].to_list() == [10_000.0, 10_005.0, 10_026.0, 10_022.0]


def test_a_short_trade_has_its_extremes_the_other_way_round():
    prices = [(100, 100, 100, 100), (100, 125, 75, 100), (100, 100, 100, 100)]
    result = run(bars(*prices), [market(0, -2), close(1)])
    assert result.trades.select("quantity", "max_favourable", "max_adverse").rows() == [(-2.0, 0.25, 0.25)]


def test_a_trade_whose_entry_was_at_zero_has_no_extremes():
    """They are fractions of the entry price, of which slippage leaves nothing: bought at 16, sold at 0."""
    steps = [market(0, 1), close(1), market(2, -1), close(3)]
    result = run(bars(*flat(8.0, 5)), steps, costs={"slippage": {"kind": "fixed", "amount": 8.0}})
    names = ("quantity", "entry_price", "exit_price", "max_favourable", "max_adverse")
    assert result.trades.select(names).rows() == [(1.0, 16.0, 0.0, 0.0, 1.0), (-1.0, 0.0, 16.0, None, None)]


def test_cash_that_comes_and_goes_without_a_fill_is_recorded_for_its_position():
    """Ten units sold short at 100, two nights at 36.5 %: 2 / 365 x 36.5 % of 1,000 is 2."""
    costs = {"financing": {"short_borrow": 0.365, "short_credit": 0.1825}}
    result = run(bars(*flat(100.0, 4)), [market(0, -10), close(2)], costs=costs)
    nights = result.cash_flows
    assert nights.select("kind", "asset", "quantity").unique(maintain_order=True).rows() == [
        ("borrow_fee", "A", -10.0),
        ("short_credit", "A", -10.0),
    ]
    paid = nights.group_by("timestamp", "kind", maintain_order=True).agg(pl.col("amount").sum().round(9))
    assert paid.rows() == [
        (DAYS[2], "borrow_fee", -1.0),
        (DAYS[2], "short_credit", 0.5),
        (DAYS[3], "borrow_fee", -1.0),
        (DAYS[3], "short_credit", 0.5),
    ]


INDEBTED = {"cash": 500.0, "kind": "margin", "leverage": 16.0, "lot": 0.0}


@pytest.mark.usefixtures("interpreted")
def test_a_run_without_records_is_the_same_run():
    """Nothing is written to logs that have no room: a full one fails the run."""
    financing = {"margin_interest": 0.08, "short_borrow": 0.5, "short_credit": 0.25}
    for seed in range(12):
        costs = {"financing": financing, **COSTS[seed % len(COSTS)]}
        drawn = random_scenario(
            seed, account=(INDEBTED, *ACCOUNTS)[seed % 5], costs=costs, assets=1 + seed % 3, length=20
        )
        drawn = with_actions(drawn, seed) if seed % 2 else drawn
        scenario = in_currencies(drawn, seed) if seed % 3 == 2 else drawn
        table = compose(scenario.steps)
        values = np.array([[float(table.ctypes.data), float(len(table))]])
        engine = scenario.engine()
        with noted(f"seed {seed}"):
            outcome = engine.evaluate(Chunk(0, np.arange(1), values))
            assert not outcome.errors
            found = engine.replay(values[0], compiled=False).metrics
            recorded = np.array([np.nan if found[name] is None else found[name] for name in METRICS])
            assert outcome.metrics[0].tobytes() == recorded.tobytes()
