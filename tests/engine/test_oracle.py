"""The engine against the oracle: the same fills, orders and equity, to one part in 10^12, on random scripts."""

from collections import Counter

import numpy as np
import pytest
from oracle import Oracle
from random_scripts import ACCOUNTS, COSTS, random_scenario
from scripted import VERBS

from backsweep.engine.codes import LIMIT_FILLS, ORDER_TYPES
from backsweep.engine.profiles import PROFILES

SEEDS = 40


class Spoken:
    """A step in the oracle's words."""

    def __init__(self, step):
        self.__dict__.update(vars(step))
        self.verb = VERBS[step.verb]
        self.parent = step.order


def ask_oracle(scenario):
    oracle = Oracle(
        scenario.groups, scenario.assets, scenario.account, scenario.costs, scenario.profile, scenario.per_session
    )
    oracle.idle, oracle.beyond = scenario.idle, scenario.limit_fill == "penetration"
    return oracle.run([Spoken(step) for step in scenario.steps])


def assert_close(found, expected, what):
    assert np.asarray(found, float) == pytest.approx(np.array([float(x) for x in expected]), rel=1e-12, abs=1e-9), what


def compare(scenario):
    """Insist that engine and oracle agree, and give the oracle."""
    oracle, result = ask_oracle(scenario), scenario.play()
    fills = result.fills
    assert fills["order_id"].to_list() == [fill.order.id for fill in oracle.fills]
    assert fills["asset"].to_list() == [fill.order.asset for fill in oracle.fills]
    times = dict(enumerate(result.equity["timestamp"]))
    assert fills["timestamp"].to_list() == [times[fill.timestamp] for fill in oracle.fills]
    for name in ("quantity", "price", "commission", "slippage"):
        assert_close(fills[name], [getattr(fill, name) for fill in oracle.fills], name)
    orders = result.orders
    assert orders["order_id"].to_list() == [order.id for order in oracle.orders]
    assert list(zip(orders["status"], orders["reject_reason"], strict=True)) == [
        (order.status, order.reason) for order in oracle.orders
    ]
    assert_close(orders["quantity"], [np.nan if o.total is None else o.total for o in oracle.orders], "order quantity")
    assert_close(result.equity["cash"], oracle.cashes, "cash")
    assert_close(result.equity["equity"], oracle.equity, "equity")
    assert result.metrics["ambiguous_fills"] == oracle.ambiguous
    return oracle


@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: costs.get("commission", {"kind": "free"})["kind"])
@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: f"{account['kind']}-lot{account['lot']:g}")
def test_the_engine_agrees_with_the_oracle_on_random_scripts(account, costs):
    for seed in range(SEEDS):
        scenario = random_scenario(1000 * COSTS.index(costs) + seed, account=account, costs=costs, assets=1 + seed % 3)
        try:
            compare(scenario)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_agrees_with_the_oracle_on_random_scripts(profile):
    for seed in range(SEEDS):
        scenario = random_scenario(
            seed,
            profile=profile,
            assets=1 + seed % 3,
            per_session=1 + 2 * (seed % 2),
            limit_fill=LIMIT_FILLS[seed % 4 // 2],
        )
        try:
            compare(scenario)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


def test_the_random_scripts_reach_every_rule():
    statuses, reasons, filled, ambiguous = Counter(), Counter(), Counter(), 0
    for seed in range(SEEDS):
        for account in ACCOUNTS:
            oracle = ask_oracle(random_scenario(seed, account=account, assets=1 + seed % 3, length=40, steps=48))
            ambiguous += oracle.ambiguous
            filled.update(fill.order.type for fill in oracle.fills)
            statuses.update(order.status for order in oracle.orders)
            reasons.update(order.reason for order in oracle.orders)
    assert {status for status, count in statuses.items() if count > 20} >= {
        "filled",
        "cancelled",
        "rejected",
        "working",
        "expired",
    }
    assert ambiguous > 5
    assert min(filled[name] for name in ORDER_TYPES) > 20
    for reason in (
        "exceeds buying power",
        "exceeds cash",
        "short sale in a cash account",
        "its sibling filled",
        "its position closed",
        "its parent closed unfilled",
        "cancelled by the strategy",
        "no such parent order",
        "another order of its group filled",
        "below the minimum order value",
        "time in force is unknown or incomplete",
    ):
        assert reasons[reason] > 5, reason
