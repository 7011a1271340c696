"""By how much a `SlippageModel` moves the price against the trader; further keys give its parameters."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.custom import model_slippage
from backsweep.engine.costs.kinds import Kind


@kernel
def slip(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, filled_before: float) -> float:
    """Return by how much the asset's model moves the price."""
    return model_slippage(state, asset.slippage.model, order, row, quantity, price, filled_before)


KIND = Kind(__doc__, slip)
