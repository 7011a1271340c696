"""A fraction of what a fill trades."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.commissions.rates import MAKER_RATE, rate_of
from backsweep.engine.costs.kinds import Kind, Number


@kernel
def charge(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool) -> float:
    """Return the rate times the value of the fill."""
    return rate_of(asset.commission, maker) * abs(quantity) * abs(price) * asset.contract


KIND = Kind(
    __doc__,
    charge,
    (Number("rate", "Fraction of the value; 0.0005 is 5 basis points.", ge=0.0, lt=1.0), MAKER_RATE),
    bounded=True,
)
