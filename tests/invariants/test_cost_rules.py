"""What costs may do: what is charged for each order and each fill, and that more of it never makes anyone richer."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenarios.drawn import EXAMPLES, MARGIN, RICH, ends_session, everywhere, positions, scenarios, times
from scenarios.random_scripts import COSTS
from scenarios.scripted import BRACKET, CANCEL, CLOSE, SUBMIT, TARGET_QUANTITY

RATES = st.integers(0, 40).map(lambda number: number / 4096)
UNITS = frozenset({SUBMIT, BRACKET, CANCEL, CLOSE, TARGET_QUANTITY})  # sizes that do not depend on prices or equity
TOLERANCE = {"rel": 1e-12, "abs": 1e-9}


def charged(result):
    """Return for every order that filled: units, notional, commission and number of fills."""
    fills = result.fills.with_columns(value=pl.col("quantity").abs() * pl.col("price"))
    return fills.group_by("order_id").agg(
        pl.col("quantity").abs().sum(), pl.col("value").sum(), pl.col("commission").sum(), pl.len().alias("fills")
    )


@EXAMPLES
@given(everywhere(), RATES)
def test_a_percentage_is_charged_on_what_every_fill_is_worth(scenario, rate):
    fills = replace(scenario, costs={"commission": {"kind": "percentage", "rate": rate}}).play().fills
    worth = (fills["quantity"].abs() * fills["price"]).to_numpy()
    assert fills["commission"].to_numpy() == pytest.approx(rate * worth, **TOLERANCE)


@EXAMPLES
@given(everywhere(), RATES)
def test_an_amount_per_order_is_charged_once_for_every_order_that_fills(scenario, amount):
    orders = charged(replace(scenario, costs={"commission": {"kind": "per_order", "amount": amount}}).play())
    assert orders["commission"].to_numpy() == pytest.approx(amount, **TOLERANCE)


@EXAMPLES
@given(everywhere(), RATES, RATES)
def test_a_combined_commission_is_the_sum_of_its_parts(scenario, rate, amount):
    kind = {"kind": "combined", "rate": rate, "amount": amount}
    orders = charged(replace(scenario, costs={"commission": kind}).play())
    assert orders["commission"].to_numpy() == pytest.approx(rate * orders["value"].to_numpy() + amount, **TOLERANCE)


@EXAMPLES
@given(everywhere(), RATES, st.integers(0, 8).map(float))
def test_a_commission_per_share_is_at_least_its_minimum_for_every_order(scenario, rate, minimum):
    kind = {"kind": "per_share", "rate": rate, "minimum": minimum}
    orders = charged(replace(scenario, costs={"commission": kind}).play())
    due = np.maximum(rate * orders["quantity"].to_numpy(), minimum)
    assert orders["commission"].to_numpy() == pytest.approx(due, **TOLERANCE)


@EXAMPLES
@given(everywhere(), RATES, st.integers(1, 40).map(lambda number: number / 4096))
def test_a_commission_per_share_is_at_most_its_maximum_of_the_value(scenario, minimum, maximum):
    kind = {"kind": "per_share", "rate": 0.5, "minimum": 64 * minimum, "maximum": maximum}
    orders = charged(replace(scenario, costs={"commission": kind}).play())
    assert (orders["commission"].to_numpy() <= maximum * orders["value"].to_numpy() * (1.0 + 1e-12)).all()


@EXAMPLES
@given(scenarios(), st.integers(0, 3))
def test_slippage_is_never_in_favour(scenario, kind):
    costs = {"slippage": COSTS[(1, 2, 4, 5)[kind]]["slippage"], "stop_slippage": 0.001}
    result = replace(scenario, costs=costs).play()
    at = times(result)
    types = dict(result.orders.select("order_id", "order_type").iter_rows())
    for fill in result.fills.iter_rows(named=True):
        assert fill["slippage"] >= 0.0
        opened = scenario.groups[at.index(fill["timestamp"])][fill["asset"]][0]
        if types[fill["order_id"]] == "market":
            assert (fill["price"] - opened) * fill["quantity"] >= 0.0
            paid = abs(fill["price"] - opened) * abs(fill["quantity"])
            assert fill["slippage"] == pytest.approx(paid, **TOLERANCE)


@EXAMPLES
@given(scenarios(), RATES)
def test_a_slippage_in_percent_moves_market_orders_by_so_much_of_the_open(scenario, rate):
    result = replace(scenario, costs={"slippage": {"kind": "percentage", "rate": rate}}).play()
    at = times(result)
    types = dict(result.orders.select("order_id", "order_type").iter_rows())
    for fill in result.fills.iter_rows(named=True):
        if types[fill["order_id"]] == "market":
            opened = scenario.groups[at.index(fill["timestamp"])][fill["asset"]][0]
            assert fill["price"] == pytest.approx(opened * (1.0 + np.sign(fill["quantity"]) * rate), **TOLERANCE)


@EXAMPLES
@given(everywhere(account=MARGIN, costs={}), st.integers(0, 40), st.integers(0, 40))
def test_interest_and_borrow_fees_are_those_of_the_accounts_nights(scenario, interest, borrow):
    rates = {"margin_interest": interest / 128, "short_borrow": borrow / 128}
    result = replace(scenario, costs={"financing": rates}).play()
    held, closes = positions(scenario, result)
    at, cash = times(result), result.equity["cash"].to_numpy()
    due = 0.0
    for index in range(len(at) - 1):
        if ends_session(scenario, index):
            debt = max(-cash[index], 0.0) * rates["margin_interest"]
            short = np.where(held[index] < 0.0, -held[index] * closes[index], 0.0).sum() * rates["short_borrow"]
            due += (debt + short) * (at[index + 1].date() - at[index].date()).days / 365
    assert result.metrics["financing"] == pytest.approx(due, rel=1e-9, abs=1e-9)


def richer(scenario, cheap, dear):
    """Return the final equities of the same orders under two costs; none is rejected for lack of cash."""
    steps = [step for step in scenario.steps if step.verb in UNITS]
    results = [replace(scenario, steps=steps, account=RICH, costs=costs).play() for costs in (cheap, dear)]
    columns = ("order_id", "timestamp", "quantity")
    assert results[0].fills.select(columns).equals(results[1].fills.select(columns))
    return [result.metrics["final_equity"] for result in results]


def dearer(commission, times_higher):
    """Return the same commission with every charge higher; rebates and the starts of tiers stay."""
    if isinstance(commission, list):
        return [dearer(tier, times_higher) for tier in commission]
    raised = {
        name: value * times_higher for name, value in commission.items() if isinstance(value, float) and value > 0
    }
    tiers = {"tiers": dearer(commission["tiers"], times_higher)} if "tiers" in commission else {}
    return {**commission, **raised, **tiers, **({"above": commission["above"]} if "above" in commission else {})}


@EXAMPLES
@given(everywhere(), st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9]), st.integers(2, 5))
def test_higher_commissions_never_make_anyone_richer(scenario, kind, times_higher):
    cheap = COSTS[kind]["commission"]
    dear = dearer(cheap, times_higher)
    less, more = richer(scenario, {"commission": cheap}, {"commission": dear})
    assert more <= less + 1e-6


@EXAMPLES
@given(everywhere(), st.sampled_from([1, 2, 4, 5]), st.integers(2, 5))
def test_more_slippage_never_makes_anyone_richer(scenario, kind, times_higher):
    cheap = COSTS[kind]["slippage"]
    dear = {name: value if name in {"kind", "limit"} else times_higher * value for name, value in cheap.items()}
    costs = [{"slippage": slippage, "stop_slippage": extra} for slippage, extra in ((cheap, 0.001), (dear, 0.003))]
    less, more = richer(scenario, *costs)
    assert more <= less + 1e-6


@EXAMPLES
@given(everywhere(account=MARGIN))
def test_costs_that_are_zero_are_no_costs_to_the_last_bit(scenario):
    nothing = {
        "commission": {"kind": "combined", "rate": 0.0, "amount": 0.0},
        "slippage": {"kind": "percentage", "rate": 0.0},
        "financing": {"margin_interest": 0.0, "short_borrow": 0.0},
    }
    one, other = (replace(scenario, costs=costs).play() for costs in ({}, nothing))
    assert one.fills.equals(other.fills)
    assert one.equity.equals(other.equity)


@EXAMPLES
@given(everywhere(), RATES)
def test_an_assets_own_costs_are_charged_on_it_alone(scenario, rate):
    own = {"per_asset": {"A": {"commission": {"kind": "percentage", "rate": rate}}}}
    fills = replace(scenario, costs=own).play().fills
    worth = (fills["quantity"].abs() * fills["price"] * (fills["asset"] == "A").cast(float)).to_numpy()
    assert fills["commission"].to_numpy() == pytest.approx(rate * worth, **TOLERANCE)


@EXAMPLES
@given(everywhere(account=MARGIN, costs=COSTS[3]))
def test_equity_moves_by_what_positions_earned_and_costs_took(scenario):
    result = scenario.play()
    held, closes = positions(scenario, result)
    closes = np.nan_to_num(closes)
    at, equity = times(result), result.equity["equity"].to_numpy()
    before = np.zeros(held.shape[1])
    value, last = scenario.account["cash"], np.zeros(held.shape[1])
    for index, time in enumerate(at):
        value += (before * (closes[index] - last)).sum()
        for fill in result.fills.filter(pl.col("timestamp") == time).iter_rows(named=True):
            close = closes[index, scenario.assets.index(fill["asset"])]
            value += fill["quantity"] * (close - fill["price"]) - fill["commission"]
        financed = value - equity[index]
        assert financed >= -1e-7
        value, before, last = equity[index], held[index], closes[index]
