"""The share of its bar's volume that a fill completes."""

from __future__ import annotations

from typing import Any

from backsweep.engine.compile.kernel import kernel, record_at


@kernel
def share_of_volume(state: Any, row: int, quantity: float, filled_before: float) -> float:
    """Return the part of the bar's volume that orders have filled, this fill included; 1 for a bar without volume."""
    volume = record_at(state.bars, row).volume
    return (filled_before + abs(quantity)) / volume if volume > 0.0 else 1.0
