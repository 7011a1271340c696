"""What holds whatever a strategy asks for: identities of the ledger, and rules that no order may break."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenarios.drawn import CASH, CASH_WHOLE, EXAMPLES, WHOLE_LOTS, ends_session, everywhere, positions, scenarios
from scenarios.random_scripts import COSTS, random_groups
from scenarios.scripted import TARGET_VALUE

PERCENT = COSTS[1]


def flows_until(result):
    """Return, for every timestamp, the sum of the cash flows without a fill up to then."""
    moved = result.cash_flows.group_by("timestamp").agg(pl.col("amount").sum())
    both = result.equity.join(moved, on="timestamp", how="left", maintain_order="left")
    return both["amount"].fill_null(0.0).cum_sum().to_numpy()


def fills_until(result):
    """Return, for every timestamp, the sum of what its fills and those before it cost."""
    paid = result.fills.group_by("timestamp").agg(
        paid=(pl.col("quantity") * pl.col("price") + pl.col("commission")).sum()
    )
    both = result.equity.join(paid, on="timestamp", how="left", maintain_order="left")
    return both["paid"].fill_null(0.0).cum_sum().to_numpy()


@EXAMPLES
@given(everywhere())
def test_cash_is_what_the_fills_left_of_it(scenario):
    result = scenario.play()
    financed = scenario.account["cash"] - fills_until(result) - result.equity["cash"].to_numpy()
    assert financed == pytest.approx(-flows_until(result), abs=1e-7)
    if "funding" not in scenario.costs.get("financing", {}):
        assert (np.diff(financed) >= -1e-7).all()
    assert financed[-1] == pytest.approx(result.metrics["financing"], abs=1e-7)


@EXAMPLES
@given(everywhere())
def test_equity_is_cash_and_the_positions_at_their_last_prices(scenario):
    result = scenario.play()
    held, closes = positions(scenario, result)
    worth = result.equity["cash"].to_numpy() + np.where(held == 0.0, 0.0, held * closes).sum(axis=1)
    assert result.equity["equity"].to_numpy() == pytest.approx(worth, abs=1e-7)


@EXAMPLES
@given(everywhere())
def test_exposure_is_gross_value_over_equity(scenario):
    result = scenario.play()
    held, closes = positions(scenario, result)
    gross = np.where(held == 0.0, 0.0, np.abs(held) * closes).sum(axis=1)
    equity = result.equity["equity"].to_numpy()
    assert result.equity["exposure"].to_numpy() == pytest.approx(np.where(equity > 0, gross / equity, 0.0), abs=1e-9)


@EXAMPLES
@given(everywhere(volume_share=0.0))
def test_once_flat_the_trades_add_up_to_the_gain(scenario):
    ended = scenario.ended()
    result = ended.play()
    held, _ = positions(ended, result)
    assert (held[-1] == 0.0).all()
    gain = result.equity["equity"][-1] - scenario.account["cash"] + result.metrics["financing"]
    assert result.trades["pnl"].sum() == pytest.approx(gain, abs=1e-7)
    assert result.trades["commission"].sum() == pytest.approx(result.fills["commission"].sum(), abs=1e-7)
    assert result.trades["slippage"].sum() == pytest.approx(result.fills["slippage"].sum(), abs=1e-7)
    assert not result.orders["status"].is_in(["working", "held"]).any()


@EXAMPLES
@given(everywhere(volume_share=0.0))
def test_a_trade_gains_what_its_prices_say_less_its_commission(scenario):
    trades = scenario.ended().play().trades
    gained = trades["quantity"] * (trades["exit_price"] - trades["entry_price"]) - trades["commission"]
    assert trades["pnl"].to_numpy() == pytest.approx(gained.to_numpy(), abs=1e-7)


@EXAMPLES
@given(everywhere(volume_share=0.0))
def test_an_order_never_fills_more_than_it_asks_for(scenario):
    result = scenario.play()
    filled = result.fills.group_by("order_id").agg(pl.col("quantity").sum().alias("filled"))
    both = result.orders.join(filled, on="order_id", how="inner")
    assert both.height == filled.height  # no fill without an order
    assert (both["filled"] * both["quantity"] > 0).all()
    assert (both["filled"].abs() <= both["quantity"].abs() * (1 + 1e-12)).all()
    whole = both["filled"].abs() >= both["quantity"].abs() * (1 - 1e-12)
    assert ((both["status"] == "filled") == whole).all()
    assert (result.orders["status"] == "filled").sum() == whole.sum()


@EXAMPLES
@given(scenarios())
def test_an_order_ends_once_and_after_it_began(scenario):
    orders = scenario.play().orders
    assert orders["order_id"].n_unique() == orders.height
    over = orders["status"].is_in(["filled", "cancelled", "rejected", "expired"])
    assert (over | orders["status"].is_in(["working", "held"])).all()
    assert (orders["closed"].is_not_null() == over).all()
    assert orders.filter(pl.col("closed") < pl.col("submitted")).is_empty()
    assert orders.filter((pl.col("status") == "filled") & (pl.col("closed") <= pl.col("submitted"))).is_empty()
    unexplained = orders.filter(pl.col("status").is_in(["cancelled", "rejected"]) & (pl.col("reject_reason") == ""))
    assert unexplained.is_empty()


@EXAMPLES
@given(everywhere())
def test_a_child_never_fills_before_its_parent(scenario):
    result = scenario.play()
    place = {order: index for index, order in enumerate(result.fills["order_id"])}
    for order, parent in result.orders.select("order_id", "parent_id").drop_nulls().iter_rows():
        if order in place:
            assert place[parent] < place[order]


@EXAMPLES
@given(everywhere())
def test_metrics_count_what_the_records_show(scenario):
    result = scenario.play()
    assert result.metrics["trades"] == result.trades.height
    assert result.metrics["rejected_orders"] == (result.orders["status"] == "rejected").sum()
    assert result.metrics["commission"] == pytest.approx(result.fills["commission"].sum())
    assert result.metrics["slippage"] == pytest.approx(result.fills["slippage"].sum())
    assert result.metrics["final_equity"] == result.equity["equity"][-1]


@EXAMPLES
@given(scenarios(costs={}))
def test_without_slippage_every_fill_is_inside_its_bar_and_never_better_than_the_open_or_its_level(scenario):
    result = scenario.play()
    groups = dict(zip(result.equity["timestamp"], scenario.groups, strict=True))
    types = dict(result.orders.select("order_id", "order_type").iter_rows())
    for order, time, asset, price in result.fills.select("order_id", "timestamp", "asset", "price").iter_rows():
        opened, high, low, _ = groups[time][asset]
        assert low <= price <= high
        assert types[order] != "market" or price == opened


@EXAMPLES
@given(st.one_of(everywhere(account=CASH, costs=PERCENT), everywhere(account=CASH_WHOLE, costs=PERCENT)))
def test_a_cash_account_never_owes_cash_or_units(scenario):
    result = scenario.play()
    held, _ = positions(scenario, result)
    assert (held >= 0.0).all()
    assert (result.equity["cash"] > -1e-8).all()


@EXAMPLES
@given(everywhere(account=WHOLE_LOTS))
def test_orders_and_positions_are_whole_lots(scenario):
    result = scenario.play()
    assert (result.fills["quantity"] % WHOLE_LOTS["lot"] == 0.0).all()


def assert_same_past(one, other, now):
    """Insist that two results show the same up to a timestamp."""
    for name, when in (
        ("equity", "timestamp"),
        ("fills", "timestamp"),
        ("trades", "exit_timestamp"),
        ("orders", "closed"),
    ):
        mine, theirs = (getattr(result, name).filter(pl.col(when) <= now) for result in (one, other))
        assert mine.equals(theirs), name
    asked = [result.orders.filter(pl.col("submitted") <= now)["order_id"].to_list() for result in (one, other)]
    assert asked[0] == asked[1]


@EXAMPLES
@given(everywhere(), st.floats(0.0, 1.0), st.integers(0, 2**31))
def test_other_bars_later_change_nothing_earlier(scenario, part, seed):
    now = int(part * (len(scenario.groups) - 1))
    later = random_groups(np.random.default_rng(seed), len(scenario.groups), scenario.assets)
    other = replace(scenario, groups=scenario.groups[: now + 1] + later[: len(scenario.groups) - now])
    one = scenario.play()
    assert_same_past(one, other.play(), one.equity["timestamp"][now])


@EXAMPLES
@given(everywhere(), st.floats(0.0, 1.0))
def test_fewer_bars_later_change_nothing_earlier(scenario, part):
    now = int(part * (len(scenario.groups) - 1))
    now = next(index for index in range(now, len(scenario.groups)) if ends_session(scenario, index))  # a known calendar
    one = scenario.play()
    assert_same_past(one, replace(scenario, groups=scenario.groups[: now + 1]).play(), one.equity["timestamp"][now])


@EXAMPLES
@given(everywhere(costs=PERCENT), st.integers(-3, 6))
def test_a_currency_worth_a_power_of_two_leaves_returns_equal_to_the_last_bit(scenario, power):
    scale = 2.0**power
    money = ("limit", "stop", "stop_loss", "take_profit", "amount")
    steps = [replace(step, **{name: getattr(step, name) * scale for name in money}) for step in scenario.steps]
    for step in steps:
        if step.verb == TARGET_VALUE:
            step.quantity *= scale
    groups = [{name: tuple(scale * price for price in bar) for name, bar in group.items()} for group in scenario.groups]
    amounts = {name: scenario.account.get(name, 0.0) * scale for name in ("cash", "tick", "minimum_order")}
    account = {**scenario.account, **amounts}
    one, other = scenario.play(), replace(scenario, groups=groups, steps=steps, account=account).play()
    assert one.returns.tobytes() == other.returns.tobytes()
    assert one.fills["quantity"].equals(other.fills["quantity"])
    assert (one.equity["equity"] * scale).equals(other.equity["equity"])
    for name in ("sharpe", "max_drawdown", "turnover", "exposure", "win_rate", "profit_factor"):
        assert one.metrics[name] == other.metrics[name]


@EXAMPLES
@given(everywhere())
def test_a_strategy_that_asks_for_nothing_stays_exactly_flat(scenario):
    result = replace(scenario, steps=[]).play()
    assert (result.equity["equity"] == scenario.account["cash"]).all()
    assert (result.returns == 0.0).all()
    assert result.metrics["total_return"] == 0.0
    assert result.metrics["trades"] == 0.0
