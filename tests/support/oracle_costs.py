"""What fills and nights cost, for the exact oracle: the documented rules, in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ZERO = Fraction(0)


class Costs:
    """The costs of a sweep file."""

    def __init__(self, costs: Mapping[str, Any]) -> None:
        self.commission = costs.get("commission", {"kind": "none"})
        self.slippage = costs.get("slippage", {"kind": "none"})
        self.stop_slippage = Fraction(costs.get("stop_slippage", 0.0))
        self.rates = costs.get("financing", {})

    def overnight(self, cash: Fraction, position: Mapping[str, Fraction], last: Mapping[str, Fraction]) -> Fraction:
        """Give what holding costs in a year."""
        debt = max(-cash, ZERO) * Fraction(self.rates.get("margin_interest", 0.0))
        short = sum(-units * last[asset] for asset, units in position.items() if units < 0)
        return debt + short * Fraction(self.rates.get("short_borrow", 0.0))

    def slipped(self, order: Any, units: Fraction, price: Fraction, share: Fraction) -> Fraction:
        """Give the price after slippage; `share` of the bar's volume has traded then."""
        slip = price * self.stop_slippage if order.is_stop else ZERO
        kind = self.slippage["kind"]
        if kind == "volume_share":
            slip += price * Fraction(self.slippage["rate"]) * min(share, Fraction(self.slippage["limit"])) ** 2
        elif kind == "square_root":
            slip += price * Fraction(self.slippage["rate"]) * Fraction(sqrt(share))
        elif kind == "fixed":
            slip += Fraction(self.slippage["amount"])
        elif kind == "percentage":
            slip += price * Fraction(self.slippage["rate"])
        return price + slip if units > 0 else max(price - slip, ZERO)

    def charge(self, order: Any, units: Fraction, price: Fraction) -> Fraction:
        """Give the commission of a fill: what the order owes with it, less what it has paid."""
        total = max(order.fees + self.fee(order, units, price), Fraction(self.commission.get("minimum", 0.0)))
        most = Fraction(self.commission.get("maximum", 0.0))
        if most:
            total = min(total, most * (order.value + abs(units) * price))
        return total - order.paid

    def enter(self, order: Any, units: Fraction, price: Fraction, commission: Fraction) -> None:
        """Count a fill for its order."""
        order.fees += self.fee(order, units, price)
        order.value += abs(units) * price
        order.paid += commission

    def fee(self, order: Any, units: Fraction, price: Fraction) -> Fraction:
        """Give what a fill costs before the order's minimum and maximum."""
        kind = self.commission["kind"]
        rate = Fraction(self.commission.get("rate", 0.0))
        amount = Fraction(self.commission.get("amount", 0.0)) if not order.filled else ZERO
        base = {"percentage": abs(units) * price, "combined": abs(units) * price, "per_share": abs(units)}
        return rate * base.get(kind, ZERO) + amount
