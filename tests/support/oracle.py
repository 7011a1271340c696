"""A second engine, slow and exact, to judge the first by.

It is written from the documented rules alone: arithmetic in fractions, orders as objects, nothing counted that can be
summed, and no code shared with the engine but the steps of a script. What the rules leave to rounding, a tolerance of
one part in 10^12, is theirs too.

At each timestamp:

1. Working orders of the assets that trade meet their bars. An order is due at the open (a market order; a limit or
   stop whose level the open has reached or passed: at the open's price) or in the range (a level inside the bar: at
   the level). First what is due at the open, then the range; then exits by market order, stops against the position,
   other exits, entries; then order of submission. Where targets come first, other exits inside the range come before
   stops. The position that tells an exit from an entry is the one
   at the time when the order comes due.
2. A bracket's children come to life with their parent. If it filled at the open they meet the whole bar; if it filled
   in the range only a stop does, at the entry's price or worse; where targets come first, not if the entry was a stop.
3. Positions are marked at the close; what fills at a close does, by the same ranks: a market-on-close order at the
   last bars of a session, and what the profile lets fill at closes.
   Once an asset had volume, it does not meet a bar without. A limit may need a price beyond it.
4. The script speaks; its requests are judged one after the other. Where the profile says so, the market orders among
   them fill at these closes.

A stop-limit order is a stop until it is reached. At a price within its limit it fills, slipping no further than its
limit; else it is a limit order, for the rest of the bar if the open decided, from the next bar otherwise. A trailing
stop stands at a distance from the best price since it came to life, at the last close or at its parent's fill; a bar
that does not reach it moves it.

A DAY order lives to the end of the session of the next bars, a GTD order as long as bars come in time, an IOC or FOK
order for the open of its next bar (or for the close at which it could fill). When one order of a group fills, the
others are cancelled.

With a share of the volume, the fills of an asset at one bar come to no more than that, and orders fill in parts. The
rest goes on as it is, but a stop that was reached as a market order and a stop-limit order as a limit order; IOC
expires with it, FOK fills whole or expires. Children work for the part of their parent that has filled, in lots
rounded up, and the first fill of one (or the end of the position) cancels what the parent has left. In a group the
others lose the part of what they have left that the fill had of its order.

When the size of an order is changed, its children remain the part of it that they were, and theirs of them; what works
for filled units stays as it is. A child that was itself given a size keeps it: until its parent has filled as much it
works for what has, unless it worked when it was given it. A child of a parent that is over works as asked.

A limit order is a maker where it fills inside a bar, or after it has met a bar that did not fill it whole. Funding is
paid on what is held at a close, at the bar's rate.

A fill inside the range of an order with a family or a group is ambiguous if it keeps one of them, due in the range on
the other side, from filling; so is the stop of a stop entry in the entry's bar, or the entry that it does not end. The
other choice: the family fills first, in their order, each what those before leave of it, and the order the rest; of a
group the first fills the part that the fill is of its order; the doubtful stop does not fill. What the fills gain to
the close of the bar is compared.

A profile answers four questions: where market orders fill; from when children meet bars; whether market orders that
exit come before those that enter; whether limits and stops see the whole bar.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor, inf, isfinite, isnan

from oracle_costs import Costs

FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - the first bar of a script, as written
TOLERANCE = Fraction(1, 10**12)
AT_OPEN, IN_RANGE, AT_CLOSE = 0, 1, 2
TYPES = MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, MARKET_ON_CLOSE = (
    "market",
    "limit",
    "stop",
    "stop_limit",
    "trailing_stop",
    "market_on_close",
)
TIFS = GTC, DAY, GTD, IOC, FOK = ("gtc", "day", "gtd", "ioc", "fok")
STOPS = (STOP, STOP_LIMIT, TRAILING_STOP)
UNCONDITIONAL = (MARKET, MARKET_ON_CLOSE)
PROFILES = {
    "next_open": ("next open", "entry bar", "exits first", "whole bar"),
    "same_close": ("same close", "entry bar", "exits first", "whole bar"),
    "next_close": ("next close", "entry bar", "exits first", "whole bar"),
    "backtesting_py": ("next open", "entry bar of market orders", "exits first", "whole bar"),
    "backtrader": ("next open", "bar after", "as submitted", "whole bar"),
    "vectorbt": ("same close", "entry bar", "as submitted", "whole bar"),
    "zipline": ("next close", "entry bar", "all as submitted", "close"),
}


def exact(number):
    """Give a float as the fraction that it is; None for NaN."""
    return None if isnan(number) else Fraction(number) if isfinite(number) else number


@dataclass(eq=False)
class Order:
    """One order and what became of it; `total` units are asked for, all signed."""

    id: int
    asset: str
    type: str
    total: Fraction
    limit: Fraction | None
    stop: Fraction | None
    parent: Order | None
    reduces: bool
    known_parent: bool = True
    tif: str = GTC
    till: Fraction | None = None  # hours since the start
    last_session: int = -1
    group: int = 0
    trail: Fraction | None = None
    percent: Fraction | None = None
    best: Fraction | None = None  # the price that a trailing stop follows
    planned: Fraction | None = None  # a child's units for the whole of its parent
    asked: Fraction | None = None  # units that were asked for last
    own: bool = False  # was itself given its size
    triggered: bool = False  # a stop-limit order that is a limit order now
    rested: bool = False  # has met a bar that did not fill it whole
    released: bool = False  # a stop that is a market order now
    status: str = "requested"
    reason: str = ""
    filled: Fraction = Fraction(0)
    value: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    paid: Fraction = Fraction(0)
    reserved: Fraction = Fraction(0)
    number: int = 0  # the place of its coming to life: resting orders are looked at in this order
    doubted: int = -1  # the timestamp at which its level was reached before its entry, or after
    children: list[Order] = field(default_factory=list)

    @property
    def left(self):
        return self.total - self.filled

    @property
    def live(self):
        return self.status in {"requested", "held", "working"}

    @property
    def is_stop(self):
        return self.type in STOPS and not self.triggered and not self.released

    @property
    def unconditional(self):
        return self.type in UNCONDITIONAL or self.released

    @property
    def level(self):
        if self.type == TRAILING_STOP:
            distance = self.trail if self.trail is not None else self.best * self.percent
            return self.best - distance if self.total < 0 else self.best + distance
        return self.stop if self.is_stop else self.limit

    def within_limit(self, price):
        return self.type != STOP_LIMIT or (price <= self.limit if self.total > 0 else price >= self.limit)

    @property
    def siblings(self):
        return [order for order in self.parent.children if order is not self and order.live] if self.parent else []


@dataclass
class Fill:
    """One fill; price after slippage, commission and slippage in the account's currency."""

    order: Order
    timestamp: int
    quantity: Fraction
    price: Fraction
    commission: Fraction
    slippage: Fraction
    rate: Fraction = Fraction(1)  # of its currency


class Oracle:
    """Plays a script. `market` is a list of {asset: (open, high, low, close)}; costs are given for every asset."""

    def __init__(self, market, assets, account, costs, profile="next_open", per_session=1):
        self.idle = ()
        self.beyond = False
        self.targets_first = False
        self.volume_share = 0.0
        self.taken = {}
        self.fill_at, self.children_meet, self.sequence, self.seen_of_bar = PROFILES[profile]
        self.per_session = per_session
        self.market = [{name: tuple(map(Fraction, bar)) for name, bar in group.items()} for group in market]
        self.assets = assets
        self.cash = Fraction(account["cash"])
        self.borrows = account["kind"] == "margin"
        self.leverage = Fraction(account["leverage"])
        self.lot = Fraction(account.get("lot", 0.0))
        self.tick = Fraction(account.get("tick", 0.0))
        self.minimum = Fraction(account.get("minimum_order", 0.0))
        self.costs = Costs(costs)
        self.position = dict.fromkeys(assets, Fraction(0))
        self.last = dict.fromkeys(assets)
        self.orders = []
        self.fills = []
        self.equity = []
        self.cashes = []
        self.ambiguous = 0
        self.ambiguous_pnl = Fraction(0)
        self.now = 0
        self.births = 0
        self.due = []

    def run(self, steps):
        """Play every step at its time."""
        for now, group in enumerate(self.market):
            self.now = now
            self.taken = dict.fromkeys(self.assets, Fraction(0))
            if now and self.closes_session(now - 1):
                years = (self.hour(now) - self.hour(now - 1)) / 24 / 365
                self.hold(years)
            self.begin(now)
            self.expire(lambda order: order.tif == GTD and order.till < self.hour(self.now))
            trading = {asset: bar for asset, bar in group.items() if self.trades(now, asset)}
            self.meet(trading)
            self.mark(group)
            self.meet_close(trading, now)
            self.fund(group)
            if self.closes_session(now):
                self.expire(lambda order: order.tif == DAY and order.last_session <= self.session(self.now))
            self.check()
            requests = []
            for step in (step for step in steps if step.at == now):
                self.speak(step, requests)
            for order in requests:
                if order.status == "requested":
                    self.judge(order)
            if self.fill_at == "same close" and requests:
                self.meet_close(trading, now, (MARKET,))
            self.finish(now)
            self.equity.append(self.worth())
            self.cashes.append(self.cash)
        return self

    def hold(self, years):
        """Pay for what was held overnight."""
        self.cash -= self.costs.overnight(self.cash, self.position, self.last) * years

    def mark(self, group):
        """Take the closes as the last prices."""
        for asset, bar in group.items():
            self.last[asset] = bar[3]

    def fund(self, group):
        """Pay or get the funding of what is held."""
        self.cash -= self.costs.funding(self.now, self.position, group)

    def begin(self, now):
        """Do what comes before anything trades."""

    def check(self):
        """Do what comes before the script speaks."""

    def finish(self, now):
        """Do what comes after everything else."""

    # ---- time ----

    def trades(self, now, asset):
        """An asset with volume so far does not trade at a bar without it."""
        shown = any(asset in group and (at, asset) not in self.idle for at, group in enumerate(self.market[: now + 1]))
        return (now, asset) not in self.idle or not shown

    def expire(self, is_over):
        for order in self.orders:
            if order.live and is_over(order):
                self.end_with_children(order, "expired", "")

    def hour(self, now):
        return Fraction(24 * now, self.per_session)

    def month(self):
        return (FIRST_DAY + timedelta(hours=float(self.hour(self.now)))).month

    def session(self, now):
        return now // self.per_session

    def closes_session(self, now):
        return (now + 1) % self.per_session == 0 or now + 1 == len(self.market)

    # ---- what the account is worth ----

    def pay(self, _asset, amount):
        """Pay an amount of the asset's currency, or receive one below zero."""
        self.cash -= amount

    def rate(self, _asset):
        """Give what one of the asset's currency is worth now."""
        return 1

    def price(self, asset):
        """Give an asset's last price in the account's currency."""
        return self.last[asset] * self.rate(asset)

    def worth(self):
        return self.cash + sum(units * self.price(asset) for asset, units in self.position.items() if units)

    def gross(self):
        return sum(abs(units) * self.price(asset) for asset, units in self.position.items() if units)

    def working(self):
        return [order for order in self.orders if order.status == "working"]

    def power(self):
        return self.leverage * self.worth() - self.gross() - sum(order.reserved for order in self.working())

    # ---- orders meet bars ----

    def meet(self, group):
        self.due = []
        for order in sorted(self.working(), key=lambda order: order.number):
            if order.asset in group and not self.at_close(order):
                self.come_due(order, *self.touch(order, group[order.asset]))
        self.settle(group)

    def meet_close(self, group, now, types=TYPES):
        for order in sorted(self.working(), key=lambda order: order.number):
            if order.asset not in group or not self.at_close(order) or order.type not in types:
                continue
            close = group[order.asset][3]
            if order.type == MARKET_ON_CLOSE and not self.closes_session(now):
                continue
            moment, _ = self.touch(order, (close,) * 4)
            if moment is not None:
                self.come_due(order, AT_CLOSE, close)
            elif order.tif in {IOC, FOK}:
                self.end_with_children(order, "expired", "")
        self.settle(group)

    def at_close(self, order):
        """Tell whether an order fills at closes alone."""
        if order.type == MARKET_ON_CLOSE or self.seen_of_bar == "close":
            return True
        return order.type == MARKET and self.fill_at != "next open"

    def settle(self, group):
        """Fill what has come due, one after the other."""
        while self.due:
            moment, _, _, order, price = self.due.pop(self.due.index(min(self.due, key=lambda each: each[:3])))
            if order.status == "working":
                self.execute(order, moment, price, group[order.asset])

    def touch(self, order, bar):
        """Give the moment and the price before slippage, or Nones; change the order by what it saw."""
        moment, price = self.seek(order, bar)
        order.rested = order.rested or moment is None
        return moment, price

    def seek(self, order, bar):
        moment, price = self.reach(order, bar)
        if order.type == TRAILING_STOP and moment is None:
            order.best = max(order.best, bar[1]) if order.total < 0 else min(order.best, bar[2])
        if order.is_stop and moment is not None and not order.within_limit(price):
            order.triggered = True
            return self.reach(order, bar) if moment == AT_OPEN else (None, None)
        return moment, price

    def reach(self, order, bar):
        """Give the moment and the price at which a bar reaches the order's level, or Nones."""
        opened, high, low, _ = bar
        if order.unconditional:
            return AT_OPEN, opened
        level = order.level
        falls_to_it = order.is_stop != (order.total > 0)  # buy limits and sell stops wait below
        if self.beyond and not order.is_stop:
            if (opened < level) if falls_to_it else (opened > level):
                return AT_OPEN, opened
            return (IN_RANGE, level) if low < level < high else (None, None)
        if opened == level or (opened < level) == falls_to_it:
            return AT_OPEN, opened
        if low <= level <= high:
            return IN_RANGE, level
        return None, None

    def come_due(self, order, moment, price):
        if order.tif in {IOC, FOK} and moment not in {AT_OPEN, AT_CLOSE}:
            self.end_with_children(order, "expired", "")
            return
        if moment is None:
            return
        exits = self.position[order.asset] * order.total < 0
        second = order.is_stop if self.targets_first and moment == IN_RANGE else not order.is_stop
        rank = (0 if order.unconditional else 1 + second) if exits else 3
        if self.sequence == "all as submitted" or (self.sequence == "as submitted" and order.unconditional):
            rank = 0
        self.due.append((moment, rank, order.id, order, price))

    def execute(self, order, moment, price, bar):
        held = self.position[order.asset]
        if order.reduces and held * order.total >= 0:
            self.end_orphan(order)
            return
        self.fit(order, held)
        units = self.fillable(order)
        part = units / order.left
        if not units or (part < 1 and order.tif == FOK):
            self.leave_rest(order)
            return
        paid = self.paid(order, units, price)
        maker = self.bound(order) and (moment == IN_RANGE or order.rested)
        commission = self.costs.charge(order, units, paid, self.month(), maker=maker)
        refusal = self.refuse(order.asset, units, paid, commission)
        if refusal:
            self.end_with_children(order, "rejected", refusal)
            return
        if moment == IN_RANGE:
            self.weigh(order, units, price)
        by_stop = order.is_stop
        self.pay(order.asset, units * paid + commission)
        rate = self.rate(order.asset)
        self.position[order.asset] += units
        self.costs.enter(order, units, paid, commission, maker=maker)
        order.filled += units
        self.fills.append(
            Fill(order, self.now, units, paid, commission * rate, abs(paid - price) * abs(units) * rate, rate)
        )
        fresh = order.filled == units
        self.taken[order.asset] += abs(units)
        self.follow(order, units, price)
        self.reduce_group(order, 1 - part)
        if order.status == "working":
            self.leave_rest(order)
        if fresh:
            self.meet_children(order, moment, price, bar, by_stop=by_stop)

    @staticmethod
    def bound(order):
        """Tell whether an order is a limit order now."""
        return order.type == LIMIT or order.triggered

    def paid(self, order, units, price):
        """Give the price after slippage, within a limit."""
        paid = price if self.bound(order) else self.costs.slipped(order, units, price, self.share(order, units))
        return paid if order.within_limit(paid) else order.limit

    def gain(self, order, units, price):
        """Give what units of an order, filled now at a market price, gain to the close."""
        if not units:
            return Fraction(0)
        paid = self.paid(order, units, price)
        commission = self.costs.charge(order, units, paid, self.month(), maker=self.bound(order))
        return (units * (self.market[self.now][order.asset][3] - paid) - commission) * self.rate(order.asset)

    def weigh(self, order, units, price):
        """Count a fill in the range if there was another choice, and what that would have gained more."""
        gained = self.gain(order, units, price)
        if order.doubted == self.now:
            self.ambiguous += 1
            self.ambiguous_pnl -= gained
            return
        left, otherwise = units, Fraction(0)
        for moment, _, _, other, level in sorted(self.due, key=lambda due: due[:3]):
            if moment != IN_RANGE or other.status != "working" or not self.apart(order, other):
                continue
            if other in order.siblings:
                part = max(min(abs(other.left) - abs(units - left), abs(left)), 0) * (1 if units > 0 else -1)
                left -= part
            elif not order.group or other.group != order.group or not left:
                continue
            else:
                part, left = other.left * units / order.left, Fraction(0)
            otherwise += self.gain(other, part, level)
        if left != units:
            self.ambiguous += 1
            self.ambiguous_pnl += otherwise + self.gain(order, left, price) - gained

    @staticmethod
    def apart(order, other):
        """Tell whether two levels in one range are of different assets, or on both sides of the open."""
        return order.asset != other.asset or (order.is_stop != (order.total > 0)) != (
            other.is_stop != (other.total > 0)
        )

    @staticmethod
    def fit(order, held):
        """Let an order that reduces ask for no more than is held, and one that closes all but a trace for all."""
        if order.reduces and abs(order.left) > abs(held):
            order.total = order.filled - held
        if held * order.total < 0 and abs(order.left + held) <= TOLERANCE * abs(held):
            order.total = order.filled - held

    def fillable(self, order):
        """Give the units that are left in the bar for an order."""
        left = order.left
        if not self.volume_share or (self.now, order.asset) in self.idle:
            return left
        room = max(Fraction(self.volume_share) * 1_000_000 - self.taken[order.asset], Fraction(0))
        if abs(left) <= room * (1 + TOLERANCE):
            return left
        return self.whole(room if left > 0 else -room)

    def share(self, order, units):
        """Give the share of the bar's volume that has filled with these units; a bar without volume is taken whole."""
        if (self.now, order.asset) in self.idle:
            return Fraction(1)
        return (self.taken[order.asset] + abs(units)) / 1_000_000

    def leave_rest(self, order):
        order.rested = True
        if order.tif in {IOC, FOK}:
            self.end_with_children(order, "expired", "")
        elif order.is_stop:
            order.triggered = order.type == STOP_LIMIT
            order.released = not order.triggered

    def reduce_group(self, order, share):
        """Reduce the others of an order's group."""
        others = [each for each in self.orders if order.group and each.group == order.group and each is not order]
        for each in others:
            if each.live:
                self.reduce(each, share)

    def reduce(self, order, share):
        """Leave an order a share of what it has left."""
        before = order.left
        left = self.whole(before * share)
        if not left:
            self.end_with_children(order, "cancelled", "another order of its group filled")
            return
        order.total = order.filled + left
        if order.parent:
            order.planned *= share
        order.reserved *= left / before

    def child_units(self, child):
        """Give a child's units for the part of its parent that has filled."""
        if not child.own:
            return self.lots_up(child.planned * child.parent.filled / child.parent.asked)
        size = self.lots_up(min(abs(child.planned), abs(child.parent.filled)))
        if child.status == "working":
            size = max(size, abs(child.total))
        return size if child.planned > 0 else -size

    def lots_up(self, units):
        if not self.lot:
            return units
        size = ceil(abs(units) / self.lot * (1 - TOLERANCE)) * self.lot
        return size if units > 0 else -size

    def resize(self, order, ratio):
        """Change the children of an order by as much as it was changed."""
        for child in order.children:
            if child.live and not child.own:
                child.planned *= ratio
                child.asked *= ratio
                if child.status != "working":
                    child.total = self.lots_up(child.planned)
                self.resize(child, ratio)

    def end_orphan(self, order):
        self.end_parent(order)
        self.end_with_children(order, "cancelled", "its position closed")

    def end_parent(self, order):
        if order.parent and order.parent.status == "working":
            self.end_with_children(order.parent, "cancelled", "its bracket began to exit")

    def follow(self, order, units, price):
        """Do what follows from a fill: children come to life, siblings shrink, orphans go."""
        order.reserved *= order.left / (order.left + units)
        for child in order.children:
            if child.status in {"held", "working"}:
                child.total = self.child_units(child)
            if child.status == "held":
                self.work(child, price)
        self.end_parent(order)
        for sibling in order.siblings:
            sibling.total -= units
            if sibling.left * order.total <= 0:
                self.end_with_children(sibling, "cancelled", "its sibling filled")
        if not order.left:
            order.status = "filled"
        held = self.position[order.asset]
        if order.total * held >= 0:
            for other in self.working():
                done = other.status != "working"  # its bracket ended with an order before it
                if not done and other.asset == order.asset and other.reduces and other.total * held >= 0:
                    self.end_orphan(other)

    def meet_children(self, order, moment, price, bar, *, by_stop):
        """Let children that came to life with this fill meet the rest of its bar."""
        if moment == AT_CLOSE or self.children_meet == "bar after":
            return
        if self.children_meet == "entry bar of market orders" and not order.unconditional:
            return
        for child in order.children:
            if child.status != "working" or self.at_close(child):
                continue
            if moment == AT_OPEN:
                self.come_due(child, *self.touch(child, bar))
            elif child.is_stop:
                sells = child.total < 0
                if (bar[2] <= child.level) if sells else (bar[1] >= child.level):
                    level = min(child.level, price) if sells else max(child.level, price)
                    if by_stop and self.targets_first:
                        units = self.fillable(child)
                        self.ambiguous += units != 0
                        self.ambiguous_pnl += self.gain(child, units, level)
                    elif child.within_limit(level):
                        child.doubted = self.now if by_stop else -1
                        self.come_due(child, IN_RANGE, level)
                    else:
                        child.triggered = True

    # ---- what the account allows ----

    def refuse(self, asset, units, price, commission):
        if self.borrows:
            return ""
        if units > 0:
            due = (units * price + commission) * self.rate(asset)
            return "exceeds cash" if due > self.cash * (1 + TOLERANCE) else ""
        return "short sale in a cash account" if self.position[asset] + units < 0 else ""

    # ---- requests ----

    def speak(self, step, requests):
        name = self.assets[step.asset]
        held = self.position[name]
        quantity = exact(step.quantity)
        if step.verb == "submit":
            order = self.request(requests, name, TYPES[step.type], quantity, step.limit, step.stop, step.parent)
            order.trail, order.percent = exact(step.amount), exact(step.percent)
            order.tif, order.till, order.group = TIFS[step.tif], self.hour(self.now) + step.hours, step.oca
            order.last_session = self.session(self.now) + self.closes_session(self.now)
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
        elif (wanted := self.target(step, name, quantity)) is None:
            self.request(requests, name, MARKET, None)
        elif (change := wanted - held) and self.whole(change):
            self.request(requests, name, MARKET, change, reduces=held * change < 0 and held * wanted >= 0)

    def target(self, step, name, quantity):
        """Give the units that a target stands for; a value without a price stands for none."""
        if step.verb in {"close", "target_quantity"}:
            return quantity or Fraction(0)
        if self.last[name] is None:
            return None
        return (quantity if step.verb == "target_value" else quantity * self.worth()) / self.price(name)

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
        elif not order.reduces and abs(order.total) * self.reference(order) * self.rate(order.asset) < self.minimum:
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
        return all(map(self.possible, [*needed, self.reference(order)]))

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
            no_more = added <= reserved and abs(total) <= abs(before[0])
            if no_more or not self.objection(order, added):
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
        """Give the gross exposure that an order would add; only market orders can be sure to reduce."""
        if order.reduces and not order.unconditional:
            return Fraction(0)
        others = (each for each in self.working() if each.asset == order.asset and each is not order)
        before = self.position[order.asset] + sum(each.left for each in others if each.unconditional)
        added = (abs(before + order.left) - abs(before)) * self.reference(order) * self.rate(order.asset)
        return added if order.unconditional else max(added, Fraction(0))

    def objection(self, order, added):
        if self.borrows:
            if added > 0 and added > self.power() + TOLERANCE * abs(self.worth()) * self.leverage:
                return "exceeds buying power"
            return ""
        held = self.position[order.asset]
        short = not order.reduces and order.total < 0 and held + order.total < -TOLERANCE * held
        return "short sale in a cash account" if short else ""

    # ---- beginnings and ends ----

    def work(self, order, price=None):
        self.births += 1
        order.best = self.last[order.asset] if price is None else price
        order.number = self.births
        order.status = "working"

    @staticmethod
    def end(order, status, reason):
        order.status, order.reason = status, reason

    def end_with_children(self, order, status, reason):
        self.end(order, status, reason)
        for child in order.children:
            if child.status == "held":
                self.end_with_children(child, "cancelled", "its parent closed unfilled")
