"""What a fill costs: slippage moves its price, commission is charged beside it. Numbers in, numbers out.

`asset` is a record of the ASSET table; its rates are in units of their kind (fraction of notional, currency a unit,
currency an order).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.codes import (
    COMBINED_COMMISSION,
    FIXED_SLIPPAGE,
    PER_ORDER_COMMISSION,
    PER_SHARE_COMMISSION,
    PERCENTAGE_COMMISSION,
    PERCENTAGE_SLIPPAGE,
    VOLUME_SHARE_SLIPPAGE,
)
from backsweep.engine.jit import kernel


@kernel
def slipped_price(asset: Any, quantity: float, price: float, volume: float, is_stop: bool) -> float:
    """Give the price after slippage: higher for buys, lower for sells, never below zero.

    `volume` is the bar's, in units: a bar without volume counts as traded whole. Volume share: price x rate x share^2,
    the share no larger than the limit; square root: price x rate x sqrt(share). Stops slip by a further fraction.
    """
    slip = 0.0
    if asset.slippage_kind == FIXED_SLIPPAGE:
        slip = asset.slippage_rate
    elif asset.slippage_kind == PERCENTAGE_SLIPPAGE:
        slip = price * asset.slippage_rate
    elif asset.slippage_kind >= VOLUME_SHARE_SLIPPAGE:
        share = abs(quantity) / volume if volume > 0.0 else 1.0
        if asset.slippage_kind == VOLUME_SHARE_SLIPPAGE:
            share = min(share, asset.slippage_limit)
            slip = price * asset.slippage_rate * share * share
        else:
            slip = price * asset.slippage_rate * np.sqrt(share)
    if is_stop:
        slip += price * asset.stop_slippage
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
        total = max(total, asset.commission_minimum)
        if asset.commission_maximum > 0.0:
            value = (abs(quantity) + abs(filled)) * price * asset.multiplier
            total = min(total, asset.commission_maximum * value)
        return total - paid
    if kind == PER_ORDER_COMMISSION:
        return asset.commission_amount - paid
    if kind == COMBINED_COMMISSION:
        amount = asset.commission_amount if filled == 0.0 else 0.0
        return asset.commission_rate * abs(quantity) * price * asset.multiplier + amount
    return 0.0
