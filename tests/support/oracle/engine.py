"""A second engine, slow and exact, as a reference for the first.

It is written from the documented rules alone: arithmetic in fractions, orders as objects, nothing counted that can be
summed, and no code shared with the engine but the steps of a script. What the rules leave to rounding, a tolerance of
one part in 10^12, is theirs too.
What a script asks for is in `requests`, what a bar does in `bars`, which bars are played on finer ones in `finer`,
which side of quotes an order meets in `quotes`, what orders mean for each other in `families`; here are the account,
the calendar and the order of events.

At each timestamp:

1. Working orders of the assets that trade meet their bars. An order is due at the open (a market order; a limit or
   stop whose level the open has reached or passed: at the open's price) or in the range (a level inside the bar: at
   the level). First what is due at the open, then the range; then exits by market order, stops against the position,
   other exits, entries; then order of submission. Where targets come first, other exits inside the range come before
   stops. The position that tells an exit from an entry is the one at the time when the order comes due.
2. A bracket's children come to life with their parent. If it filled at the open they meet the whole bar. If it filled
   in the range they meet what surely came after: from the entry's price to the high where a stop bought or a limit
   sold, to the low where a limit bought or a stop sold. What the entry's price reaches fills at once, there, and its
   own children wait. The stop of a stop entry lies on the other side: if the bar reached it, it fills, but not where
   targets come first.
3. Positions are marked at the close; what fills at a close does, by the same ranks: a market-on-close order at the
   asset's last bar of a session, and what the profile lets fill at closes.
   Once an asset had volume, it does not meet a bar without. A limit may need a price beyond it.
4. The script speaks; its requests are judged one after the other. Where the profile says so, the market orders among
   them fill at these closes.

A stop-limit order is a stop until it is reached. At a price within its limit it fills, slipping no further than its
limit; else it is a limit order, for the rest of the bar if the open decided, from the next bar otherwise. A trailing
stop stands at a distance from the best price since it came to life, at the last close or at its parent's fill; a bar
that does not reach it moves it.

A DAY order lives to the end of the session of its asset's next bar, a GTD order as long as bars come in time, an IOC
or FOK order for the open of its next bar (or for the close at which it could fill). When one order of a group fills,
the others are cancelled.

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
other choice: the family fills first, in their order, each what those before leave of it, and the order the rest, but
that the doubtful stop does not fill; of a group the first fills the part that the fill is of its order. What the fills
gain to the close of the bar is compared.

A profile answers five questions: where market orders fill; from when children meet bars; whether market orders that
exit come before those that enter; whether limits and stops see the whole bar; and whether a target that the bar opens
beyond has filled when the range reaches the stop, or both count as reached in the range.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

from oracle.bars import Bars
from oracle.costs import Costs
from oracle.families import Families
from oracle.finer import Finer
from oracle.orders import DAY, GTD, MARKET, TOLERANCE
from oracle.quotes import Quotes
from oracle.requests import Requests

FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - the first bar of a script, as written
PROFILES = {
    "next_open": ("next open", "entry bar", "exits first", "whole bar", "open decides"),
    "same_close": ("same close", "entry bar", "exits first", "whole bar", "open decides"),
    "next_close": ("next close", "entry bar", "exits first", "whole bar", "open decides"),
    "backtesting_py": ("next open", "entry bar if sure", "exits first", "whole bar", "range decides"),
    "backtrader": ("next open", "bar after", "as submitted", "whole bar", "range decides"),
    "vectorbt": ("same close", "entry bar", "as submitted", "whole bar", "range decides"),
    "zipline": ("next close", "entry bar", "all as submitted", "close", "open decides"),
}


class Oracle(Requests, Bars, Finer, Quotes, Families):
    """Plays a script. `market` is a list of {asset: (open, high, low, close)}; costs are given for every asset."""

    def __init__(self, market, assets, account, costs, profile="next_open", per_session=1):
        self.idle = ()
        self.beyond = False
        self.targets_first = False
        self.volume_share = 0.0
        self.taken = {}
        self.fill_at, self.children_meet, self.sequence, self.seen_of_bar, at_open = PROFILES[profile]
        self.range_decides = at_open == "range decides"
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
        self.last_sides = dict.fromkeys(assets)
        self.orders = []
        self.fills = []
        self.equity = []
        self.cashes = []
        self.ambiguous = 0
        self.ambiguous_pnl = Fraction(0)
        self.now = 0
        self.moment = 0  # counts the bars that orders meet
        self.births = 0
        self.due = []

    def run(self, steps):
        """Play every step at its time."""
        for now, group in enumerate(self.market):
            self.now = now
            self.taken = {self.traded(asset): Fraction(0) for asset in self.assets}
            if now and self.closes_session(now - 1):
                self.hold(Fraction(self.session(now) - self.session(now - 1), 365))
            self.begin(now)
            self.expire(lambda order: order.tif == GTD and order.till < self.hour(self.now))
            trading = {asset: bar for asset, bar in group.items() if self.trades(now, asset)}
            self.meet(trading)
            self.mark(group)
            self.meet_close(trading, now)
            self.fund(group)
            self.expire(lambda order: order.tif == DAY and self.ends(self.now, order.asset))
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

    def traded(self, asset):
        """Return whose volume an asset's orders take: of a combination all parts trade one asset."""
        return asset

    def hold(self, years):
        """Pay for what was held overnight."""
        self.cash -= self.costs.overnight(self.cash, self.position, self.last) * years

    def mark(self, group):
        """Mark positions to the closes."""
        for asset, bar in group.items():
            self.last[asset] = bar[3]
            self.mark_sides(asset)

    def fund(self, group):
        """Pay or receive the funding of positions."""
        self.cash -= self.costs.funding(self.now, self.position, group)

    def begin(self, now):
        """Process what precedes trading."""

    def check(self):
        """Process what precedes the script's requests."""

    def finish(self, now):
        """Process the end of the timestamp."""

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

    def ends(self, now, asset):
        """Return whether an asset's bar is its last of the session."""
        later = range(now + 1, len(self.market))
        more = any(asset in self.market[at] for at in later if self.session(at) == self.session(now))
        return asset in self.market[now] and not more

    def closes_session(self, now):
        return (now + 1) % self.per_session == 0 or now + 1 == len(self.market)

    # ---- what the account is worth ----

    def pay(self, _asset, amount):
        """Pay an amount of the asset's currency, or receive one below zero."""
        self.cash -= amount

    def rate(self, _asset):
        """Return the current exchange rate of the asset's currency."""
        return 1

    def price(self, asset):
        """Return an asset's last price in the account's currency."""
        return self.last[asset] * self.rate(asset)

    def worth(self):
        return self.cash + sum(units * self.price(asset) for asset, units in self.position.items() if units)

    def gross(self):
        return sum(abs(units * self.price(asset)) for asset, units in self.position.items() if units)

    def working(self):
        return [order for order in self.orders if order.status == "working"]

    def power(self):
        return self.leverage * self.worth() - self.gross() - sum(order.reserved for order in self.working())

    # ---- what the account allows ----

    def halts(self, _order, _units):
        """Return why the account's limits refuse a fill, or an empty text."""
        return ""

    def refuse(self, asset, units, price, commission):
        if self.borrows:
            return ""
        if units > 0:
            due = (units * price + commission) * self.rate(asset)
            return "exceeds cash" if due > self.cash * (1 + TOLERANCE) else ""
        return "short sale in a cash account" if self.position[asset] + units < 0 else ""
