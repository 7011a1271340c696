"""What the oracle plays on finer bars: the bars of assets to whose orders more than one thing can happen inside.

One thing is an order that the range reaches, or the level of a child in the range whose parent the bar reaches, and a
child that trails or is a market order once its parent fills in the range. A trailing stop is two where the bar's best
price moves it as far as the bar then goes; so is a stop-limit order that is reached beyond its limit, an order of a
group, and a child that has children.
"""

from __future__ import annotations

from oracle.orders import AT_OPEN, IN_RANGE, STOP_LIMIT, TRAILING_STOP


class Finer:
    """Which bars are played on their finer ones, and when; `finer` has a list of (time, bar) by (timestamp, asset)."""

    finer = {}  # noqa: RUF012 - replaced, never changed

    def moments(self, group):
        """Yield the bars of a timestamp, {asset: bar}, in the order of time; whole ones come first."""
        walked = {
            asset: dict(self.finer[self.now, asset])
            for asset, bar in group.items()
            if (self.now, asset) in self.finer and self.count_things(asset, bar) > 1
        }
        whole = {asset: bar for asset, bar in group.items() if asset not in walked}
        for time in sorted({time for parts in walked.values() for time in parts}) or [None]:
            yield whole | {asset: parts[time] for asset, parts in walked.items() if time in parts}
            whole = {}

    def count_things(self, asset, bar):
        orders = [order for order in self.working() if order.asset == asset and not self.at_close(order)]
        return sum(self.things_of(order, bar) for order in orders)

    def things_of(self, order, bar):
        moment, price = self.reach(order, bar)
        trails = order.type == TRAILING_STOP and order.is_stop and moment != AT_OPEN
        own = self.things_of_trail(order, order.best, bar) if trails else int(moment == IN_RANGE)
        if moment is None and not own:
            return 0
        if trails and not own:
            return 0
        if (own and order.group) or (order.is_stop and not trails and not order.within_limit(price)):
            return 2
        inside = trails or moment == IN_RANGE
        waiting = [child for child in order.children if child.status == "held" and not self.at_close(child)]
        return own + sum(self.things_of_child(child, bar, inside=inside) for child in waiting)

    def things_of_child(self, child, bar, *, inside):
        opened, high, low, _ = bar
        if child.unconditional:
            return int(inside)
        if child.type == TRAILING_STOP:
            return 1 if inside else self.things_of_trail(child, opened, bar)
        if not low <= child.level <= high:
            return 0
        forbidden = child.type == STOP_LIMIT and not child.within_limit(child.level)
        return 2 if forbidden or child.children else 1

    @staticmethod
    def things_of_trail(order, best, bar):
        _, high, low, _ = bar
        side = 1 if order.total < 0 else -1  # it follows the price up, or down
        extreme, against = (high, low) if side > 0 else (low, high)
        after = extreme if (extreme - best) * side > 0 else best
        distance = order.trail if order.trail is not None else after * order.percent
        if (against - (after - side * distance)) * side > 0:
            return 0
        return 1 if after == best else 2
