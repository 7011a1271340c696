"""The account's further rules against the oracle, on random scripts."""

import pytest
from judge import ask_oracle, insist
from oracle_account import in_contracts, in_units
from random_scripts import ACCOUNTS, COSTS, random_scenario


@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: costs.get("commission", {"kind": "free"})["kind"])
@pytest.mark.parametrize("multiplier", [50.0, 0.7])
def test_contracts_trade_as_units_at_the_price_times_the_multiplier(multiplier, costs):
    filled = 0
    for seed in range(24):
        account = ACCOUNTS[seed % len(ACCOUNTS)]
        scenario = in_contracts(random_scenario(seed, account=account, costs=costs, assets=1 + seed % 3), multiplier)
        oracle = ask_oracle(in_units(scenario, multiplier))
        try:
            insist(scenario.play(), oracle, multiplier)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
        filled += len(oracle.fills)
    assert filled > 50
