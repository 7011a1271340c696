"""Parents, children, siblings and groups in the oracle, and how orders become active and end."""

from __future__ import annotations

from math import ceil

from oracle.orders import TOLERANCE


class Families:
    """What an order means for others."""

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
        """Return a child's units for the part of its parent that has filled."""
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
            if child.live and not child.own and ratio != 1:
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
        """Apply the consequences of a fill: children become active, siblings shrink, orphans are cancelled."""
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

    def work(self, order, price=None):
        self.births += 1
        order.best = self.last_seen(order) if price is None else price
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
