"""What a fill costs: slippage moves its price, commission is charged beside it. Numbers in, numbers out.

`asset` is a record of the ASSET table; its rates are in units of their kind (fraction of notional, currency a unit,
currency an order), and currency is the asset's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.calendar import month_of
from backsweep.engine.codes import (
    COMBINED_COMMISSION,
    CUSTOM_COMMISSION,
    CUSTOM_SLIPPAGE,
    FIXED_SLIPPAGE,
    MONTHLY_VALUE,
    MONTHLY_VOLUME,
    ORDER_VALUE,
    PER_ORDER_COMMISSION,
    PER_SHARE_COMMISSION,
    PERCENTAGE_COMMISSION,
    PERCENTAGE_SLIPPAGE,
    STOP,
    TIERED_COMMISSION,
    VOLUME_SHARE_SLIPPAGE,
)
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.fills.custom_costs import model_commission, model_slippage
from backsweep.engine.state import State


@kernel
def slipped_price(state: State, order: Any, row: int, quantity: float, price: float, filled_before: float) -> float:
    """Return the price after slippage: higher for buys, lower for sells, below zero only where it was not above.

    `filled_before` is what orders have filled of the bar at `row` before, in units. The share is of that and this fill
    together; a bar without volume counts as traded whole. Volume share: price x rate x share^2, the share no larger
    than the limit; square root: price x rate x sqrt(share). Stops slip by a further fraction.
    """
    asset = record_at(state.assets, order.asset)
    slip, size = 0.0, abs(price)
    if asset.slippage_kind == FIXED_SLIPPAGE:
        slip = asset.slippage_rate
    elif asset.slippage_kind == PERCENTAGE_SLIPPAGE:
        slip = size * asset.slippage_rate
    elif asset.slippage_kind == CUSTOM_SLIPPAGE:
        slip = model_slippage(state, asset.slippage_model, order, row, quantity, price, filled_before)
    elif asset.slippage_kind >= VOLUME_SHARE_SLIPPAGE:
        volume = record_at(state.bars, row).volume
        share = (filled_before + abs(quantity)) / volume if volume > 0.0 else 1.0
        if asset.slippage_kind == VOLUME_SHARE_SLIPPAGE:
            share = min(share, asset.slippage_limit)
            slip = size * asset.slippage_rate * share * share
        else:
            slip = size * asset.slippage_rate * np.sqrt(share)
    if order.acts_as == STOP:
        slip += size * asset.stop_slippage
    if quantity > 0.0:
        return price + slip
    return max(price - slip, 0.0) if price > 0.0 else price - slip


@kernel
def commission_due(
    state: State, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool
) -> tuple[float, float]:
    """Give the commission for a fill of `quantity` units at `price`, in the asset's currency, and the order's fees.

    `fees` is, with this fill, what an order's fills cost before its minimum and maximum, which hold for the order as a
    whole, however many fills it takes; so does an amount per order. `maker`: a limit order that rested, which may have
    a rate of its own, below zero for a rebate. `row` is that of the fill's bar.
    """
    kind = asset.commission_kind
    fees = order.fees
    rate = asset.commission_rate
    if maker and not np.isnan(asset.commission_maker_rate):
        rate = asset.commission_maker_rate
    if kind in (PERCENTAGE_COMMISSION, COMBINED_COMMISSION):
        fees += rate * abs(quantity) * abs(price) * asset.contract
    elif kind == PER_SHARE_COMMISSION:
        fees += rate * abs(quantity)
    elif kind == TIERED_COMMISSION:
        fees += _in_tiers(state, asset, order, abs(quantity), abs(quantity) * abs(price) * asset.contract, maker)
    elif kind == CUSTOM_COMMISSION:
        fees += model_commission(state, asset.commission_model, order, row, quantity, price, maker)
    if kind in (PER_ORDER_COMMISSION, COMBINED_COMMISSION) and order.filled == 0.0:
        fees += asset.commission_amount
    total = fees
    if asset.commission_minimum > 0.0:
        total = max(total, asset.commission_minimum)
    if asset.commission_maximum > 0.0:
        total = min(total, asset.commission_maximum * (order.value + abs(quantity) * abs(price) * asset.contract))
    return total - order.commission, fees


@kernel
def _in_tiers(state: State, asset: Any, order: Any, units: float, value: float, maker: bool) -> float:
    """Give the fees of a fill in tiers: each part of it pays the rate of the tier that it falls into.

    What came before the fill is the order's value so far, or what the account has traded in the calendar month (UTC):
    units, charged a unit, or value, charged as fractions. A month's value is counted in account currency.
    """
    account = state.account
    worth = asset.rate if asset.tiers_by == MONTHLY_VALUE else 1.0
    amount = units if asset.tiers_by == MONTHLY_VOLUME else value * worth
    start = order.value
    if asset.tiers_by != ORDER_VALUE:
        start = account.month_units if asset.tiers_by == MONTHLY_VOLUME else account.month_value
        if account.month != month_of(account.timestamp):
            start = 0.0
    fees = 0.0
    end = asset.first_tier + asset.tiers
    for index in range(asset.first_tier, end):
        tier = record_at(state.tiers, index)
        upper = record_at(state.tiers, index + 1).above if index + 1 < end else np.inf
        part = min(start + amount, upper) - max(start, tier.above)
        if part > 0.0:
            fees += part * (tier.maker_rate if maker and not np.isnan(tier.maker_rate) else tier.rate)
    return fees / worth
