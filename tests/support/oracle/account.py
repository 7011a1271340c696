"""What an account may hold besides shares of one currency, for the exact oracle: the rules of `oracle`, and these.

A contract with a multiplier is a unit at its price times the multiplier: the oracle plays the scenario with every price
multiplied, in fractions.

Before anything trades, a split multiplies the position and what orders ask for, and divides the last price and the
orders' prices; what is no whole lot then is sold at the last price, for nothing. A dividend is paid on the position
that this leaves. An asset that is delisted takes no more orders; when all is done, its orders are cancelled and its
position is closed at the last price, for nothing.

At a close, positions need the maintenance margin of their value, but for what market orders at work will close. Where
equity is less, orders that could add are cancelled, and market orders close the position that needs the most (of
equals, the first asset's), in lots rounded up, then the next, until the rest is covered. The strategy cannot touch
them.

In a cash account nothing is bought with what a fill brought before so many sessions have begun since.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from scenarios.scripted import TARGET_VALUE

from oracle.engine import Oracle
from oracle.orders import MARKET, TOLERANCE, Fill, Order

if TYPE_CHECKING:
    from scenarios.random_scripts import Scenario

PRICES = ("limit", "stop", "stop_loss", "take_profit", "amount")


class AccountOracle(Oracle):
    """Plays a script in an account with corporate actions: (timestamp, asset, split, dividend, delisting)."""

    actions = ()
    maintenance = Fraction(0)
    settlement = 0
    gone: frozenset[str] = frozenset()

    def begin(self, now):
        self.gone = {asset for at, asset, _, _, delisting in self.actions if delisting and at <= now}
        for at, asset, ratio, dividend, _ in self.actions:
            if at == now:
                self.split(asset, Fraction(ratio))
                self.pay(asset, -self.position[asset] * Fraction(dividend))

    def finish(self, now):
        for at, asset, _, _, delisting in self.actions:
            if at == now and delisting:
                for order in self.orders:
                    if order.live and order.asset == asset:
                        self.end_with_children(order, "cancelled", "the asset was delisted")
                self.pay_out(asset, -self.position[asset])

    def refuse(self, asset, units, price, commission):
        """Refuse a purchase with what sales of the last sessions brought."""
        refusal = super().refuse(asset, units, price, commission)
        if refusal or units < 0 or self.borrows:
            return refusal
        late = [fill for fill in self.fills if self.session(fill.timestamp) + self.settlement > self.session(self.now)]
        usable = self.cash + sum(min(fill.quantity * fill.price * fill.rate, 0) for fill in late)
        due = (units * price + commission) * self.rate(asset)
        return "exceeds settled cash" if due > usable * (1 + TOLERANCE) else ""

    def check(self):
        """Liquidate while equity does not cover the margin, the position with the largest margin first."""
        needs = self.needs()
        missing = sum(needs.values()) - self.worth()
        if not sum(needs.values()) or missing <= 0:
            return
        for order in self.orders:
            if order.live and not order.reduces:
                self.end_with_children(order, "cancelled", "the account broke its maintenance margin")
        needs = self.needs()  # of what those orders would have closed, too
        for asset in sorted(needs, key=lambda name: -needs[name]):
            if missing > 0 and needs[asset]:
                wanted = missing / (abs(self.price(asset)) * self.maintenance)
                units = min(ceil(wanted / self.lot) * self.lot if self.lot else wanted, self.kept(asset))
                signed = -units if self.position[asset] > 0 else units
                order = Order(len(self.orders) + 1, asset, MARKET, signed, None, None, None, reduces=True)
                order.planned = order.asked = signed
                order.forced = True
                self.orders.append(order)
                self.work(order)
                missing -= units * abs(self.price(asset)) * self.maintenance

    def needs(self):
        """Return the margin that each position requires."""
        held = [asset for asset in self.assets if self.position[asset]]
        return {asset: self.kept(asset) * abs(self.price(asset)) * self.maintenance for asset in held}

    def kept(self, asset):
        """Return the units of a position that no market order is about to close."""
        held = self.position[asset]
        after = held + sum(each.left for each in self.working() if each.asset == asset and each.unconditional)
        return min(abs(held), abs(after)) if held * after > 0 else Fraction(0)

    def speak(self, step, requests):
        """Submit a step, but leave what the strategy did not request unchanged."""
        forced = step.verb in {"cancel", "update"} and getattr(self.find(step.parent), "forced", False)
        if not forced:
            super().speak(step, requests)

    def judge(self, order):
        if order.asset in self.gone:
            order.total = self.whole(order.total)
            self.end(order, "rejected", "the asset was delisted")
        else:
            super().judge(order)

    def split(self, asset, ratio):
        if self.last[asset] is None or ratio == 1:
            return
        self.last[asset] /= ratio
        self.last_sides[asset] = [price / ratio for price in self.last_sides[asset] or ()]
        self.position[asset] *= ratio
        for order in self.orders:
            if order.live and order.asset == asset:
                left = self.whole(order.left * ratio)
                order.filled *= ratio
                order.planned, order.asked = (units and units * ratio for units in (order.planned, order.asked))
                order.total = order.filled + left
                prices = (price and price / ratio for price in (order.limit, order.stop))
                order.limit, order.stop = self.ticked(order, *prices)
                order.trail, order.best = (price and price / ratio for price in (order.trail, order.best))
                if not left:
                    self.end_with_children(order, "cancelled", "a split left less than a lot of it")
        self.pay_out(asset, self.whole(self.position[asset]) - self.position[asset])

    def pay_out(self, asset, units):
        """Trade units of a position at their price, without costs."""
        if not units:
            return
        order = Order(len(self.orders) + 1, asset, MARKET, units, None, None, None, reduces=True, filled=units)
        order.planned = order.asked = units
        self.orders.append(order)
        self.fills.append(Fill(order, self.now, units, self.last[asset], Fraction(0), Fraction(0), self.rate(asset)))
        self.pay(asset, units * self.last[asset])
        self.position[asset] += units
        self.follow(order, units, self.last[asset])


def with_actions(scenario: Scenario, seed: int) -> Scenario:
    """Add splits, dividends and the end of an asset, drawn at random."""
    generator = np.random.default_rng(seed)
    actions = {}
    for at in range(1, len(scenario.groups)):
        for asset in scenario.assets:
            if generator.random() < 0.12:
                ratio = generator.choice([1.0, 2.0, 0.5, 1.5, 3.0, 0.25])
                dividend = generator.integers(0, 5) / 4 if generator.random() < 0.5 else 0.0
                actions[at, asset] = (float(ratio), float(dividend), 0.0)
    end, asset = int(generator.integers(2, len(scenario.groups))), scenario.assets[-1]
    groups = [
        {name: bar for name, bar in group.items() if at <= end or name != asset}
        for at, group in enumerate(scenario.groups)
    ]
    if all(groups):
        ratio, dividend, _ = actions.get((end, asset), (1.0, 0.0, 0.0))
        actions[end, asset] = (ratio, dividend, 1.0)
        scenario = replace(scenario, groups=groups)
    return replace(scenario, actions=tuple((*key, *what) for key, what in sorted(actions.items())))


def in_units(scenario: Scenario, multiplier: float) -> Scenario:
    """Return the scenario without its multiplier, which is that of every asset: the same money, in units."""
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
    """Return the scenario in contracts: every asset has the multiplier, and the account that much more cash."""
    own = {name: {"multiplier": multiplier} for name in scenario.assets}
    steps = [replace(step) for step in scenario.steps]
    for step in steps:
        if step.verb == TARGET_VALUE:
            step.quantity *= multiplier
    cash = scenario.account["cash"] * multiplier
    return replace(scenario, steps=steps, account={**scenario.account, "cash": cash, "per_asset": own})


def _times(price: float, factor: Fraction) -> float | Fraction:
    return price if price != price or price in {float("inf"), float("-inf")} else factor * Fraction(price)  # noqa: PLR0124
