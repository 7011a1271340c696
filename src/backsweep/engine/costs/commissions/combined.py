"""A fraction of what a fill trades, and an amount for every filled order."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.commissions import per_order, percentage
from backsweep.engine.costs.commissions.rates import MAKER_RATE
from backsweep.engine.costs.kinds import Kind, Number


@kernel
def charge(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool) -> float:
    """Return the rate times the value of the fill, and the amount for an order's first fill."""
    fraction = percentage.charge(state, asset, order, row, quantity, price, maker)
    return fraction + per_order.charge(state, asset, order, row, quantity, price, maker)


KIND = Kind(
    __doc__,
    charge,
    (Number("rate", "Fraction of the value.", ge=0.0, lt=1.0), MAKER_RATE, per_order.AMOUNT),
    bounded=True,
)
