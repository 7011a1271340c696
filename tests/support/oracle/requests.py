"""What the oracle makes of a script: requests, whether they are accepted, and changes."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, inf, isnan

from oracle.orders import (
    FOK,
    IOC,
    LIMIT,
    MARKET,
    MARKET_ON_CLOSE,
    STOP,
    STOP_LIMIT,
    TIFS,
    TOLERANCE,
    TRAILING_STOP,
    TYPES,
    UNCONDITIONAL,
    Order,
    exact,
)


class Requests:
    """What a script asks for."""

    def speak(self, step, requests):  # noqa: C901 - one case for each verb
        name = self.assets[step.asset]
        held = self.position[name]
        quantity = exact(step.quantity)
        if step.verb == "submit":
            order = self.request(requests, name, TYPES[step.type], quantity, step.limit, step.stop, step.parent)
            order.trail, order.percent = exact(step.amount), exact(step.percent)
            order.tif, order.till, order.group = TIFS[step.tif], self.hour(self.now) + step.hours, step.oca
        elif step.verb == "bracket":
            entry = self.request(requests, name, TYPES[step.type], quantity, step.limit, step.stop)
            if not isnan(step.stop_loss):
                self.request(requests, name, STOP, -quantity, stop=step.stop_loss, parent=entry.id)
            if not isnan(step.take_profit):
                self.request(requests, name, LIMIT, -quantity, limit=step.take_profit, parent=entry.id)
        elif step.verb == "update":
            trail = exact(step.amount), exact(step.percent)
            self.update(self.find(step.parent), quantity, exact(step.limit), exact(step.stop), *trail)
        elif step.verb == "cancel":
            order = self.find(step.parent)
            if order and order.live:
                self.end_with_children(order, "cancelled", "cancelled by the strategy")
        elif step.verb == "flatten":
            self.flatten(requests, name, held)
        elif (wanted := self.target(step, name, quantity)) is None:
            self.request(requests, name, MARKET, None)
        elif (change := wanted - held) and self.whole(change):
            self.request(requests, name, MARKET, change, reduces=held * change < 0 and held * wanted >= 0)

    def flatten(self, requests, name, held):
        """Ask for one order that closes what is held at the close; one of another size goes before it."""
        for order in self.working():
            if order.asset == name and order.type == MARKET_ON_CLOSE and order.reduces and not order.parent:
                if held and order.left == -held:
                    return
                self.end_with_children(order, "cancelled", "cancelled by the strategy")
                break
        if held:
            self.request(requests, name, MARKET_ON_CLOSE, -held, reduces=True)

    def target(self, step, name, quantity):
        """Return the units that a target stands for; a value but 0 without a price, or at zero, stands for none."""
        if step.verb in {"close", "target_quantity"}:
            return quantity or Fraction(0)
        value = quantity if step.verb == "target_value" else quantity * self.worth()
        if not value:
            return Fraction(0)
        return value / self.price(name) if self.last[name] else None

    def request(self, requests, asset, kind, total, limit=float("nan"), stop=float("nan"), parent=0, *, reduces=False):
        family = self.find(parent)
        order = Order(
            len(self.orders) + 1, asset, kind, total, exact(limit), exact(stop), family, reduces or parent != 0
        )
        order.known_parent = parent == 0 or family is not None
        order.planned = order.asked = total
        self.orders.append(order)
        if family:
            family.children.append(order)
        requests.append(order)
        return order

    def find(self, number):
        return self.orders[number - 1] if 0 < number <= len(self.orders) else None

    def judge(self, order):
        """Accept a request, or reject it."""
        order.total = order.planned = order.asked = self.whole(order.total)
        order.limit, order.stop = self.ticked(order, order.limit, order.stop)
        if not order.total or order.total in {inf, -inf}:
            self.end(order, "rejected", "quantity is zero or not a number")
        elif (order.parent or not order.known_parent) and order.tif in {IOC, FOK}:
            self.end(order, "rejected", "time in force is unknown or incomplete")
        elif not self.priced(order):
            self.end(order, "rejected", "price is missing or not positive")
        elif not order.reduces and abs(order.total * self.reference(order)) * self.rate(order.asset) < self.minimum:
            self.end(order, "rejected", "below the minimum order value")
        elif not order.known_parent:
            self.end(order, "rejected", "no such parent order")
        elif order.parent:
            self.judge_child(order)
        else:
            added = self.added(order)
            refusal = self.objection(order, added)
            if refusal:
                self.end(order, "rejected", refusal)
            else:
                order.reserved = added
                self.work(order)

    def priced(self, order):
        needed = {LIMIT: [order.limit], STOP: [order.stop], STOP_LIMIT: [order.limit, order.stop]}.get(order.type, [])
        if order.type == TRAILING_STOP and not self.possible_trail(order.trail, order.percent):
            return False
        return all(map(self.possible, needed)) and self.can_be_judged(order)

    def can_be_judged(self, order):
        """Return whether there is a price above zero, or any at all for a market order that only closes a position."""
        reference = self.reference(order)
        if self.possible(reference) or reference is None or order.type not in UNCONDITIONAL:
            return self.possible(reference)
        held = self.position[order.asset]
        others = sum(each.left for each in self.working() if each.asset == order.asset and each.unconditional)
        after = held + others - (order.left if order.status == "working" else 0)
        kept = min(abs(held), abs(after)) if held * after > 0 else 0
        return held * order.left < 0 and (order.reduces or abs(order.left) <= kept + TOLERANCE * abs(held))

    def possible_trail(self, amount, percent):
        if (amount is None) == (percent is None):
            return False
        return self.possible(amount) if percent is None else 0 < percent < 1

    def judge_child(self, order):
        parent = order.parent
        if parent.asset != order.asset or parent.total * order.total >= 0:
            self.end(order, "rejected", "no such parent order")
        elif parent.filled:
            if parent.live:
                order.total = self.child_units(order)
            self.work(order)
        elif parent.live:
            order.status = "held"
        else:
            self.end(order, "cancelled", "its parent closed unfilled")

    def update(self, order, quantity, limit, stop, trail, percent):
        """Change an order, or leave it as it is if that makes no sense."""
        if not order or not order.live:
            return
        limit, stop = self.ticked(order, limit, stop)
        if not all(price is None or self.possible(price) for price in (limit, stop)):
            return
        trails = trail is not None or percent is not None
        follows = order.type == TRAILING_STOP
        if (trails and not (follows and self.possible_trail(trail, percent))) or (follows and stop is not None):
            return
        total = order.total
        if quantity is not None:
            total = self.whole(quantity)
            if not total or total in {inf, -inf} or total * order.total <= 0 or abs(total) <= abs(order.filled):
                return
        before = order.total, order.limit, order.stop
        order.total = total
        order.limit = order.limit if limit is None else limit
        order.stop = order.stop if stop is None else stop
        if order.status == "working":
            added = self.added(order)
            reserved, order.reserved = order.reserved, Fraction(0)
            smaller = abs(total) <= abs(before[0])
            accepted = smaller and added <= reserved
            if accepted or ((smaller or self.can_be_judged(order)) and not self.objection(order, added)):
                order.reserved = added
            else:
                order.reserved = reserved
                order.total, order.limit, order.stop = before
                return
        if trails:
            order.trail, order.percent = trail, percent
        if quantity is not None:
            self.resize(order, total / order.asked)
            order.planned, order.asked, order.own = total, total, True

    @staticmethod
    def possible(price):
        return price is not None and price not in {inf, -inf} and price > 0

    def reference(self, order):
        return {LIMIT: order.limit, STOP_LIMIT: order.limit, STOP: order.stop}.get(order.type, self.last[order.asset])

    def whole(self, quantity):
        if quantity is None or quantity in {inf, -inf} or not self.lot:
            return quantity
        size = floor(abs(quantity) / self.lot * (1 + TOLERANCE)) * self.lot
        return size if quantity > 0 else -size

    def ticked(self, order, *prices):
        """Round limit and stop to ticks: a level below the price down, one above it up."""
        if not self.tick or not order.total:
            return prices
        sides = (floor, ceil) if order.total > 0 else (ceil, floor)
        pairs = zip(sides, prices, strict=True)
        return [price if price in {None, inf} else side(price / self.tick) * self.tick for side, price in pairs]

    def added(self, order):
        """Return the gross exposure that an order would add; only market orders are certain to reduce it."""
        if order.reduces and not order.unconditional:
            return Fraction(0)
        others = (each for each in self.working() if each.asset == order.asset and each is not order)
        before = self.position[order.asset] + sum(each.left for each in others if each.unconditional)
        added = (abs(before + order.left) - abs(before)) * abs(self.reference(order)) * self.rate(order.asset)
        return added if order.unconditional else max(added, Fraction(0))

    def objection(self, order, added):
        if self.borrows:
            if added > 0 and added > self.power() + TOLERANCE * abs(self.worth()) * self.leverage:
                return "exceeds buying power"
            return ""
        held = self.position[order.asset]
        short = not order.reduces and order.total < 0 and held + order.total < -TOLERANCE * held
        return "short sale in a cash account" if short else ""
