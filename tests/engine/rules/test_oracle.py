"""The engine against the oracle: the same fills, orders and equity, to one part in 10^12, on random scripts."""

from collections import Counter

import pytest
from oracle.judge import ask_oracle, compare, noted
from scenarios.drawn import LONG
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario

from backsweep.engine.codes import LIMIT_FILLS, ORDER_TYPES
from backsweep.engine.profiles import PROFILES

pytestmark = pytest.mark.thorough


SEEDS = 40 if LONG else 10  # `make parity` plays them all


@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: costs.get("commission", {"kind": "free"})["kind"])
@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: f"{account['kind']}-lot{account['lot']:g}")
def test_the_engine_agrees_with_the_oracle_on_random_scripts(account, costs):
    for seed in range(SEEDS):
        scenario = random_scenario(1000 * COSTS.index(costs) + seed, account=account, costs=costs, assets=1 + seed % 3)
        with noted(f"seed {seed}"):
            compare(scenario)


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
        with noted(f"seed {seed}"):
            compare(scenario)


@pytest.mark.parametrize("share", [2.0**-14, 2.0**-16])
@pytest.mark.parametrize("profile", PROFILES)
def test_partial_fills_agree_with_the_oracle_on_random_scripts(profile, share):
    partly = 0
    for seed in range(SEEDS + SEEDS // 4):
        scenario = random_scenario(
            seed,
            profile=profile,
            assets=1 + seed % 3,
            length=32,
            steps=32,
            volume_share=share,
            per_session=1 + seed % 2,
        )
        with noted(f"seed {seed}"):
            oracle = compare(scenario)
        partly += sum(bool(order.filled and order.left) for order in oracle.orders)
    assert partly > SEEDS


def test_the_random_scripts_reach_every_rule():
    statuses, reasons, filled, ambiguous = Counter(), Counter(), Counter(), 0
    for seed in range(40):
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


@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: costs.get("commission", {"kind": "free"})["kind"])
def test_prices_below_zero_agree_with_the_oracle_on_random_scripts(costs):
    below = 0
    for seed in range(SEEDS):
        scenario = random_scenario(seed, account=ACCOUNTS[seed % 4], costs=costs, assets=1 + seed % 3)
        with noted(f"seed {seed}"):
            oracle = compare(scenario.lowered(20.0, 8))
        below += sum(fill.price < 0 for fill in oracle.fills)
    assert below > 10
