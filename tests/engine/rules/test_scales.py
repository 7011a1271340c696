"""A run in other units: smaller lots and lower prices, by powers of two, change every bit as they must and no other.

Every amount of a scenario is multiplied: units by one factor, prices by another, money by both. What a run leaves is
then multiplied by the same factors, exactly, and what has no unit stays. A number that stands in the engine where a
zero belongs, or a sum of things of different units, shows.
"""

from collections import Counter
from dataclasses import dataclass, replace

import polars as pl
import pytest
from oracle.account import with_actions
from oracle.currencies import in_currencies
from oracle.judge import noted
from scenarios.finer_paths import with_finer_bars
from scenarios.quoted import with_quotes
from scenarios.random_scripts import ACCOUNTS, COSTS, Scenario, random_scenario
from scenarios.scripted import BRACKET, SUBMIT, TARGET_QUANTITY, TARGET_VALUE, UPDATE

from backsweep.engine.codes import LIMIT_FILLS
from backsweep.engine.profiles import OWN_PROFILES, PROFILES

pytestmark = pytest.mark.thorough

UNITS, PRICES = 2.0**-12, 2.0**-8
MONEY = UNITS * PRICES
FACTORS = {
    "fills": {"quantity": UNITS, "price": PRICES, "commission": MONEY, "slippage": MONEY},
    "trades": {
        "quantity": UNITS,
        "entry_price": PRICES,
        "exit_price": PRICES,
        "pnl": MONEY,
        "commission": MONEY,
        "slippage": MONEY,
    },
    "orders": {"quantity": UNITS, "limit_price": PRICES, "stop_price": PRICES, "last_price": PRICES},
    "equity": {"cash": MONEY, "equity": MONEY, "cash_EUR": MONEY, "cash_JPY": MONEY, "cash_USD": MONEY},
    "cash_flows": {"quantity": UNITS, "amount": MONEY},
    "metrics": dict.fromkeys(
        ("expectancy", "commission", "slippage", "financing", "currency_pnl", "ambiguous_pnl", "final_equity"), MONEY
    ),
}
KEYS = {"cash": MONEY, "lot": UNITS, "tick": PRICES, "minimum_order": MONEY, "minimum": MONEY}  # of accounts and costs
AMOUNTS = {"per_order": MONEY, "combined": MONEY, "fixed": PRICES}
RATES = {"per_share": PRICES}
ABOVE = {"monthly_volume": UNITS, "monthly_value": MONEY, "order_value": MONEY}


@dataclass(frozen=True, eq=False)
class Small(Scenario):
    """A scenario whose bars have fewer units, too."""

    @property
    def market(self):
        return super().market.with_columns(pl.col("volume") * UNITS)


def small(scenario):
    """Return the scenario in its small units."""
    steps = []
    for step in scenario.steps:
        units = UNITS if step.verb in {SUBMIT, BRACKET, UPDATE, TARGET_QUANTITY} else 1.0
        prices = ("limit", "stop", "stop_loss", "take_profit", "amount")
        changed = {name: getattr(step, name) * PRICES for name in prices}
        quantity = step.quantity * (MONEY if step.verb == TARGET_VALUE else units)
        steps.append(replace(step, quantity=quantity, **changed))
    fields = {name: getattr(scenario, name) for name in scenario.__dataclass_fields__}
    return Small(
        **fields
        | {
            "groups": [{name: lower(bar) for name, bar in group.items()} for group in scenario.groups],
            "steps": steps,
            "account": small_account(scenario.account),
            "costs": {name: small_costs(section) for name, section in scenario.costs.items()},
            "actions": tuple((at, name, split, paid * PRICES, end) for at, name, split, paid, end in scenario.actions),
            "finer": {key: [(time, lower(bar)) for time, bar in parts] for key, parts in scenario.finer.items()},
            "quotes": {key: (lower(bid), lower(ask)) for key, (bid, ask) in scenario.quotes.items()},
        }
    )


def lower(bar):
    return tuple(price * PRICES for price in bar)


def small_account(account):
    return {name: value * KEYS.get(name, 1.0) if isinstance(value, float) else value for name, value in account.items()}


def small_costs(section):
    """Return a commission, a slippage, or another section of costs."""
    if not isinstance(section, dict):
        return section
    section = {
        name: value * KEYS.get(name, 1.0) if isinstance(value, float) else value for name, value in section.items()
    }
    kind = section.get("kind")
    if "amount" in section:
        section["amount"] *= AMOUNTS[kind]
    if "rate" in section:
        section["rate"] *= RATES.get(kind, 1.0)
    if kind == "tiered":
        per_unit = PRICES if section["by"] == "monthly_volume" else 1.0
        section["tiers"] = [
            {name: value * (ABOVE[section["by"]] if name == "above" else per_unit) for name, value in tier.items()}
            for tier in section["tiers"]
        ]
    return section


def assert_scaled(large, little):
    for name, factors in FACTORS.items():
        one, other = getattr(large, name), getattr(little, name)
        if name == "metrics":
            one, other = (pl.DataFrame([each]) for each in (one, other))
        quotes = dict.fromkeys((name for name in one.columns if "_bid_" in name or "_ask_" in name), PRICES)
        known = {column: factor for column, factor in {**factors, **quotes}.items() if column in one.columns}
        expected = one.with_columns(pl.col(column) * factor for column, factor in known.items())
        for column in expected.columns:
            assert other[column].equals(expected[column]), f"{name}.{column}"
    assert large.returns.tobytes() == little.returns.tobytes()


FINANCING = {"margin_interest": 0.08, "short_borrow": 0.5, "short_credit": 0.25}
LIMITS = {"positions": 2, "exposure": 0.75, "daily_loss": 2.0**-5, "drawdown": 2.0**-3}
CALLED = {"cash": 2_048.0, "kind": "margin", "leverage": 4.0, "lot": 0.0, "maintenance_margin": 0.375}
SETTLED = {"cash": 2_048.0, "kind": "cash", "leverage": 1.0, "lot": 0.0, "settlement": 2}


def drawn(seed):
    """Draw a scenario with a different choice of all there is for each seed."""
    scenario = random_scenario(
        seed,
        account=[*ACCOUNTS, CALLED, SETTLED][seed % 6],
        costs={"financing": FINANCING, **COSTS[seed % len(COSTS)]},
        profile=list(PROFILES)[seed % len(PROFILES)],
        limit_fill=LIMIT_FILLS[seed // 2 % 2],
        ambiguous=("stop_first", "target_first")[seed // 3 % 2],
        volume_share=(0.0, 2.0**-14)[seed // 5 % 2],
        per_session=1 + seed % 2,
        assets=1 + seed % 3,
        length=30,
        steps=36,
    )
    if seed % 7 == 3:
        scenario = replace(scenario, account={**scenario.account, "limits": LIMITS})
    if seed % 4 == 1:
        scenario = with_actions(scenario, seed)
    if seed % 5 == 2:
        scenario = in_currencies(scenario, seed)
    if scenario.profile in OWN_PROFILES and seed % 3 == 0:
        return with_finer_bars(scenario, seed, 6, gaps=True, lost=0.1)
    return with_quotes(scenario, seed) if scenario.profile in OWN_PROFILES and seed % 3 == 1 else scenario


def test_small_units_and_low_prices_change_nothing_else():
    seen = Counter()
    for seed in range(24):
        scenario = drawn(seed)
        with noted(f"seed {seed}"):
            large = scenario.play(compiled=False)
            assert_scaled(large, small(scenario).play(compiled=False))
        seen.update(large.fills["reason"])
        seen.update(large.cash_flows["kind"])
        seen.update(large.orders["status"])
    assert min(seen[what] for what in ("filled", "expired", "stop_loss", "take_profit", "liquidation")) > 10
    assert min(seen[what] for what in ("interest", "borrow_fee", "funding", "conversion", "dividend")) > 3
