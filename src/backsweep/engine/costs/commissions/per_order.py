"""The same amount for every filled order."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.kinds import Kind, Number

AMOUNT = Number("amount", "The asset's currency for each order, once it fills.", ge=0.0)


@kernel
def charge(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool) -> float:
    """Return the amount for an order's first fill, and 0 for its others."""
    return asset.commission.amount if order.filled == 0.0 else 0.0


KIND = Kind(__doc__, charge, (AMOUNT,))
