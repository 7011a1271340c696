"""Fills that no strategy asked for: at an asset's last price, at the end of a segment or of an asset.

Each is a market order with a reason of its own, so that orders, fills and trades show it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.account.ledger import apply_fill
from backsweep.engine.codes import MARKET, SEGMENT_END
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.fills.costs import commission_due
from backsweep.engine.fills.sizes import price_paid
from backsweep.engine.orders.after_fill import update_after_fill
from backsweep.engine.orders.lifecycle import request_order, start_working
from backsweep.engine.orders.quotes import last_row, last_side_close
from backsweep.engine.slots import slot_of
from backsweep.engine.state import State


@kernel
def fill_at_last(state: State, group: Any, asset: int, quantity: float, reason: int) -> None:
    """Fill `quantity` signed units of a position at the asset's last price, for `reason`.

    The end of a segment is a trade in the market: slippage and commission are charged, and with quotes it is at the
    last one of its side. Cash that a company or an exchange pays for units comes without.
    """
    rates = record_at(state.assets, asset)
    price = record_at(state.positions, asset).last_price
    order_id = request_order(state, asset, quantity, MARKET, np.nan, np.nan, 0, 1)
    state.cursor.requests = 0
    if order_id == 0:
        return
    slot = slot_of(state, order_id)
    order = record_at(state.orders, slot)
    order.fill_reason = reason
    start_working(state, slot)
    row = last_row(state, group, asset)
    fill_price = price
    commission = 0.0
    if reason == SEGMENT_END:
        if state.rules.quotes == 1:
            price = last_side_close(state, group, asset, quantity > 0.0)
        fill_price = price_paid(state, order, row, quantity, price)
        commission, _ = commission_due(state, rates, order, row, quantity, fill_price, False)
    slippage = abs(fill_price - price) * abs(quantity) * rates.multiplier
    apply_fill(state, order, row, quantity, fill_price, commission, slippage)
    update_after_fill(state, slot, quantity, price)
