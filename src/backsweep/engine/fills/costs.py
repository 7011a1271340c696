"""What a fill costs: slippage moves its price, commission is charged beside it. Numbers in, numbers out.

What each kind charges stands in its file under `engine.costs`; here is what holds for all kinds. `asset` is a record of
the ASSET table, and currency is the asset's.
"""

from __future__ import annotations

from typing import Any

from backsweep.engine.codes import STOP
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.costs.commissions import charge
from backsweep.engine.costs.slippages import slip
from backsweep.engine.state import State


@kernel
def slipped_price(state: State, order: Any, row: int, quantity: float, price: float, filled_before: float) -> float:
    """Return the price after slippage: higher for buys, lower for sells, below zero only where it was not above.

    `filled_before` is what orders have filled of the bar at `row` before, in units. Stops slip by a further fraction.
    """
    asset = record_at(state.assets, order.asset)
    distance = slip(asset.slippage.kind, state, asset, order, row, quantity, price, filled_before)
    if order.acts_as == STOP:
        distance += abs(price) * asset.stop_slippage
    if quantity > 0.0:
        return price + distance
    return max(price - distance, 0.0) if price > 0.0 else price - distance


@kernel
def commission_due(
    state: State, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool
) -> tuple[float, float]:
    """Return the commission for a fill of `quantity` units at `price`, in the asset's currency, and the order's fees.

    `fees` is, with this fill, what an order's fills cost before its minimum and maximum, which hold for the order as a
    whole, however many fills it takes. `maker`: a limit order that rested. `row` is that of the fill's bar.
    """
    terms = asset.commission
    fees = order.fees + charge(terms.kind, state, asset, order, row, quantity, price, maker)
    total = fees
    if terms.minimum > 0.0:
        total = max(total, terms.minimum)
    if terms.maximum > 0.0:
        total = min(total, terms.maximum * (order.value + abs(quantity) * abs(price) * asset.contract))
    return total - order.commission, fees
