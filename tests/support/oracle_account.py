"""What an account may hold besides shares of one currency, for the exact oracle: the rules of `oracle`, and these.

A contract with a multiplier is a unit at its price times the multiplier: the oracle plays the scenario with every price
multiplied, in fractions.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from scripted import TARGET_VALUE

if TYPE_CHECKING:
    from random_scripts import Scenario

PRICES = ("limit", "stop", "stop_loss", "take_profit", "amount")


def in_units(scenario: Scenario, multiplier: float) -> Scenario:
    """Give the scenario without its multiplier, which is that of every asset: the same money, for units."""
    factor = Fraction(multiplier)
    groups = [
        {name: tuple(factor * Fraction(p) for p in bar) for name, bar in group.items()} for group in scenario.groups
    ]
    steps = [replace(step, **{name: _times(getattr(step, name), factor) for name in PRICES}) for step in scenario.steps]
    account = {**scenario.account, "tick": Fraction(scenario.account.get("tick", 0.0)) * factor}
    costs = dict(scenario.costs)
    if costs.get("slippage", {}).get("kind") == "fixed":
        costs["slippage"] = {"kind": "fixed", "amount": Fraction(costs["slippage"]["amount"]) * factor}
    return replace(scenario, groups=groups, steps=steps, account=account, costs=costs)


def in_contracts(scenario: Scenario, multiplier: float) -> Scenario:
    """Give the scenario in contracts: every asset has the multiplier, and the account so much more cash."""
    own = {name: {"multiplier": multiplier} for name in scenario.assets}
    steps = [replace(step) for step in scenario.steps]
    for step in steps:
        if step.verb == TARGET_VALUE:
            step.quantity *= multiplier
    cash = scenario.account["cash"] * multiplier
    return replace(scenario, steps=steps, account={**scenario.account, "cash": cash, "per_asset": own})


def _times(price: float, factor: Fraction) -> float | Fraction:
    return price if price != price or price in {float("inf"), float("-inf")} else factor * Fraction(price)  # noqa: PLR0124
