"""A fraction of the price against the trader."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.kinds import Kind, Number


@kernel
def slip(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, filled_before: float) -> float:
    """Return the fraction of the price."""
    return abs(price) * asset.slippage.rate


KIND = Kind(__doc__, slip, (Number("rate", "Fraction of the price.", ge=0.0, lt=1.0),))
