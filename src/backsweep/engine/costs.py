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
def slipped_price(asset: Any, quantity: float, price: float, volume: float, taken: float, is_stop: bool) -> float:
    """Give the price after slippage: higher for buys, lower for sells, never below zero.

    `volume` is the bar's and `taken` what orders have filled of it before, in units. The share counts all that, this
    fill included; a bar without volume counts as traded whole. Volume share: price x rate x share^2, the share no
    larger than the limit; square root: price x rate x sqrt(share). Stops slip by a further fraction.
    """
    slip = 0.0
    if asset.slippage_kind == FIXED_SLIPPAGE:
        slip = asset.slippage_rate
    elif asset.slippage_kind == PERCENTAGE_SLIPPAGE:
        slip = price * asset.slippage_rate
    elif asset.slippage_kind >= VOLUME_SHARE_SLIPPAGE:
        share = (taken + abs(quantity)) / volume if volume > 0.0 else 1.0
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
def commission_due(asset: Any, order: Any, quantity: float, price: float) -> tuple[float, float]:
    """Give the commission in account currency for a fill of `quantity` units at `price`, and the order's fees with it.

    `fees` is what an order's fills cost before its minimum and maximum, which hold for the order as a whole, however
    many fills it takes; so does an amount per order.
    """
    kind = asset.commission_kind
    fees = order.fees
    if kind in (PERCENTAGE_COMMISSION, COMBINED_COMMISSION):
        fees += asset.commission_rate * abs(quantity) * price * asset.multiplier
    elif kind == PER_SHARE_COMMISSION:
        fees += asset.commission_rate * abs(quantity)
    if kind in (PER_ORDER_COMMISSION, COMBINED_COMMISSION) and order.filled == 0.0:
        fees += asset.commission_amount
    total = max(fees, asset.commission_minimum)
    if asset.commission_maximum > 0.0:
        total = min(total, asset.commission_maximum * (order.value + abs(quantity) * price * asset.multiplier))
    return total - order.commission, fees
