"""Rules that no order may break, whatever else goes on: when it fills, at which price, and how it ends."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from scenarios.drawn import (
    EXAMPLES,
    PLAIN,
    RICH,
    WHOLE_LOTS,
    asked,
    ends_session,
    everywhere,
    fills_of,
    last_closes,
    next_traded,
    plain,
    positions,
    scenarios,
    session_of,
    times,
    traded,
)
from scenarios.random_scripts import random_scenario
from scenarios.scripted import BRACKET, SUBMIT, UPDATE, limit, stop

from backsweep.engine.codes import (
    DAY,
    FOK,
    GTD,
    IOC,
    LIMIT,
    MARKET,
    MARKET_ON_CLOSE,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
)

OVER = ("filled", "cancelled", "rejected", "expired")


def of_type(scenario, result, kind):
    """Return step, row and fills of every order of a type that filled and has no parent."""
    for step, row in asked(scenario, result):
        found = fills_of(result, row["order_id"])
        if step.type == kind and found:
            yield step, row, found


@EXAMPLES
@given(everywhere())
def test_ids_count_in_the_order_of_submission(scenario):
    orders = scenario.play().orders
    assert orders["order_id"].to_list() == list(range(1, orders.height + 1))
    assert orders["submitted"].is_sorted()


@EXAMPLES
@given(scenarios())
def test_no_fill_without_an_order_that_is_alive(scenario):
    result = scenario.play()
    both = result.fills.join(result.orders, on="order_id", how="left")
    assert both["submitted"].is_not_null().all()
    assert (both["timestamp"] > both["submitted"]).all()
    assert (both["closed"].is_null() | (both["timestamp"] <= both["closed"])).all()


@EXAMPLES
@given(everywhere())
def test_fills_come_in_the_order_of_time_and_at_bars_of_their_assets(scenario):
    result = scenario.play()
    at = times(result)
    assert result.fills["timestamp"].is_sorted()
    for asset, time in result.fills.select("asset", "timestamp").iter_rows():
        assert asset in scenario.groups[at.index(time)]


@EXAMPLES
@given(everywhere())
def test_no_order_fills_at_a_bar_that_did_not_trade(scenario):
    result = scenario.play()
    at = times(result)
    bars = {asset: set(traded(scenario, asset)) for asset in scenario.assets}
    for asset, time in result.fills.select("asset", "timestamp").iter_rows():
        assert at.index(time) in bars[asset]


@EXAMPLES
@given(everywhere(volume_share=0.0))
def test_a_rejected_order_never_filled_and_says_why(scenario):
    result = scenario.play()
    rejected = result.orders.filter(pl.col("status") == "rejected")
    assert (rejected["reject_reason"] != "").all()
    assert not result.fills["order_id"].is_in(rejected["order_id"].implode()).any()


@EXAMPLES
@given(plain(costs={}))
def test_a_market_order_fills_at_the_open_of_the_next_bar_that_trades(scenario):
    result = scenario.play()
    at = times(result)
    for step, row, (fill, *_) in of_type(scenario, result, MARKET):
        index = next_traded(scenario, row["asset"], step.at)
        assert fill["timestamp"] == at[index]
        assert fill["price"] == scenario.groups[index][row["asset"]][0]


@EXAMPLES
@given(plain(costs={}))
def test_an_order_for_the_close_fills_at_the_last_close_of_a_session(scenario):
    result = scenario.play()
    at = times(result)
    for _, row, (fill, *_) in of_type(scenario, result, MARKET_ON_CLOSE):
        index = at.index(fill["timestamp"])
        assert ends_session(scenario, index)
        assert fill["price"] == scenario.groups[index][row["asset"]][3]


@EXAMPLES
@given(plain())
def test_a_limit_order_fills_at_its_limit_or_at_a_better_open(scenario):
    result = scenario.play()
    at = times(result)
    tick = scenario.account.get("tick", 0.0)
    for step, row, found in of_type(scenario, result, LIMIT):
        for fill in found:
            opened = scenario.groups[at.index(fill["timestamp"])][row["asset"]][0]
            level = step.limit if tick == 0.0 else _rounded(step.limit, tick, up=step.quantity < 0.0)
            assert fill["price"] == (min(opened, level) if step.quantity > 0.0 else max(opened, level))
            assert fill["slippage"] == 0.0


@EXAMPLES
@given(plain())
def test_a_stop_order_never_fills_better_than_its_stop(scenario):
    result = scenario.play()
    for step, _, found in of_type(scenario, result, STOP):
        for fill in found:
            assert (fill["price"] - step.stop) * np.sign(step.quantity) >= 0.0


@EXAMPLES
@given(plain(costs={}))
def test_a_stop_order_fills_at_the_first_bar_that_reaches_it(scenario):
    result = scenario.play()
    at = times(result)
    tick = scenario.account.get("tick", 0.0)
    for step, row, (fill, *_) in of_type(scenario, result, STOP):
        level = step.stop if tick == 0.0 else _rounded(step.stop, tick, up=step.quantity > 0.0)
        for index in traded(scenario, row["asset"]):
            opened, high, low, _ = scenario.groups[index][row["asset"]]
            if index > step.at and (high >= level if step.quantity > 0.0 else low <= level):
                assert fill["timestamp"] == at[index]
                assert fill["price"] == (max(opened, level) if step.quantity > 0.0 else min(opened, level))
                break


@EXAMPLES
@given(plain())
def test_a_stop_limit_order_never_fills_beyond_its_limit(scenario):
    result = scenario.play()
    for step, _, found in of_type(scenario, result, STOP_LIMIT):
        for fill in found:
            assert (fill["price"] - step.limit) * np.sign(step.quantity) <= 0.0


@EXAMPLES
@given(plain(costs={}))
def test_a_trailing_stop_follows_the_extreme_of_the_bars_before_the_one_that_it_meets(scenario):
    result = scenario.play()
    at = times(result)
    closes = last_closes(scenario)
    for step, row, (fill, *_) in of_type(scenario, result, TRAILING_STOP):
        sells = step.quantity < 0.0
        mark = closes[step.at, scenario.assets.index(row["asset"])]
        for index in traded(scenario, row["asset"]):
            if index <= step.at:
                continue
            opened, high, low, _ = scenario.groups[index][row["asset"]]
            distance = mark * step.percent if np.isnan(step.amount) else step.amount
            level = mark - distance if sells else mark + distance
            if low <= level if sells else high >= level:
                assert fill["timestamp"] == at[index]
                assert fill["price"] == (min(opened, level) if sells else max(opened, level))
                break
            mark = max(mark, high) if sells else min(mark, low)


@EXAMPLES
@given(plain(per_session=3))
def test_an_order_for_the_day_ends_with_the_session_of_its_next_bars(scenario):
    result = scenario.play()
    at = times(result)
    for step, row in asked(scenario, result):
        if step.tif != DAY or row["status"] == "rejected":
            continue
        assert row["status"] in OVER or (ends_session(scenario, step.at) and step.at == len(at) - 1)
        if row["closed"] is not None:
            last = session_of(scenario, step.at) + ends_session(scenario, step.at)
            assert session_of(scenario, at.index(row["closed"])) <= last


@EXAMPLES
@given(plain(per_session=3))
def test_an_order_good_till_a_time_never_fills_after_it(scenario):
    result = scenario.play()
    at = times(result)
    for step, row in asked(scenario, result):
        if step.tif != GTD or row["status"] == "rejected":
            continue
        till = at[step.at] + timedelta(hours=step.hours)
        assert all(fill["timestamp"] <= till for fill in fills_of(result, row["order_id"]))
        assert row["status"] in OVER or at[-1] <= till
        if row["status"] == "expired":
            assert row["closed"] > till


@EXAMPLES
@given(plain())
def test_an_immediate_order_lives_for_one_bar(scenario):
    result = scenario.play()
    at = times(result)
    for step, row in asked(scenario, result):
        if step.tif not in {IOC, FOK} or step.type == MARKET_ON_CLOSE:
            continue
        index = next_traded(scenario, row["asset"], step.at)
        if index is not None:
            assert row["closed"] <= at[index]
            assert all(fill["timestamp"] == at[index] for fill in fills_of(result, row["order_id"]))


@EXAMPLES
@given(plain())
def test_of_a_group_one_order_fills_and_the_others_that_lived_then_are_over(scenario):
    result = scenario.play()
    rows = {row["order_id"]: row for row in result.orders.iter_rows(named=True)}
    groups = defaultdict(list)
    for step in scenario.steps:
        if step.verb == SUBMIT and step.oca:
            groups[step.oca].append(rows[step.id])
    for members in groups.values():
        for winner in members:
            for fill in fills_of(result, winner["order_id"])[:1]:
                for other in members:
                    if other is not winner and other["submitted"] < fill["timestamp"]:
                        assert other["closed"] is not None
                        assert other["closed"] <= fill["timestamp"]
                        filled = fills_of(result, other["order_id"])
                        assert not filled or filled[0]["timestamp"] <= winner["submitted"]


@EXAMPLES
@given(everywhere())
def test_the_exits_of_a_bracket_fill_no_more_than_its_entry_did(scenario):
    unchanged = [step for step in scenario.steps if step.verb != UPDATE]  # sizes of their own may be larger
    steps = [replace(step, order=0) if step.verb == SUBMIT else step for step in unchanged]
    result = replace(scenario, steps=steps).play()
    filled = dict(result.fills.group_by("order_id").agg(pl.col("quantity").sum()).iter_rows())
    children = defaultdict(float)
    for order, parent in result.orders.select("order_id", "parent_id").drop_nulls().iter_rows():
        children[parent] += filled.get(order, 0.0)
    for parent, closed in children.items():
        opened = filled.get(parent, 0.0)
        assert closed * opened <= 0.0
        assert abs(closed) <= abs(opened) * (1.0 + 1e-12)


@EXAMPLES
@given(everywhere())
def test_the_children_of_an_order_only_reduce_the_position(scenario):
    result = scenario.play()
    parents = dict(result.orders.select("order_id", "parent_id").iter_rows())
    held = defaultdict(float)
    for order, asset, quantity in result.fills.select("order_id", "asset", "quantity").iter_rows():
        before = held[asset]
        held[asset] += quantity
        if parents[order] is not None:
            assert before * quantity < 0.0
            assert before * held[asset] >= -1e-9 * before**2


@EXAMPLES
@given(everywhere())
def test_no_child_works_once_its_asset_is_flat(scenario):
    result = scenario.play()
    held, _ = positions(scenario, result)
    children = result.orders.filter((pl.col("status") == "working") & pl.col("parent_id").is_not_null())
    assert all(held[-1, scenario.assets.index(asset)] != 0.0 for asset in children["asset"])


@EXAMPLES
@given(plain(account={**WHOLE_LOTS, "cash": 2.0**30}, costs={}))
def test_levels_are_multiples_of_the_tick(scenario):
    result = scenario.play()
    at = times(result)
    types = dict(result.orders.select("order_id", "order_type").iter_rows())
    for order, asset, time, price in result.fills.select("order_id", "asset", "timestamp", "price").iter_rows():
        if types[order] in {"limit", "stop"} and price != scenario.groups[at.index(time)][asset][0]:
            assert price % WHOLE_LOTS["tick"] == 0.0


@EXAMPLES
@given(plain(account=WHOLE_LOTS))
def test_what_opens_a_position_is_worth_the_minimum(scenario):
    result = scenario.play()
    closes = last_closes(scenario)
    for step, row in asked(scenario, result):
        price = {LIMIT: step.limit, STOP_LIMIT: step.limit, STOP: step.stop}.get(step.type)
        if price is None:
            price = closes[step.at, scenario.assets.index(row["asset"])]
        value = abs(row["quantity"]) * price
        if row["reject_reason"] == "below the minimum order value":
            assert value < WHOLE_LOTS["minimum_order"] + 10.0 * WHOLE_LOTS["tick"] * abs(row["quantity"])
        elif row["status"] != "rejected" and row["closed"] != row["submitted"]:  # or it was cancelled before accepted
            assert value >= WHOLE_LOTS["minimum_order"] - WHOLE_LOTS["tick"] * abs(row["quantity"])


@EXAMPLES
@given(plain(costs={}, profile="same_close"))
def test_at_the_same_close_a_market_order_fills_at_the_close_that_it_was_asked_for_at(scenario):
    result = scenario.play()
    at = times(result)
    for step, row, (fill, *_) in of_type(scenario, result, MARKET):
        if step.at in traded(scenario, row["asset"]):
            assert fill["timestamp"] == at[step.at]
            assert fill["price"] == scenario.groups[step.at][row["asset"]][3]


@EXAMPLES
@given(plain(costs={}, profile="zipline"))
def test_where_closes_alone_count_every_fill_is_at_a_close_after_the_request(scenario):
    result = scenario.play()
    at = times(result)
    submitted = dict(result.orders.select("order_id", "submitted").iter_rows())
    for order, asset, time, price in result.fills.select("order_id", "asset", "timestamp", "price").iter_rows():
        assert price == scenario.groups[at.index(time)][asset][3]
        assert time > submitted[order]


def first_fill(scenario, step, **changes):
    """Return the first fill of a step that is run alone on an account that rejects nothing."""
    fills = replace(scenario, steps=[step], account=RICH, costs={}, **changes).play().fills
    return fills.row(0, named=True) if fills.height else None


@EXAMPLES
@given(scenarios(), st.integers(60, 100), st.sampled_from([-5.0, 5.0]))
def test_a_limit_that_must_be_passed_never_fills_before_one_that_need_only_be_touched(scenario, quarters, quantity):
    order = limit(0, quantity, quarters / 4)
    touched, passed = (first_fill(scenario, order, limit_fill=name) for name in ("touch", "penetration"))
    if passed is not None:
        assert touched["timestamp"] <= passed["timestamp"]


@EXAMPLES
@given(scenarios(), st.integers(60, 100), st.integers(0, 8), st.sampled_from([-5.0, 5.0]))
def test_a_stop_further_away_never_fills_sooner_or_better(scenario, quarters, further, quantity):
    side = np.sign(quantity)
    near = first_fill(scenario, stop(0, quantity, quarters / 4))
    far = first_fill(scenario, stop(0, quantity, quarters / 4 + side * further / 4))
    if far is not None:
        assert near["timestamp"] <= far["timestamp"]
        assert near["timestamp"] < far["timestamp"] or (far["price"] - near["price"]) * side >= 0.0


@EXAMPLES
@given(everywhere(costs={}))
def test_both_exits_of_a_bracket_are_ambiguous_only_where_there_are_brackets_or_groups(scenario):
    steps = [replace(step, oca=0, order=0) for step in scenario.steps if step.verb != BRACKET]
    assert replace(scenario, steps=steps).play().metrics["ambiguous_fills"] == 0


def _rounded(price, tick, *, up):
    """Round to a multiple of the tick."""
    return (np.ceil if up else np.floor)(price / tick) * tick


def test_the_drawn_orders_reach_every_rule():
    """The properties speak of what filled: of every type, term and kind of group enough must."""
    seen = defaultdict(int)
    for seed in range(80):
        scenario = random_scenario(seed, costs={})
        scenario = replace(scenario, steps=[step for step in scenario.steps if step.verb in PLAIN])
        result = scenario.play()
        for step, row in asked(scenario, result):
            seen["type", step.type] += row["status"] == "filled"
            seen["tif", step.tif] += row["status"] in {"filled", "expired"}
            seen["group"] += row["reject_reason"] == "another order of its group filled"
    assert min(seen["type", kind] for kind in range(6)) >= 10, dict(seen)
    assert min(seen["tif", tif] for tif in range(5)) >= 10, dict(seen)
    assert seen["group"] >= 5, dict(seen)
