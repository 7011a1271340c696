"""What the oracle knows of quotes: every order meets the bar of its side, to buy that of the asks, to sell the bids'.

A trailing stop begins at the last price of its side. The children of an order are on the other side: they begin at its
open or close where their parent filled there, and inside the range at their parent's price, or as near to it as their
side's range comes. From there to the end of that range lies what they meet of the bar; a target that is reached where
they begin waits.
"""

from __future__ import annotations

from oracle.orders import AT_CLOSE, AT_OPEN


class Quotes:
    """Which prices orders meet; `quotes` has the bar of the bids and that of the asks by (timestamp, asset)."""

    quotes = {}  # noqa: RUF012 - replaced, never changed

    def seen(self, order, bar):
        """Return the bar that an order meets."""
        sides = self.quotes.get((self.now, order.asset))
        return bar if sides is None else sides[order.total > 0]

    def begin_of_children(self, order, moment, price):
        """Return where the other side stands when an order fills."""
        sides = self.quotes.get((self.now, order.asset))
        if sides is None:
            return price
        opened, high, low, close = sides[order.total < 0]
        if moment in {AT_OPEN, AT_CLOSE}:
            return opened if moment == AT_OPEN else close
        return min(price, high) if order.total > 0 else max(price, low)

    def waits_for_next_bar(self, child, begin):
        """Return whether a child of an entry in the range is a target that its side may have reached before."""
        if not self.quotes or child.is_stop:
            return False
        return child.limit <= begin if child.total < 0 else child.limit >= begin

    def mark_sides(self, asset):
        """Keep the last bid and ask of an asset."""
        if (self.now, asset) in self.quotes:
            self.last_sides[asset] = [bar[3] for bar in self.quotes[self.now, asset]]

    def last_seen(self, order):
        """Return the last price of an order's side."""
        return self.last_sides[order.asset][order.total > 0] if self.quotes else self.last[order.asset]
