"""What a fill costs: slippage moves its price, commission is charged beside it. Numbers in, numbers out.

`asset` is a record of the ASSET table; its rates are in units of their kind (fraction of notional, currency a unit,
currency an order).
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.codes import (
    FIXED_SLIPPAGE,
    PER_ORDER_COMMISSION,
    PER_SHARE_COMMISSION,
    PERCENTAGE_COMMISSION,
    PERCENTAGE_SLIPPAGE,
)
from backsweep.engine.jit import kernel


@kernel
def slipped_price(asset: Any, quantity: float, price: float) -> float:
    """Give the price after slippage: higher for buys, lower for sells, never below zero."""
    slip = 0.0
    if asset.slippage_kind == FIXED_SLIPPAGE:
        slip = asset.slippage_rate
    elif asset.slippage_kind == PERCENTAGE_SLIPPAGE:
        slip = price * asset.slippage_rate
    if quantity > 0.0:
        return price + slip
    return max(price - slip, 0.0)


@kernel
def commission_due(asset: Any, quantity: float, price: float, filled: float, paid: float) -> float:
    """Give the commission in account currency for this fill of `quantity` units at `price`.

    `filled` (units) and `paid` (currency) are those of the order's earlier fills: a minimum and an amount per order
    are charged once for each order, however many fills it takes.
    """
    kind = asset.commission_kind
    if kind == PERCENTAGE_COMMISSION:
        return asset.commission_rate * abs(quantity) * price * asset.multiplier
    if kind == PER_SHARE_COMMISSION:
        total = asset.commission_rate * (abs(quantity) + abs(filled))
        return max(total, asset.commission_minimum) - paid
    if kind == PER_ORDER_COMMISSION:
        return asset.commission_rate - paid
    return 0.0
