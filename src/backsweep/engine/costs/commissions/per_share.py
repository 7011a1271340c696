"""An amount for each unit."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.commissions.rates import MAKER_AMOUNT, rate_of
from backsweep.engine.costs.kinds import Kind, Number


@kernel
def charge(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool) -> float:
    """Return the rate times the units of the fill."""
    return rate_of(asset.commission, maker) * abs(quantity)


KIND = Kind(
    __doc__, charge, (Number("rate", "The asset's currency for each unit.", ge=0.0), MAKER_AMOUNT), bounded=True
)
