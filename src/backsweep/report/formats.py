"""Numbers as text, in the units of their metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SMALL = 0.1
"""Amounts below this, and shares below as many per cent, have significant digits instead of two decimals."""


def format_metric(name: str, value: float | None) -> str:
    """Return a metric in its unit; a dash where it is undefined."""
    if value is None or math.isnan(value):
        return "-"
    from backsweep.metrics.table import FRACTION, MONEY, TABLE, YEARLY  # noqa: PLC0415 - loads Numba

    unit = TABLE[name].unit if name in TABLE else ""
    if unit in {FRACTION, YEARLY}:
        return f"{value:.2%}" if value == 0.0 or abs(value) >= _SMALL / 100.0 else f"{format_number(100.0 * value, 2)}%"
    if unit == MONEY and (value == 0.0 or abs(value) >= _SMALL):
        return f"{value:,.2f}"
    return format_number(value)


def fixed(value: float, digits: int = 2) -> str:
    """Return a number with so many decimals, zero without a sign; a dash where it is undefined."""
    return "-" if math.isnan(value) else f"{value:z.{digits}f}"


def format_param(value: Any, digits: int = 5, *, lacking: bool = False) -> str:
    """Return a parameter's value; None is a null choice, or, with `lacking`, a trial without it, a dash."""
    return "null" if value is None and not lacking else format_number(value, digits)


def format_params(values: Mapping[str, Any], digits: int = 4) -> str:
    """Return parameters and their values on one line."""
    return ", ".join(f"{name}={format_param(value, digits)}" for name, value in values.items())


def format_number(value: Any, digits: int = 5) -> str:
    """Return a number with at most so many significant digits; integers and booleans as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return "-" if value is None else str(value)
    if math.isfinite(value) and value == round(value) and abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"
