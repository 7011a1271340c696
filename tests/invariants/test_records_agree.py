"""The records tell one story: trades follow from fills, metrics from equity, and a strategy sees what they show."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scenarios.drawn import CASH, EXAMPLES, MARGIN, ends_session, everywhere, positions, scenarios, times
from scenarios.scripted import observe, seen

from backsweep.engine.codes import MARKET_ON_CLOSE

TOLERANCE = {"rel": 1e-9, "abs": 1e-9}


def round_trips(fills):
    """Build trades from fills: (asset, entry time, exit time, units, sum paid on entry, sum got on exit)."""
    trades, held, entered = [], {}, {}
    for fill in fills.iter_rows(named=True):
        asset, quantity, price = fill["asset"], fill["quantity"], fill["price"]
        before = held.get(asset, 0.0)
        closing = min(abs(before), abs(quantity)) if before * quantity < 0.0 else 0.0
        if closing:
            entered[asset][3] += closing * price
            if closing == abs(before):
                start, units, paid, got = entered.pop(asset)
                trades.append((asset, start, fill["timestamp"], np.copysign(units, before), paid, got))
        opening = abs(quantity) - closing
        if opening > 0.0:
            entry = entered.setdefault(asset, [fill["timestamp"], 0.0, 0.0, 0.0])
            entry[1] += opening
            entry[2] += opening * price
        held[asset] = before + quantity
    return trades


def at_session_ends(scenario, values):
    """Return the values at the last timestamp of every session."""
    return [value for index, value in enumerate(values) if ends_session(scenario, index)]


@EXAMPLES
@given(everywhere())
def test_trades_are_the_round_trips_of_the_fills(scenario):
    result = scenario.ended().play()
    trades = round_trips(result.fills)
    columns = ("asset", "entry_timestamp", "exit_timestamp")
    assert result.trades.select(columns).rows() == [trade[:3] for trade in trades]
    for name, values in (
        ("quantity", [units for *_, units, _, _ in trades]),
        ("entry_price", [paid / abs(units) for *_, units, paid, _ in trades]),
        ("exit_price", [got / abs(units) for *_, units, _, got in trades]),
    ):
        assert result.trades[name].to_numpy() == pytest.approx(np.array(values), **TOLERANCE)


@EXAMPLES
@given(scenarios())
def test_a_trade_that_ends_before_a_close_counts_the_closes_before_it(scenario):
    steps = [step for step in scenario.steps if step.type != MARKET_ON_CLOSE]
    result = replace(scenario, steps=steps).play()
    at = times(result)
    for trade in result.trades.iter_rows(named=True):
        first, last = at.index(trade["entry_timestamp"]), at.index(trade["exit_timestamp"])
        assert trade["bars_held"] == sum(trade["asset"] in group for group in scenario.groups[first:last])


@EXAMPLES
@given(everywhere())
def test_a_trade_was_never_better_or_worse_than_its_extremes(scenario):
    trades = scenario.play().trades
    gain = (trades["exit_price"] / trades["entry_price"] - 1.0) * trades["quantity"].sign()
    assert (trades["max_favourable"] >= 0.0).all()
    assert (trades["max_adverse"] >= 0.0).all()
    assert (gain <= trades["max_favourable"] + 1e-12).all()
    assert (-gain <= trades["max_adverse"] + 1e-12).all()


@EXAMPLES
@given(everywhere())
def test_returns_multiply_to_the_total_return(scenario):
    result = scenario.play()
    assume((result.equity["equity"] > 0.0).all())
    total = result.equity["equity"][-1] / scenario.account["cash"] - 1.0
    assert np.prod(1.0 + result.returns) - 1.0 == pytest.approx(total, **TOLERANCE)
    assert result.metrics["total_return"] == pytest.approx(total, **TOLERANCE)


@EXAMPLES
@given(everywhere())
def test_the_drawdown_is_what_equity_has_lost_from_its_peak(scenario):
    result = scenario.play()
    equity = result.equity["equity"].to_numpy()
    peaks = np.maximum(np.maximum.accumulate(equity), scenario.account["cash"])
    assert result.equity["drawdown"].to_numpy() == pytest.approx(1.0 - equity / peaks, **TOLERANCE)
    assume((equity > 0.0).all())
    ends = np.array([scenario.account["cash"], *at_session_ends(scenario, equity)])
    lost = 1.0 - ends / np.maximum.accumulate(ends)
    assert result.metrics["max_drawdown"] == pytest.approx(lost.max(), **TOLERANCE)


@EXAMPLES
@given(everywhere())
def test_the_metrics_of_trades_follow_from_the_trades(scenario):
    result = scenario.play()
    pnl = result.trades["pnl"]
    assume(pnl.len() > 0)
    wins, losses = pnl.filter(pnl > 0.0), pnl.filter(pnl <= 0.0)
    assert result.metrics["win_rate"] == pytest.approx(wins.len() / pnl.len(), **TOLERANCE)
    assert result.metrics["expectancy"] == pytest.approx(pnl.mean(), **TOLERANCE)
    if losses.sum() < 0.0:
        assert result.metrics["profit_factor"] == pytest.approx(wins.sum() / -losses.sum(), **TOLERANCE)


@EXAMPLES
@given(everywhere())
def test_the_exposure_of_a_run_is_the_mean_of_its_sessions(scenario):
    result = scenario.play()
    ends = at_session_ends(scenario, result.equity["exposure"])
    assert result.metrics["exposure"] == pytest.approx(np.mean(ends), **TOLERANCE)
    assert (result.equity["exposure"] >= 0.0).all()


@EXAMPLES
@given(everywhere(account=CASH))
def test_a_cash_account_is_never_exposed_beyond_its_equity(scenario):
    assert (scenario.play().equity["exposure"] <= 1.0 + 1e-9).all()


FRACTIONAL = scenarios(account=MARGIN)  # a strategy notes what it sees in the size of an order: no lot may round it


def watched(scenario, what, at, **fields):
    """Return what a strategy sees at one timestamp, and the result."""
    steps = [*scenario.steps, observe(at, what, **fields)]
    result = replace(scenario, steps=steps).play()
    return seen(result)[-1], result


MOMENT = st.floats(0.0, 1.0)


@EXAMPLES
@given(FRACTIONAL, MOMENT)
def test_a_strategy_sees_the_cash_and_the_equity_of_the_records(scenario, part):
    at = int(part * (len(scenario.groups) - 1))
    for what in ("cash", "equity"):
        value, result = watched(scenario, what, at)
        assert value == result.equity[what][at]


@EXAMPLES
@given(FRACTIONAL, MOMENT)
def test_a_strategy_sees_the_position_that_its_fills_add_up_to(scenario, part):
    at = int(part * (len(scenario.groups) - 1))
    for asset in range(len(scenario.assets)):
        value, result = watched(scenario, "quantity", at, asset=asset)
        held, closes = positions(scenario, result)
        assert value == pytest.approx(held[at, asset], **TOLERANCE)
        worth, _ = watched(scenario, "market_value", at, asset=asset)
        assert worth == pytest.approx(held[at, asset] * np.nan_to_num(closes[at, asset]), **TOLERANCE)


@EXAMPLES
@given(FRACTIONAL, MOMENT)
def test_the_gain_that_a_strategy_sees_is_against_the_cost_of_what_is_open(scenario, part):
    at = int(part * (len(scenario.groups) - 1))
    names = ("unrealized_pnl", "market_value", "quantity", "entry_price")
    gain, value, quantity, entry = (watched(scenario, name, at)[0] for name in names)
    assert gain == pytest.approx(value - quantity * entry, **TOLERANCE)


@EXAMPLES
@given(FRACTIONAL, MOMENT, st.integers(1, 40))
def test_a_strategy_reads_of_an_order_what_its_fills_say(scenario, part, order):
    at = int(part * (len(scenario.groups) - 1))
    filled, result = watched(scenario, "filled_quantity", at, order=order)
    now = times(result)[at]
    found = result.fills.filter((pl.col("order_id") == order) & (pl.col("timestamp") <= now))
    assert filled == found["quantity"].sum()
    assert filled == 0.0 or result.orders.filter(pl.col("order_id") == order)["submitted"][0] < now
