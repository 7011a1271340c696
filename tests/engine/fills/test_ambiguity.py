"""What the other path through a bar would have been worth, counted and played."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.judge import compare, noted
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario
from scenarios.scripted import bars, bracket, close, compose, fills, flat, limit, market, run, stop, submit

from backsweep.engine.codes import LIMIT, MARKET, STOP, STOP_LIMIT, TRAILING_STOP

QUIET = (100, 100, 100, 100)
BOTH = (100, 106, 94, 101)  # a stop at 95 and a target at 105 are in its range
TARGET_FIRST = {"ambiguous": "target_first"}
LONG = bracket(0, 10, stop_loss=95, take_profit=105)
SHORT = bracket(0, -10, stop_loss=105, take_profit=95)
AT_STOP = bracket(0, 10, stop=102, stop_loss=95)


def measure(result):
    """Count and value of the ambiguous fills."""
    return result.metrics["ambiguous_fills"], result.metrics["ambiguous_pnl"]


@pytest.mark.parametrize("bracket", [LONG, SHORT], ids=["long", "short"])
def test_the_other_choice_is_worth_the_distance_from_stop_to_target(bracket):
    assert measure(run(bars(QUIET, QUIET, BOTH), [bracket])) == (1, 100.0)  # 10 units, from 95 to 105
    assert measure(run(bars(QUIET, QUIET, BOTH), [bracket], execution=TARGET_FIRST)) == (1, -100.0)


@pytest.mark.parametrize(("bracket", "price"), [(LONG, 105.0), (SHORT, 95.0)], ids=["long", "short"])
def test_the_target_is_taken_where_the_sweep_file_says_so(bracket, price):
    result = run(bars(QUIET, QUIET, BOTH), [bracket], execution=TARGET_FIRST)
    assert result.fills["price"].to_list() == [100.0, price]
    assert result.fills["reason"].to_list()[1] == "take_profit"


def test_slippage_and_commission_are_those_of_the_other_choice():
    costs = {"commission": {"kind": "percentage", "rate": 0.01}, "stop_slippage": 0.1}
    result = run(bars(QUIET, QUIET, BOTH), [LONG], costs=costs)
    stopped = 10 * 85.5 * 0.99  # 95 less a tenth, less a hundredth
    reached = 10 * 105 * 0.99
    assert measure(result) == (1, pytest.approx(reached - stopped, rel=1e-12))


def test_a_contract_counts_its_multiplier():
    account = {"cash": 1e5, "kind": "margin", "leverage": 10.0, "per_asset": {"A": {"multiplier": 50.0}}}
    assert measure(run(bars(QUIET, QUIET, BOTH), [LONG], account=account)) == (1, 5000.0)


@pytest.mark.parametrize(("close", "pnl"), [(101, 60.0), (94, -10.0)])
def test_the_stop_of_a_stop_entry_would_have_left_the_position_to_the_close(close, pnl):
    # Bought at 102, out at 95; else still held, at the close: 10 x (close - 95).
    market = bars(QUIET, (100, 103, 94, close), flat(close, 1)[0])
    assert measure(run(market, [AT_STOP])) == (1, pnl)
    result = run(market, [AT_STOP], execution=TARGET_FIRST)
    assert measure(result) == (1, -pnl)
    # Below its stop at the close, it leaves at the next open.
    assert fills(result) == [(1, 10.0, 102.0)] + ([(2, -10.0, 94.0)] if close < 95 else [])


def test_a_limit_entry_that_is_stopped_out_in_its_bar_is_sure():
    entry = bracket(0, 10, limit=98, stop_loss=95)
    for execution in ({}, TARGET_FIRST):
        result = run(bars(QUIET, (100, 101, 94, 100)), [entry], execution=execution)
        assert fills(result) == [(1, 10.0, 98.0), (1, -10.0, 95.0)]
        assert measure(result) == (0, 0.0)


def test_a_target_for_a_part_leaves_the_stop_the_rest():
    steps = [
        entry := market(0, 10),
        submit(0, -10, type=STOP, stop=95, order=entry),
        submit(0, -4, type=LIMIT, limit=104, order=entry),
        submit(0, -3, type=LIMIT, limit=105, order=entry),
    ]
    # 4 x (104 - 95), which leaves nothing of the second target; 6 units at the stop either way.
    assert measure(run(bars(QUIET, QUIET, BOTH), steps)) == (1, 36.0)
    result = run(bars(QUIET, QUIET, BOTH), steps, execution=TARGET_FIRST)
    assert fills(result)[1:] == [(2, -4.0, 104.0), (2, -6.0, 95.0)]
    assert measure(result) == (1, -36.0)


def test_two_stops_on_one_side_leave_no_choice():
    entry = market(0, 10)
    steps = [entry, submit(0, -5, type=STOP, stop=96, order=entry), submit(0, -5, type=STOP, stop=95, order=entry)]
    result = run(bars(QUIET, QUIET, BOTH), steps)
    assert fills(result)[1:] == [(2, -5.0, 96.0)]
    assert measure(result) == (0, 0.0)


def test_a_group_of_two_breakouts_counts_what_the_other_would_have_gained():
    steps = [stop(0, 10, 105, oca=1), stop(0, -10, 95, oca=1)]
    # Bought at 105 and worth 101 at the close: -40. Sold at 95: -60.
    assert measure(run(bars(QUIET, BOTH), steps)) == (1, -20.0)


def test_a_group_of_exits_follows_the_choice():
    steps = [market(0, 10), limit(0, -10, 105, oca=1), stop(0, -10, 95, oca=1)]
    assert fills(run(bars(QUIET, QUIET, BOTH), steps))[1:] == [(2, -10.0, 95.0)]
    assert measure(run(bars(QUIET, QUIET, BOTH), steps)) == (1, 100.0)
    result = run(bars(QUIET, QUIET, BOTH), steps, execution=TARGET_FIRST)
    assert fills(result)[1:] == [(2, -10.0, 105.0)]
    assert measure(result) == (1, -100.0)


def test_the_orders_of_a_group_on_several_assets_are_ambiguous_in_one_range():
    steps = [limit(0, 10, 98, oca=1), limit(0, 10, 96, asset=1, oca=1)]
    result = run(bars(QUIET, BOTH, B=[QUIET, (100, 100, 90, 91)]), steps)
    # A gains 3 a unit to its close; B would have lost 5.
    assert measure(result) == (1, -80.0)


def test_a_share_of_the_volume_bounds_both_choices_alike():
    # A quarter of the position fills at each bar; the rest follows at the open of the next.
    volume = pl.when(pl.col("close") == 101).then(2.5e1).otherwise(1e6).alias("volume")
    market = bars(QUIET, QUIET, BOTH, QUIET).with_columns(volume)
    result = run(market, [LONG], execution={"volume_share": 0.1})
    assert result.fills["quantity"].to_list() == [10.0, -2.5, -7.5]
    assert measure(result) == (1, 25.0)


def test_sleeves_add_up_what_they_counted():
    market = bars(QUIET, QUIET, BOTH, B=[QUIET, QUIET, (100, 106, 94, 95)])
    account = {"cash": 20_000.0, "kind": "margin", "leverage": 10.0, "mode": "sleeves"}
    assert measure(run(market, [LONG], account=account)) == (2, 200.0)


CHOICES = ("stop_first", "target_first")


@given(
    st.sampled_from([costs for costs in COSTS if "funding" not in costs.get("financing", {})]),
    st.sampled_from(
        [
            LONG,
            SHORT,
            bracket(1, 10, stop=102, stop_loss=95),
            bracket(1, -10, stop=97, stop_loss=104),
            bracket(1, 10, stop=102, stop_loss=95, take_profit=105),
            bracket(1, -10, stop=97, stop_loss=104, take_profit=95),
        ]
    ),
    st.integers(94, 106),
    st.integers(1, 40),
)
def test_at_the_last_bar_it_is_exactly_what_the_opposite_choice_adds(costs, entry, close, size):
    entry = replace(entry, quantity=entry.quantity * size / 4)
    market = bars(QUIET, QUIET, (100, 106, 94, close))
    one, other = (run(market, [entry], costs=costs, execution={"ambiguous": name}) for name in CHOICES)
    assert one.metrics["ambiguous_fills"] == other.metrics["ambiguous_fills"] == 1
    added = other.metrics["final_equity"] - one.metrics["final_equity"]
    assert one.metrics["ambiguous_pnl"] == pytest.approx(added, rel=1e-9, abs=1e-8)
    assert other.metrics["ambiguous_pnl"] == pytest.approx(-added, rel=1e-9, abs=1e-8)


def narrow_brackets(seed):
    """Draw brackets and groups around the price, so close that many bars hold both ends."""
    generator = np.random.default_rng(seed)
    for at in range(38):
        side, asset = generator.choice([1.0, -1.0]), int(generator.integers(2))
        low, high = 20 - generator.integers(0, 5) / 4, 20 + generator.integers(0, 5) / 4
        worse, better = (low, high) if side > 0 else (high, low)
        size = side * generator.integers(1, 200) / 4
        if generator.random() < 0.2:
            group = int(generator.integers(1, 4))
            yield from (stop(at, size, better, oca=group, asset=asset), limit(at, size, worse, oca=group, asset=asset))
        else:
            kind = int(generator.choice([MARKET, LIMIT, STOP, STOP_LIMIT]))
            stops = {"stop_loss": worse, "take_profit": better}
            yield bracket(at, size, type=kind, limit=20.0, stop=20.0, asset=asset, **stops)
        if generator.random() < 0.2:
            entry = submit(at, size, type=int(generator.choice([STOP, TRAILING_STOP])), stop=better, amount=0.5)
            yield entry
            trail = float(generator.integers(1, 5)) / 4
            yield submit(at, -size / 2, type=TRAILING_STOP, amount=trail, order=entry)
            yield limit(at, -size, better + side * generator.integers(-1, 4) / 4, order=entry)
        if generator.random() < 0.3:
            yield close(at, asset)


@pytest.mark.parametrize("ambiguous", CHOICES)
@pytest.mark.parametrize("profile", ["next_open", "backtesting_py", "backtrader"])
def test_the_engine_agrees_with_the_oracle_on_narrow_brackets(profile, ambiguous):
    found = 0
    for seed in range(10):
        scenario = random_scenario(
            seed,
            profile=profile,
            account=ACCOUNTS[seed % 2],
            costs=COSTS[seed % len(COSTS)],
            length=40,
            ambiguous=ambiguous,
            volume_share=(0.0, 0.0, 2.0**-15)[seed % 3],
        )
        scenario = replace(scenario, steps=list(narrow_brackets(seed)))
        compose(scenario.steps)  # numbers the orders that steps speak of
        with noted(f"seed {seed}"):
            found += compare(scenario).ambiguous
    assert found >= 6
