"""What must make no difference: names, neighbours, units, the calendar, repetition, and what was refused."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scenarios.drawn import EXAMPLES, MARGIN, RICH, everywhere, plain, scenarios
from scenarios.random_scripts import COSTS, random_groups
from scenarios.scripted import SUBMIT, TARGET_PERCENT, TARGET_VALUE, Script, assert_same_bits, compose, evaluator

from backsweep.metrics.summary import METRICS
from backsweep.trial.contract import Chunk
from backsweep.trial.runner import Runner
from backsweep.trial.session_range import SessionRange

PERCENT = COSTS[1]
MONEY = ("limit", "stop", "stop_loss", "take_profit", "amount")


def play(scenario, market=None):
    """Play a scenario, on another market if one is given."""
    table = compose(scenario.steps)
    values = np.array([float(table.ctypes.data), float(len(table))])
    return engine_of(scenario, market).replay(values)


def engine_of(scenario, market=None):
    return evaluator(
        scenario.market if market is None else market,
        account=scenario.account,
        costs=scenario.costs,
        execution={
            "profile": scenario.profile,
            "limit_fill": scenario.limit_fill,
            "volume_share": scenario.volume_share,
        },
    )


def without_names(result):
    """Return the frames of a result without the names of assets."""
    return [getattr(result, name).drop("asset", strict=False) for name in ("fills", "trades", "equity", "orders")]


@EXAMPLES
@given(everywhere())
def test_other_names_in_the_same_order_change_no_bit(scenario):
    names = {name: f"Z{name}Z" for name in scenario.assets}
    one, other = play(scenario), play(scenario, scenario.market.with_columns(pl.col("asset").replace(names)))
    assert all(mine.equals(theirs) for mine, theirs in zip(without_names(one), without_names(other), strict=True))
    assert one.metrics == other.metrics
    assert one.returns.tobytes() == other.returns.tobytes()


@EXAMPLES
@given(everywhere(account=MARGIN, costs=PERCENT))
def test_the_order_of_the_assets_makes_no_difference(scenario):
    names = dict(zip(scenario.assets, reversed(scenario.assets), strict=True))
    turned = replace(
        scenario, steps=[replace(step, asset=len(names) - 1 - step.asset) for step in compose_ids(scenario)]
    )
    one = play(scenario)
    other = play(turned, scenario.market.with_columns(pl.col("asset").replace(names)))
    assert one.fills["order_id"].equals(other.fills["order_id"])
    assert one.fills["asset"].replace(names).equals(other.fills["asset"])
    for name in ("quantity", "price", "commission"):
        assert one.fills[name].to_numpy() == pytest.approx(other.fills[name].to_numpy(), rel=1e-9)
    assert one.orders["status"].equals(other.orders["status"])
    assert one.equity["equity"].to_numpy() == pytest.approx(other.equity["equity"].to_numpy(), rel=1e-9)


def compose_ids(scenario):
    """Return the steps with the ids of orders in place of the steps that submitted them."""
    return [replace(step, order=getattr(step.order, "id", step.order)) for step in scenario.steps]


@EXAMPLES
@given(everywhere(), st.integers(0, 2**31))
def test_an_asset_that_nobody_trades_changes_no_bit(scenario, seed):
    groups = random_groups(np.random.default_rng(seed), len(scenario.groups), ("Z",))
    beside = [{**group, **more} for group, more in zip(scenario.groups, [*groups, *groups], strict=False)]
    one, other = scenario.play(), replace(scenario, groups=beside, assets=(*scenario.assets, "Z")).play()
    assert_same_bits(one, other)


@EXAMPLES
@given(everywhere(), st.integers(1, 5000))
def test_the_calendar_does_not_matter_but_for_its_stamps(scenario, days):
    assume("monthly" not in str(scenario.costs))  # tiers by a calendar month's volume
    later = scenario.market.with_columns(pl.col("timestamp").dt.offset_by(f"{days}d"))
    one, other = play(scenario), play(scenario, later)
    assert one.returns.tobytes() == other.returns.tobytes()
    for name in ("fills", "trades", "equity", "orders"):
        mine, theirs = getattr(one, name), getattr(other, name)
        stamps = [column for column, kind in mine.schema.items() if kind.is_temporal()]
        assert mine.with_columns(pl.col(stamps).dt.offset_by(f"{days}d")).equals(theirs)


@EXAMPLES
@given(everywhere(), everywhere())
def test_a_run_leaves_nothing_behind_for_the_next(scenario, another):
    engine = engine_of(scenario)
    tables = [compose(script) for script in (scenario.steps, another.steps, scenario.steps)]
    values = np.array([[float(table.ctypes.data), float(len(table))] for table in tables])
    outcome = engine.evaluate(Chunk(0, np.arange(3), values))
    assert outcome.metrics[0].tobytes() == outcome.metrics[2].tobytes()
    assert outcome.returns[0].tobytes() == outcome.returns[2].tobytes()


@EXAMPLES
@given(everywhere())
def test_recording_changes_no_metric(scenario):
    engine, table = engine_of(scenario), compose(scenario.steps)
    values = np.array([[float(table.ctypes.data), float(len(table))]])
    bare, recorded = engine.evaluate(Chunk(0, np.arange(1), values)), engine.replay(values[0])
    metrics = [np.nan if recorded.metrics[name] is None else recorded.metrics[name] for name in METRICS]
    assert np.array(metrics).tobytes() == bare.metrics[0].tobytes()
    assert recorded.returns.astype(np.float32).tobytes() == bare.returns[0].tobytes()


@EXAMPLES
@given(scenarios(), st.integers(0, 30))
def test_a_run_in_two_parts_is_the_run_in_one(scenario, cut):
    assume(len(scenario.groups) > 1)
    engine, table = engine_of(scenario), compose(scenario.steps)
    values = np.array([float(table.ctypes.data), float(len(table))])
    one, other = (
        Runner(engine._market, Script, engine._settings, params=("steps", "count"), log_capacity=4096) for _ in range(2)
    )
    sessions = len(scenario.groups)
    cut = 1 + cut % (sessions - 1)
    one.run(values)
    other.take(values)
    other.go(SessionRange(0, cut))
    other.go(SessionRange(cut, sessions), carried=True)
    whole, parts = one.tables, other.tables
    assert whole.cursor["fills_logged"] == parts.cursor["fills_logged"]
    for name in ("fill_log", "trade_log", "equity_log", "positions", "sessions"):
        assert getattr(whole, name).tobytes() == getattr(parts, name).tobytes(), name


@EXAMPLES
@given(everywhere(costs=PERCENT, volume_share=0.0), st.integers(-3, 6))
def test_twice_the_capital_and_twice_the_units_give_the_same_returns(scenario, power):
    scale = 2.0**power
    steps = [
        replace(step, quantity=step.quantity * scale) if step.verb != TARGET_PERCENT else step
        for step in scenario.steps
    ]
    amounts = {name: scenario.account.get(name, 0.0) * scale for name in ("cash", "lot", "minimum_order")}
    one, other = scenario.play(), replace(scenario, steps=steps, account={**scenario.account, **amounts}).play()
    assert one.returns.tobytes() == other.returns.tobytes()
    assert (one.fills["quantity"] * scale).equals(other.fills["quantity"])


@EXAMPLES
@given(everywhere(costs=PERCENT, volume_share=0.0), st.integers(-3, 6))
def test_shares_cut_into_a_power_of_two_give_the_same_equity_to_the_last_bit(scenario, power):
    scale = 2.0**power
    steps = [
        replace(
            step,
            **{name: getattr(step, name) / scale for name in MONEY},
            quantity=step.quantity * (1.0 if step.verb in {TARGET_VALUE, TARGET_PERCENT} else scale),
        )
        for step in scenario.steps
    ]
    groups = [{name: tuple(price / scale for price in bar) for name, bar in group.items()} for group in scenario.groups]
    account = {
        **scenario.account,
        "lot": scenario.account["lot"] * scale,
        "tick": scenario.account.get("tick", 0.0) / scale,
    }
    one, other = scenario.play(), replace(scenario, groups=groups, steps=steps, account=account).play()
    assert one.equity.equals(other.equity)


@EXAMPLES
@given(plain())
def test_an_order_that_was_refused_at_once_might_as_well_not_have_been_asked_for(scenario):
    one = scenario.play()
    refused = one.orders.filter((pl.col("status") == "rejected") & (pl.col("submitted") == pl.col("closed")))
    gone = set(refused["order_id"])
    steps = [
        replace(step, quantity=0.0) if step.verb == SUBMIT and step.id in gone else replace(step)
        for step in scenario.steps
    ]
    other = replace(scenario, steps=steps).play()
    assert one.fills.equals(other.fills)
    assert one.equity.equals(other.equity)


@EXAMPLES
@given(plain(costs=PERCENT, account=RICH))
def test_on_a_rich_account_the_orders_of_one_asset_do_not_touch_another(scenario):
    alone = [replace(step, oca=0, order=0) for step in scenario.steps if step.verb == SUBMIT]
    both = replace(scenario, steps=alone).play()
    for index, name in enumerate(scenario.assets):
        own = replace(scenario, steps=[replace(step) for step in alone if step.asset == index]).play()
        columns = ("timestamp", "quantity", "price", "commission", "reason")
        assert both.fills.filter(pl.col("asset") == name).select(columns).equals(own.fills.select(columns))
