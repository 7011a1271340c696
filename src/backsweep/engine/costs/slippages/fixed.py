"""An amount per unit against the trader."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.kinds import Kind, Number


@kernel
def slip(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, filled_before: float) -> float:
    """Return the amount."""
    return asset.slippage.amount


KIND = Kind(__doc__, slip, (Number("amount", "The asset's currency for each unit.", ge=0.0),))
