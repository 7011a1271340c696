"""Limits of positions, exposure and losses for the exact oracle: the rules of `account`, and these.

An order that only closes units which are held, and which no market order is about to close, is never refused. Any other
is refused, when it is requested or enlarged, where the account has lost too much, where it would be one asset too many,
or where gross exposure, with what working orders would add, would be too high. An asset counts if it will be held once
market orders have filled, or if another order could open it. A fill that does more than reduce is refused where the
account has lost too much, at the last closes.

At a close at which something is held, an account that has lost too much cancels what could add, and closes all. A
daily loss is counted from the equity at the end of the session before and ends with the session; a drawdown from the
highest such equity, and does not end.
"""

from __future__ import annotations

from fractions import Fraction

from oracle.account import AccountOracle
from oracle.orders import MARKET, TOLERANCE, Order

DRAWDOWN, DAILY = "the account reached its drawdown", "the account reached its daily loss"


class LimitOracle(AccountOracle):
    """Plays a script in an account with limits."""

    limits: dict[str, float] = {}  # noqa: RUF012 - each subclass has its own
    halted = ""

    def begin(self, now):
        if now == 0:
            self.before = self.best = self.cash
        super().begin(now)

    def finish(self, now):
        super().finish(now)
        if self.closes_session(now):
            self.before = self.worth()
            self.best = max(self.best, self.before)
            if self.halted == DAILY:
                self.halted = ""

    def halt(self):
        """Return why the account may add nothing, or an empty text."""
        if self.halted != DRAWDOWN:
            if self.lost("drawdown", self.best):
                self.halted = DRAWDOWN
            elif self.lost("daily_loss", self.before):
                self.halted = DAILY
        return self.halted

    def lost(self, name, before):
        limit = self.limits.get(name)
        if limit is None or before <= 0:
            return False
        return before - self.worth() > Fraction(limit) * before * (1 + TOLERANCE)

    def objection(self, order, added):
        refusal = super().objection(order, added)
        if refusal or self.only_reduces(order):
            return refusal
        others = [each for each in self.working() if each is not order]
        most = self.limits.get("exposure")
        if self.halt():
            return self.halted
        if not self.counts(order.asset, others):
            held = sum(self.counts(asset, others) for asset in self.assets)
            if held >= self.limits.get("positions", len(self.assets)):
                return "exceeds the limit of positions"
        gross = self.gross() + added + sum(each.reserved for each in others)
        if most is not None and added > 0 and gross > Fraction(most) * max(self.worth(), 0) * (1 + TOLERANCE):
            return "exceeds the limit of exposure"
        return ""

    def only_reduces(self, order):
        held = self.position[order.asset]
        others = (each for each in self.working() if each.asset == order.asset and each is not order)
        after = held + sum(each.left for each in others if each.unconditional)
        kept = min(abs(held), abs(after)) if held * after > 0 else 0
        return order.reduces or (held * order.left < 0 and abs(order.left) <= kept + TOLERANCE * abs(held))

    def counts(self, asset, others):
        own = [each for each in others if each.asset == asset]
        if self.position[asset] + sum(each.left for each in own if each.unconditional):
            return True
        return any(not each.unconditional and not each.reduces for each in own)

    def halts(self, order, units):
        held = self.position[order.asset]
        if order.reduces or (held * units < 0 and abs(units) <= abs(held) * (1 + TOLERANCE)):
            return ""
        return self.halt()

    def check(self):
        if not any(self.position.values()):
            return
        if not self.halt():
            super().check()
            return
        for order in self.orders:
            if order.live and not order.reduces:
                self.end_with_children(order, "cancelled", self.halted)
        for asset in self.assets:
            units = self.kept(asset)
            if units:
                signed = -units if self.position[asset] > 0 else units
                order = Order(len(self.orders) + 1, asset, MARKET, signed, None, None, None, reduces=True)
                order.planned = order.asked = signed
                order.forced = True
                self.orders.append(order)
                self.work(order)
