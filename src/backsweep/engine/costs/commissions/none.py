"""No commission at all."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.kinds import Kind


@kernel
def charge(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool) -> float:
    """Return 0."""
    return 0.0


KIND = Kind(__doc__, charge)
