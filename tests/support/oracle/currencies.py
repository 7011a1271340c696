"""Several currencies, for the exact oracle: the rules of `oracle_account`, and these.

Every asset has a currency; what its fills, dividends and costs come to is cash of that currency. Rates change with the
closes: what fills before them counts at the rates of the timestamp before. What the account is worth, may buy and asks
of an order is counted in its own currency, at the rates of the moment; a commission is worked out in the asset's.

In a margin account a currency may be owed, and pays interest by itself. In a cash account what a currency lacks is
bought: with the account's own currency first, then with the others in order.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from oracle.account import AccountOracle
from oracle.costs import funding_rate

if TYPE_CHECKING:
    from scenarios.random_scripts import Scenario

ZERO = Fraction(0)
OWN = "USD"


class CurrencyOracle(AccountOracle):
    """Plays a script in an account with `account.rates`; `rates` are those of each currency, one for each timestamp."""

    rates: dict[str, list[float]]

    def __init__(self, market, assets, account, *arguments):
        self.rates = account["oracle_rates"]
        self.held = {OWN: Fraction(account["cash"]), **dict.fromkeys(self.rates, ZERO)}
        own = account.get("per_asset", {})
        self.currency = {asset: own.get(asset, {}).get("currency", OWN) for asset in assets}
        self.at = 0  # the timestamp whose rates hold
        self.currency_pnl = ZERO
        self.balances = []
        super().__init__(market, assets, account, *arguments)
        self.costs.rate = self.rate

    def worth_of(self, currency):
        """Return the exchange rate of a currency."""
        return Fraction(self.rates[currency][self.at]) if currency != OWN else Fraction(1)

    def rate(self, asset):
        return self.worth_of(self.currency[asset])

    @property
    def cash(self):
        return sum(amount * self.worth_of(currency) for currency, amount in self.held.items())

    @cash.setter
    def cash(self, amount):
        assert amount == self.cash, "cash moves in a currency"

    def pay(self, asset, amount):
        currency = self.currency[asset]
        self.held[currency] -= amount
        for other in self.held:
            lacking = -self.held[currency]
            if not self.borrows and lacking > 0 and other != currency and self.held[other] > 0:
                price = self.worth_of(currency) / self.worth_of(other)
                bought = min(lacking, self.held[other] / price)
                self.held[currency] += bought
                self.held[other] -= bought * price

    def mark(self, group):
        before, self.at = self.cash, self.now
        self.currency_pnl += self.cash - before
        super().mark(group)

    def hold(self, years):
        rates = {name: Fraction(self.costs.rates.get(name, 0.0)) for name in ("margin_interest", "short_borrow")}
        fee = rates["short_borrow"] - Fraction(self.costs.rates.get("short_credit", 0.0))
        for currency, amount in self.held.items():
            self.held[currency] -= max(-amount, ZERO) * rates["margin_interest"] * years
        for asset, units in self.position.items():
            if units < 0:
                self.pay(asset, -units * self.last[asset] * fee * years)

    def fund(self, group):
        if self.costs.rates.get("funding"):
            for asset, bar in group.items():
                self.pay(asset, self.position[asset] * bar[3] * Fraction(funding_rate(self.now, asset) or 0.0))

    def finish(self, now):
        super().finish(now)
        self.balances.append(dict(self.held))


def in_currencies(scenario: Scenario, seed: int) -> Scenario:
    """Put the scenario's assets into currencies, with rates that move."""
    generator = np.random.default_rng(seed)
    names = ["EUR", "JPY"][: int(generator.integers(1, 3))]
    steps = generator.normal(0.0, 0.02, (len(names), len(scenario.groups)))
    levels = np.array([1.25, 0.0078125][: len(names)])[:, np.newaxis]
    rates = dict(zip(names, (levels * np.exp(steps.cumsum(axis=1))).tolist(), strict=True))
    chosen = {asset: str(generator.choice([OWN, *names])) for asset in scenario.assets} | {"A": names[0]}
    before = scenario.account.get("per_asset", {})
    own = {asset: {**before.get(asset, {}), "currency": currency} for asset, currency in chosen.items()}
    account = {**scenario.account, "currency": OWN, "rates": {name: f"rate_{name}" for name in names}, "per_asset": own}
    return replace(scenario, account=account, rates=rates)
