"""Square-root impact: price x rate x sqrt(share of the bar's volume)."""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.kinds import Kind, Number
from backsweep.engine.costs.slippages.shares import share_of_volume


@kernel
def slip(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, filled_before: float) -> float:
    """Return price x rate x sqrt(share)."""
    return abs(price) * asset.slippage.rate * np.sqrt(share_of_volume(state, row, quantity, filled_before))


KIND = Kind(__doc__, slip, (Number("rate", "Fraction of the price at a share of one.", ge=0.0),))
