"""Whole lots: how quantities are rounded to what an asset trades in.

Every comparison of quantities allows for the last bits of a sum: within one part in 10^12 a quantity is whole.
"""

from __future__ import annotations

import numpy as np

from backsweep.engine.compile.kernel import kernel

ROUNDING = 1e-12  # relative; an order sized to use or to close everything must not fail by the last bit
TRACE = 1e-6  # of a lot; what a strategy's own arithmetic may be off by where it closes a position


@kernel
def whole_lots(quantity: float, lot: float) -> float:
    """Round towards zero to whole lots; a lot of 0 leaves fractional units as they are.

    A quantity within one part in 10^12 of a whole lot counts as whole: 0.3 is three lots of 0.1.
    """
    if lot == 0.0 or not np.isfinite(quantity):
        return quantity
    lots = abs(quantity) / lot
    return np.copysign(np.floor(lots * (1.0 + ROUNDING)) * lot, quantity)


@kernel
def in_lots(units: float, lot: float, scale: float) -> float:
    """Return a sum of whole lots without the rounding of that sum: n x lot, as an order of n lots has it.

    `scale` is what the sum's terms come to without their signs. What is further than rounding from whole lots, because
    the lot was another when it was bought, and a lot of 0 stay as they are.
    """
    if lot == 0.0 or not np.isfinite(units):
        return units
    whole = np.rint(units / lot) * lot
    return whole if abs(units - whole) <= ROUNDING * scale else units


@kernel
def whole_order(quantity: float, held: float, lot: float) -> float:
    """Round an order to whole lots, towards zero; one that closes what is held, but for a trace of a lot, closes it."""
    if abs(quantity + held) <= TRACE * lot and held * quantity < 0.0:
        return -held
    return whole_lots(quantity, lot)


@kernel
def lots_above(units: float, lot: float) -> float:
    """Round units without a sign up to whole lots; one part in 10^12 above a whole lot counts as whole."""
    return units if lot == 0.0 else np.ceil(units / lot * (1.0 - ROUNDING)) * lot


@kernel
def units_for(money: float, per_unit: float, lot: float) -> float:
    """Return the units, without a sign and in whole lots, that so much money is for; none for money below zero.

    NaN where the money is not known, or `per_unit` is not above zero: no quantity is right then.
    """
    if not per_unit > 0.0 or np.isnan(money):
        return np.nan
    return whole_lots(money / per_unit, lot) if money > 0.0 else 0.0
