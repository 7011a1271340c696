"""How the oracle matches orders with bars: when they are due, in which order, how much they fill and at which price."""

from __future__ import annotations

from fractions import Fraction

from oracle.orders import (
    AT_CLOSE,
    AT_ENTRY,
    AT_OPEN,
    FOK,
    IN_RANGE,
    IOC,
    LIMIT,
    MARKET,
    MARKET_ON_CLOSE,
    STOP_LIMIT,
    TOLERANCE,
    TRAILING_STOP,
    TYPES,
    Fill,
)

OTHER_EXIT = 2  # after exits by market order and those that come first where the range holds both


class Bars:
    """What happens at a bar."""

    def meet(self, group):
        for bars in self.moments(group):
            self.moment += 1
            self.due = []
            for order in sorted(self.working(), key=lambda order: order.number):
                if order.asset in bars and not self.at_close(order):
                    self.come_due(order, *self.touch(order, self.seen(order, bars[order.asset])))
            self.settle(bars)

    def meet_close(self, group, now, types=TYPES):
        for order in sorted(self.working(), key=lambda order: order.number):
            if order.asset not in group or not self.at_close(order) or order.type not in types:
                continue
            close = self.seen(order, group[order.asset])[3]
            if order.type == MARKET_ON_CLOSE and not self.ends(now, order.asset):
                continue
            moment, _ = self.touch(order, (close,) * 4)
            if moment is not None:
                self.come_due(order, AT_CLOSE, close)
            elif order.tif in {IOC, FOK}:
                self.end_with_children(order, "expired", "")
        self.settle(group)

    def at_close(self, order):
        """Return whether an order fills at closes only."""
        if order.type == MARKET_ON_CLOSE or self.seen_of_bar == "close":
            return True
        return order.type == MARKET and self.fill_at != "next open"

    def settle(self, group):
        """Fill the orders that are due, one after the other."""
        while self.due:
            moment, rank, _, order, price = self.due.pop(self.due.index(min(self.due, key=lambda each: each[:3])))
            if order.status != "working":
                continue
            if moment == AT_OPEN and rank == OTHER_EXIT and self.range_decides and self.has_stop_in_range(order):
                self.line_up(order, IN_RANGE, price)
            else:
                self.execute(order, moment, price, group[order.asset])

    def has_stop_in_range(self, order):
        """Return whether the range reaches a stop whose fill would end this order."""
        return any(
            moment == IN_RANGE and other.status == "working" and other.is_stop and self.rivals(order, other)
            for moment, _, _, other, _ in self.due
        )

    def rivals(self, order, other):
        """Return whether one of two due orders ends the other: siblings, or one OCA group, that are `apart`."""
        kin = other in order.siblings or (order.group and order.group == other.group)
        return kin and self.apart(order, other)

    def touch(self, order, bar):
        """Return the moment and the price before slippage, or Nones; the bar updates the order's state."""
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
        """Return the moment and the price at which a bar reaches the order's level, or Nones."""
        opened, high, low, _ = bar
        if order.unconditional:
            return AT_OPEN, opened
        level = order.level
        falls_to_it = order.is_stop != (order.total > 0)  # buy limits and sell stops wait below
        if self.beyond and not order.is_stop:
            if (opened < level) if falls_to_it else (opened > level):
                return AT_OPEN, opened
            return (IN_RANGE, level) if (low < level if falls_to_it else high > level) else (None, None)
        if opened == level or (opened < level) == falls_to_it:
            return AT_OPEN, opened
        if low <= level <= high:
            return IN_RANGE, level
        return None, None

    def come_due(self, order, moment, price):
        if order.tif in {IOC, FOK} and moment not in {AT_OPEN, AT_CLOSE}:
            self.end_with_children(order, "expired", "")
            return
        if moment is not None:
            self.line_up(order, moment, price)

    def line_up(self, order, moment, price):
        """Put an order among those that are due."""
        exits = self.position[order.asset] * order.total < 0
        second = order.is_stop if self.targets_first and moment == IN_RANGE else not order.is_stop
        rank = (0 if order.unconditional else OTHER_EXIT if second else 1) if exits else 3
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
        if order.doubted == self.moment and self.targets_first:
            self.ambiguous += units != 0
            self.ambiguous_pnl += self.gain(order, units, price)
            return
        part = units / order.left
        if not units or (part < 1 and order.tif == FOK):
            self.leave_rest(order)
            return
        paid = self.paid(order, units, price)
        maker = self.bound(order) and (moment == IN_RANGE or order.rested)
        commission = self.costs.charge(order, units, paid, self.month(), maker=maker)
        refusal = self.refuse(order.asset, units, paid, commission) or self.halts(order, units)
        if refusal:
            self.end_with_children(order, "rejected", refusal)
            return
        if moment == IN_RANGE:
            self.weigh(order, units, price)
        by_stop, by_market = order.is_stop, order.unconditional
        self.pay(order.asset, units * paid + commission)
        rate = self.rate(order.asset)
        self.position[order.asset] += units
        self.costs.enter(order, units, paid, commission, maker=maker)
        order.filled += units
        self.fills.append(
            Fill(order, self.now, units, paid, commission * rate, abs(paid - price) * abs(units) * rate, rate)
        )
        fresh = order.filled == units
        self.taken[self.traded(order.asset)] += abs(units)
        begin = self.begin_of_children(order, moment, price)
        self.follow(order, units, begin)
        self.reduce_group(order, 1 - part)
        if order.status == "working":
            self.leave_rest(order)
        if fresh and self.in_entry_bar(order, bar, by_market=by_market, by_stop=by_stop):
            self.meet_children(order, moment, begin, bar, by_stop=by_stop)

    @staticmethod
    def bound(order):
        """Return whether an order is a limit order now."""
        return order.type == LIMIT or order.triggered

    def paid(self, order, units, price):
        """Return the price after slippage, within a limit."""
        paid = price if self.bound(order) else self.costs.slipped(order, units, price, self.share(order, units))
        return paid if order.within_limit(paid) else order.limit

    def gain(self, order, units, price):
        """Return the profit to the close of an order's units, if filled now at a market price."""
        if not units:
            return Fraction(0)
        paid = self.paid(order, units, price)
        commission = self.costs.charge(order, units, paid, self.month(), maker=self.bound(order))
        return (units * (self.market[self.now][order.asset][3] - paid) - commission) * self.rate(order.asset)

    def weigh(self, order, units, price):
        """Count a fill in the range if there was another choice, and what that would have gained more."""
        gained = self.gain(order, units, price)
        doubted = order.doubted == self.moment
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
        if doubted:
            self.ambiguous += 1
            self.ambiguous_pnl += otherwise - gained
        elif left != units:
            self.ambiguous += 1
            self.ambiguous_pnl += otherwise + self.gain(order, left, price) - gained

    @staticmethod
    def apart(order, other):
        """Return whether two levels in one range are of different assets, or on both sides of the open."""
        return order.asset != other.asset or (order.is_stop != (order.total > 0)) != (
            other.is_stop != (other.total > 0)
        )

    @staticmethod
    def fit(order, held):
        """Limit an order that reduces to the position, and extend one that closes all but a trace to all of it."""
        if order.reduces and abs(order.left) > abs(held):
            order.total = order.filled - held
        if held * order.total < 0 and abs(order.left + held) <= TOLERANCE * abs(held):
            order.total = order.filled - held

    def fillable(self, order):
        """Return the units that are left in the bar for an order."""
        left = order.left
        if not self.volume_share or (self.now, order.asset) in self.idle:
            return left
        room = max(Fraction(self.volume_share) * 1_000_000 - self.taken[self.traded(order.asset)], Fraction(0))
        if abs(left) <= room * (1 + TOLERANCE):
            return left
        return self.whole(room if left > 0 else -room)

    def share(self, order, units):
        """Return the share of the bar's volume that has filled with these units; 1 for a bar without volume."""
        if (self.now, order.asset) in self.idle:
            return Fraction(1)
        return (self.taken[self.traded(order.asset)] + abs(units)) / 1_000_000

    def leave_rest(self, order):
        order.rested = True
        if order.tif in {IOC, FOK}:
            self.end_with_children(order, "expired", "")
        elif order.is_stop:
            order.triggered = order.type == STOP_LIMIT
            order.released = not order.triggered

    def in_entry_bar(self, order, bar, *, by_market, by_stop):
        """Return whether, in this profile, children can fill in the bar that began to fill their parent."""
        if self.children_meet != "entry bar if sure" or by_market:
            return self.children_meet != "bar after"
        reached = set()
        for child in (each for each in order.children if each.live and not each.unconditional):
            falls_to_it = child.is_stop == (order.total > 0)
            if (bar[2] <= child.level) if falls_to_it else (bar[1] >= child.level):
                reached.add("stop" if child.is_stop else "target")
        return by_stop and order.type != STOP_LIMIT and reached == {"target"}

    def meet_children(self, order, moment, price, bar, *, by_stop):
        """Match children that this fill activated with the rest of its bar.

        Behind an entry in the range lies the way to one end of the bar: for a stop the end that it looks to, for a
        limit the other. Whether the price was at the far end before the entry or after it, nobody knows.
        """
        up = by_stop == (order.total > 0)
        for child in order.children:
            if child.status != "working" or self.at_close(child):
                continue
            _, high, low, close = seen = self.seen(child, bar)
            known = (price, high if up else price, price if up else low, close)
            if moment == AT_OPEN:
                self.come_due(child, *self.touch(child, seen))
            elif moment == IN_RANGE and not child.unconditional:
                level = child.level
                if by_stop and child.is_stop and (low <= level < price if up else price < level <= high):
                    if child.within_limit(level):
                        child.doubted = self.moment
                        self.come_due(child, IN_RANGE, level)
                    if not self.targets_first:
                        child.triggered = child.triggered or not child.within_limit(level)
                        continue
                if self.waits_for_next_bar(child, price):
                    child.rested = True
                    continue
                found, level = self.touch(child, known)
                self.come_due(child, AT_ENTRY if found == AT_OPEN else found, level)
