"""What a `CommissionModel` charges, within the order's bounds; further keys give its parameters."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.custom import model_commission
from backsweep.engine.costs.kinds import Kind


@kernel
def charge(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool) -> float:
    """Return what the asset's model charges."""
    return model_commission(state, asset.commission.model, order, row, quantity, price, maker)


KIND = Kind(__doc__, charge, bounded=True, monthly=True)
