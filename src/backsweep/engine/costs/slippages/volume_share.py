"""Quadratic impact: price x rate x share^2, the share of the bar's volume counted up to `limit`."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.kinds import Kind, Number
from backsweep.engine.costs.slippages.shares import share_of_volume


@kernel
def slip(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, filled_before: float) -> float:
    """Return price x rate x share^2."""
    share = min(share_of_volume(state, row, quantity, filled_before), asset.slippage.limit)
    return abs(price) * asset.slippage.rate * share * share


KIND = Kind(
    __doc__,
    slip,
    (
        Number("rate", "Fraction of the price at a share of one.", default=0.1, ge=0.0),
        Number("limit", "The largest share that counts.", default=0.025, gt=0.0, le=1.0),
    ),
)
