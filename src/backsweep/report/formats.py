"""Numbers as text, in the units of their metrics."""

from __future__ import annotations

import math
from typing import Any


def format_metric(name: str, value: float | None) -> str:
    """Return a metric in its unit; a dash where it is undefined."""
    if value is None or math.isnan(value):
        return "-"
    from backsweep.metrics.table import FRACTION, MONEY, TABLE, YEARLY  # noqa: PLC0415 - loads Numba

    unit = TABLE[name].unit if name in TABLE else ""
    if unit in {FRACTION, YEARLY}:
        return f"{value:.2%}"
    return f"{value:,.2f}" if unit == MONEY else format_number(value)


def fixed(value: float, digits: int = 2) -> str:
    """Return a number with so many decimals; a dash where it is undefined."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def format_number(value: Any, digits: int = 5) -> str:
    """Return a number with at most so many significant digits; integers and booleans as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return "-" if value is None else str(value)
    if math.isfinite(value) and value == round(value) and abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"
