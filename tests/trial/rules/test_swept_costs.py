"""Every number of every cost model, swept, is the same number in the file, bit for bit; nothing is compiled again."""

import copy

import numpy as np
import pytest
from numba import config
from scenarios.scripted import assert_same_bits, bars, bracket, close, compose, evaluator, limit, market, stop

import backsweep as bs
from backsweep.engine.costs.commissions import COMMISSIONS as COMMISSION_KINDS
from backsweep.engine.costs.kinds import PLACES
from backsweep.engine.costs.slippages import SLIPPAGES as SLIPPAGE_KINDS
from backsweep.strategy import bind_model

BOUNDS = {"minimum": 1.0, "maximum": 0.01}
BY_UNITS = [{"above": 0.0, "rate": 0.2, "maker_rate": 0.15}, {"above": 530.0, "rate": 0.1, "maker_rate": 0.075}]
BY_VALUE = [{"above": 0.0, "rate": 2e-3, "maker_rate": 1e-3}, {"above": 1500.0, "rate": 1e-3, "maker_rate": 5e-4}]
COMMISSIONS = (
    {"kind": "percentage", "rate": 0.001, "maker_rate": 0.0005, **BOUNDS},
    {"kind": "per_share", "rate": 0.125, "maker_rate": 0.0625, **BOUNDS},
    {"kind": "per_order", "amount": 2.0},
    {"kind": "combined", "rate": 0.001, "maker_rate": 0.0005, "amount": 1.0, **BOUNDS},
    {"kind": "tiered", "by": "monthly_volume", "tiers": BY_UNITS, **BOUNDS},
    {"kind": "tiered", "by": "order_value", "tiers": BY_VALUE},
)
SLIPPAGES = (
    {"kind": "fixed", "amount": 0.25},
    {"kind": "percentage", "rate": 0.002},
    {"kind": "volume_share", "rate": 1e6, "limit": 0.00002},
    {"kind": "square_root", "rate": 1.0},
)
REST = {"stop_slippage": 0.001, "financing": {"margin_interest": 0.05, "short_borrow": 0.1, "short_credit": 0.02}}
OWN = {"short_borrow": 0.2, "commission": COMMISSIONS[3], "slippage": SLIPPAGES[1]}
COSTS = (
    *({"commission": commission} for commission in COMMISSIONS),
    *({"slippage": slippage} for slippage in SLIPPAGES),
    REST,
    {"per_asset": {"B": OWN}},
    {"per_asset": {"B": {"commission": COMMISSIONS[4], "slippage": SLIPPAGES[2]}}},
)
ACCOUNT = {"cash": 10_000.0, "kind": "margin", "leverage": 8.0, "lot": 1.0, "tick": 0.01, "minimum_order": 1.0}
SERIES = [(100, 100, 100, 100), (100, 101, 98, 99), (99, 101, 97, 100), (99, 103, 96, 100), (100, 100, 100, 100)]
ORDERS = (
    market(0, 300),  # borrows
    limit(0, 20, 98.875),
    limit(0, 1, 98.875),
    bracket(1, 30, stop_loss=98),
    market(0, -200, asset=1),
    limit(0, 20, 98.875, asset=1),
    limit(0, 1, 98.875, asset=1),
    stop(1, 10, 100.5, asset=1),
    close(2, asset=0),
)


def numbers(content, prefix=""):
    """Yield the dotted keys of the numbers in nested mappings and lists, with the numbers."""
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        if isinstance(value, dict | list):
            yield from numbers(value, f"{prefix}{key}.")
        elif isinstance(value, float):
            yield f"{prefix}{key}", value


def changed(content, dotted, value):
    """Return a copy with one number replaced."""
    found = place = copy.deepcopy(content)
    *parents, last = dotted.split(".")
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    place[last] = value
    return found


def other(key, value):
    """Return another number under a key that does make a difference."""
    if key.endswith("maximum"):
        return 0.0004
    if key.endswith("minimum"):
        return 80.0
    return 5.0 * value


def play(account, costs, *swept):
    """Play the script, interpreted, with numbers swept."""
    table = compose(ORDERS)
    params = ("steps", "count", *(key for key, _ in swept))
    engine = evaluator(bars(*SERIES, B=SERIES), account=account, costs=costs, params=params)
    values = [float(table.ctypes.data), float(len(table)), *(value for _, value in swept)]
    return engine.replay(np.array(values), compiled=False)


CASES = [(costs, key, value) for costs in COSTS for key, value in numbers(costs) if not key.endswith("tiers.0.above")]


@pytest.mark.parametrize(("costs", "key", "value"), CASES, ids=lambda case: case if isinstance(case, str) else "")
def test_a_swept_cost_is_that_cost_in_the_file(costs, key, value):
    swept = play(ACCOUNT, costs, (f"costs.{key}", other(key, value)))
    assert_same_bits(swept, play(ACCOUNT, changed(costs, key, other(key, value))))
    assert not swept.equity.equals(play(ACCOUNT, costs).equity)


@pytest.mark.parametrize(("key", "value"), [("tick", 0.5), ("minimum_order", 2_500.0)])
def test_a_swept_rule_of_orders_is_that_rule_in_the_file(key, value):
    swept = play(ACCOUNT, COSTS[0], (f"account.{key}", value))
    assert_same_bits(swept, play({**ACCOUNT, key: value}, COSTS[0]))
    assert not swept.equity.equals(play(ACCOUNT, COSTS[0]).equity)


def test_no_number_of_a_commission_or_slippage_is_left_out():
    keys = {tuple(key.split(".")[-2:]) for _, key, _ in CASES}
    for part, kinds in (("commission", COMMISSION_KINDS), ("slippage", SLIPPAGE_KINDS)):
        names = set(kinds.record.names) - {*PLACES, "by"}  # a word, and no number
        assert {(part, name) for name in names} <= keys


class Own(bs.SlippageModel):
    rate: float = bs.param(0.0, 1.0, default=0.001)

    def slip(self, fill, bar):  # noqa: ARG002 - the protocol
        return self.rate * fill.price


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_nothing_is_compiled_again_whatever_is_swept():
    costs = {**REST, "commission": COMMISSIONS[4], "slippage": {"kind": "custom", "model": Own, "rate": 0.001}}
    keys = [f"costs.{key}" for key, _ in numbers(costs) if not key.endswith(".above")]
    assert "costs.slippage.rate" in keys
    table = compose(ORDERS)
    runner = evaluator(bars(*SERIES, B=SERIES), account=ACCOUNT, costs=costs, params=("steps", "count", *keys))._runner
    address = [float(table.ctypes.data), float(len(table))]
    equities, compiled = [], []
    for factor in (1.0, 1.5, 2.0):
        runner.run(np.array([*address, *(factor * value for key, value in numbers(costs) if f"costs.{key}" in keys)]))
        equities.append(float(runner.tables.account[0].equity))
        compiled.append((len(runner._loop.signatures), len(bind_model(Own)._compiled)))
    assert equities[0] > equities[1] > equities[2]
    assert compiled[0] == compiled[1] == compiled[2]
