"""What fills and nights cost, for the exact oracle: the documented rules, in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ZERO = Fraction(0)


class Costs:
    """The costs of a sweep file."""

    def __init__(self, costs: Mapping[str, Any]) -> None:
        self.commission = costs.get("commission", {"kind": "none"})
        self.slippage = costs.get("slippage", {"kind": "none"})
        self.stop_slippage = Fraction(costs.get("stop_slippage", 0.0))
        self.rates = costs.get("financing", {})
        self.month, self.traded = 0, (ZERO, ZERO)  # units and value, this in the account's currency
        self.rate: Callable[[str], Fraction] = lambda _asset: Fraction(1)

    def overnight(self, cash: Fraction, position: Mapping[str, Fraction], last: Mapping[str, Fraction]) -> Fraction:
        """Return the yearly cost of holding the positions."""
        debt = max(-cash, ZERO) * Fraction(self.rates.get("margin_interest", 0.0))
        short = sum(-units * abs(last[asset]) for asset, units in position.items() if units < 0)
        return debt + short * (
            Fraction(self.rates.get("short_borrow", 0.0)) - Fraction(self.rates.get("short_credit", 0.0))
        )

    def funding(self, now: int, position: Mapping[str, Fraction], group: Mapping[str, Any]) -> Fraction:
        """Return what longs pay for their positions at these closes, less what shorts receive; see `funding_rate`."""
        if not self.rates.get("funding"):
            return ZERO
        rates = {asset: funding_rate(now, asset) for asset in group}
        return sum(
            (
                position[asset] * abs(group[asset][3]) * Fraction(rate)
                for asset, rate in rates.items()
                if rate is not None
            ),
            ZERO,
        )

    def slipped(self, order: Any, units: Fraction, price: Fraction, share: Fraction) -> Fraction:
        """Return the price after slippage; `share` of the bar's volume has traded then."""
        size = abs(price)
        slip = size * self.stop_slippage if order.is_stop else ZERO
        number = {name: Fraction(value) for name, value in self.slippage.items() if name != "kind"}
        slips = {
            "none": lambda: ZERO,
            "fixed": lambda: number["amount"],
            "percentage": lambda: size * number["rate"],
            "volume_share": lambda: size * number["rate"] * min(share, number["limit"]) ** 2,
            "square_root": lambda: size * number["rate"] * Fraction(sqrt(share)),
        }
        slip += slips[self.slippage["kind"]]()
        if units > 0:
            return price + slip
        return max(price - slip, ZERO) if price > 0 else price - slip

    def charge(self, order: Any, units: Fraction, price: Fraction, month: int, *, maker: bool) -> Fraction:
        """Return the commission of a fill: what the order owes with it, less what it has paid; count the fill."""
        if month != self.month:
            self.month, self.traded = month, (ZERO, ZERO)
        value = abs(units * price)
        fees = order.fees + self.fee(order, abs(units), value, maker=maker)
        minimum, most = (Fraction(self.commission.get(name, 0.0)) for name in ("minimum", "maximum"))
        total = max(fees, minimum) if minimum else fees
        return (min(total, most * (order.value + value)) if most else total) - order.paid

    def enter(self, order: Any, units: Fraction, price: Fraction, commission: Fraction, *, maker: bool) -> None:
        """Count a fill for its order and for the month."""
        value = abs(units * price)
        order.fees += self.fee(order, abs(units), value, maker=maker)
        order.value += value
        order.paid += commission
        self.traded = (self.traded[0] + abs(units), self.traded[1] + value * self.rate(order.asset))

    def fee(self, order: Any, units: Fraction, value: Fraction, *, maker: bool) -> Fraction:
        """Return what a fill costs before the order's minimum and maximum."""
        rate = rate_of(self.commission, maker=maker)
        amount = Fraction(self.commission.get("amount", 0.0)) if not order.filled else ZERO
        fees = {
            "none": lambda: ZERO,
            "percentage": lambda: rate * value,
            "per_share": lambda: rate * units,
            "per_order": lambda: amount,
            "combined": lambda: rate * value + amount,
            "tiered": lambda: self.in_tiers(order, units, value, maker=maker),
        }
        return fees[self.commission["kind"]]()

    def in_tiers(self, order: Any, units: Fraction, value: Fraction, *, maker: bool) -> Fraction:
        """Return the fees of a fill that spans several tiers: the integral of the rates."""
        by = self.commission["by"]
        start = {"monthly_volume": self.traded[0], "monthly_value": self.traded[1], "order_value": order.value}[by]
        rate = self.rate(order.asset) if by == "monthly_value" else Fraction(1)
        tiers = self.commission["tiers"]
        cuts = [*(Fraction(tier["above"]) for tier in tiers), None]

        def up_to(total: Fraction) -> Fraction:
            return sum(
                (
                    rate_of(tier, maker=maker) * (total - low if high is None or total < high else high - low)
                    for tier, low, high in zip(tiers, cuts, cuts[1:], strict=False)
                    if total > low
                ),
                ZERO,
            )

        return (up_to(start + (units if by == "monthly_volume" else value * rate)) - up_to(start)) / rate


def funding_rate(now: int, asset: str) -> float | None:
    """Return the rate that scripted data has in its column `funding`: none at every third bar, else of either sign."""
    number = 7 * now + ord(asset)
    return None if number % 3 == 0 else (number % 5 - 2) / 1024


def rate_of(given: Mapping[str, Any], *, maker: bool) -> Fraction:
    """Return a rate: the one for resting limit orders, where it is set, or the one for all others."""
    rate = given.get("maker_rate") if maker else None
    return Fraction(given.get("rate", 0.0) if rate is None else rate)
