"""The account's further rules against the oracle, on random scripts."""

from collections import Counter
from fractions import Fraction

import pytest
from oracle.account import AccountOracle, in_contracts, in_units, with_actions
from oracle.judge import ask_oracle, insist, noted
from scenarios.drawn import LONG
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario

pytestmark = pytest.mark.thorough
SEEDS = 48 if LONG else 24  # `make parity` plays them all


@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: costs.get("commission", {"kind": "free"})["kind"])
@pytest.mark.parametrize("multiplier", [50.0, 0.7])
def test_contracts_trade_as_units_at_the_price_times_the_multiplier(multiplier, costs):
    filled = 0
    for seed in range(SEEDS):
        account = ACCOUNTS[seed % len(ACCOUNTS)]
        scenario = in_contracts(random_scenario(seed, account=account, costs=costs, assets=1 + seed % 3), multiplier)
        oracle = ask_oracle(in_units(scenario, multiplier))
        with noted(f"seed {seed}"):
            insist(scenario.play(), oracle, multiplier)
        filled += len(oracle.fills)
    assert filled > 50


MARGIN = (
    {"cash": 2_000.0, "kind": "margin", "leverage": 4.0, "lot": 0.0, "maintenance_margin": 0.375},
    {"cash": 2_000.0, "kind": "margin", "leverage": 3.0, "lot": 5.0, "maintenance_margin": 0.5},
)


def ask(scenario):
    margin = Fraction(scenario.account.get("maintenance_margin", 0.0))
    own = {"actions": scenario.actions, "maintenance": margin, "settlement": scenario.account.get("settlement", 0)}
    kind = type("Asked", (AccountOracle,), own)
    return ask_oracle(scenario, kind)


@pytest.mark.parametrize("profile", ["next_open", "same_close", "zipline"])
@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: f"{account['kind']}-lot{account['lot']:g}")
def test_corporate_actions_agree_with_the_oracle(account, profile):
    reasons, paid = Counter(), 0
    for seed in range(SEEDS):
        drawn = random_scenario(seed, account=account, assets=1 + seed % 3, profile=profile, length=30, steps=36)
        scenario = with_actions(drawn, seed)
        oracle, result = ask(scenario), scenario.play()
        with noted(f"seed {seed}"):
            insist(result, oracle)
        reasons.update(result.fills["reason"])
        reasons.update(result.orders["reject_reason"])
        paid += result.cash_flows.height
    assert paid > 20
    assert reasons["delisting"] > 2
    assert reasons["the asset was delisted"] > 10
    if account["lot"]:
        assert reasons["cash_in_lieu"] > 10
        assert reasons["a split left less than a lot of it"] > 0


@pytest.mark.parametrize("profile", ["next_open", "same_close", "backtrader"])
@pytest.mark.parametrize("account", MARGIN, ids=lambda account: f"lot{account['lot']:g}")
def test_liquidations_agree_with_the_oracle(account, profile):
    liquidated, cancelled = 0, 0
    for seed in range(SEEDS):
        drawn = random_scenario(seed, account=account, assets=1 + seed % 3, profile=profile, length=30, steps=36)
        scenario = with_actions(drawn, seed) if seed % 2 else drawn
        oracle, result = ask(scenario), scenario.play()
        with noted(f"seed {seed}"):
            insist(result, oracle)
        liquidated += (result.fills["reason"] == "liquidation").sum()
        cancelled += (result.orders["reject_reason"] == "the account broke its maintenance margin").sum()
    assert liquidated > 5
    assert cancelled > 3


@pytest.mark.parametrize("settlement", [1, 2, 5])
def test_settlement_agrees_with_the_oracle(settlement):
    refused = 0
    for seed in range(SEEDS + SEEDS // 2):
        account = {"cash": 1_500.0, "kind": "cash", "leverage": 1.0, "lot": seed % 2 * 1.0, "settlement": settlement}
        drawn = random_scenario(
            seed, account=account, assets=1 + seed % 3, length=30, steps=36, per_session=1 + 2 * (seed % 4 == 0)
        )
        scenario = with_actions(drawn, seed) if seed % 3 == 0 else drawn
        oracle, result = ask(scenario), scenario.play()
        with noted(f"seed {seed}"):
            insist(result, oracle)
        refused += (result.orders["reject_reason"] == "exceeds settled cash").sum()
    assert refused > 3


SETTLED = {"cash": 1_500.0, "kind": "cash", "leverage": 1.0, "lot": 0.0, "settlement": 2}
FINANCED = {"financing": {"margin_interest": 0.06, "short_borrow": 0.5, "short_credit": 0.2}}


@pytest.mark.parametrize("account", [*MARGIN, SETTLED], ids=["fractions", "lots", "settled"])
def test_accounts_below_zero_agree_with_the_oracle(account):
    below, reasons = 0, Counter()
    for seed in range(SEEDS):
        drawn = random_scenario(seed, account=account, costs=FINANCED, assets=1 + seed % 3, length=30, steps=36)
        scenario = drawn.lowered(20.0, 8)
        oracle, result = ask(scenario), scenario.play()
        with noted(f"seed {seed}"):
            insist(result, oracle)
        below += (result.fills["price"] < 0).sum()
        reasons.update(result.fills["reason"])
    assert below > 10
    assert account is SETTLED or reasons["liquidation"] > 5
