"""Fills at the rule's own price."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.kinds import Kind


@kernel
def slip(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, filled_before: float) -> float:
    """Return 0."""
    return 0.0


KIND = Kind(__doc__, slip)
