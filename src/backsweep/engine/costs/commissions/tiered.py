"""Rates in tiers: each part of a fill pays the rate of the tier that it falls into."""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.calendar import month_of
from backsweep.engine.compile.kernel import kernel, record_at
from backsweep.engine.costs.commissions.rates import MAKER_AMOUNT, rate_of
from backsweep.engine.costs.kinds import Choice, Kind, Number, Tiers

MONTHLY_VOLUME, MONTHLY_VALUE, ORDER_VALUE = range(3)
BY = ("monthly_volume", "monthly_value", "order_value")
TIER = (
    Number("above", "The total above which the rate holds: units or value, as `by` says.", ge=0.0),
    Number(
        "rate", "The asset's currency for each unit with `by: monthly_volume`, else a fraction of the value.", ge=0.0
    ),
    MAKER_AMOUNT,
)


@kernel
def charge(state: Any, asset: Any, order: Any, row: int, quantity: float, price: float, maker: bool) -> float:
    """Return what the parts of a fill pay, each the rate of its tier.

    What came before the fill is the order's value so far, or what the account has traded in the calendar month (UTC):
    units, charged a unit, or value, charged as fractions. A month's value is counted in account currency.
    """
    account = state.account
    terms = asset.commission
    worth = asset.rate if terms.by == MONTHLY_VALUE else 1.0
    value = abs(quantity) * abs(price) * asset.contract
    amount = abs(quantity) if terms.by == MONTHLY_VOLUME else value * worth
    start = order.value
    if terms.by != ORDER_VALUE:
        start = account.month_units if terms.by == MONTHLY_VOLUME else account.month_value
        if account.month != month_of(state.cursor.timestamp):
            start = 0.0
    fees = 0.0
    end = terms.first_tier + terms.tiers
    for index in range(terms.first_tier, end):
        tier = record_at(state.tiers, index)
        upper = record_at(state.tiers, index + 1).above if index + 1 < end else np.inf
        part = min(start + amount, upper) - max(start, tier.above)
        if part > 0.0:
            fees += part * rate_of(tier, maker)
    return fees / worth


KIND = Kind(
    __doc__,
    charge,
    (
        Choice(
            "by",
            "What places a fill: the units that the account has traded in the calendar month (UTC), charged a unit; "
            "their value, or the value of the order so far, charged as fractions of value.",
            BY,
        ),
        Tiers("In ascending order; the first is above 0."),
    ),
    bounded=True,
    monthly=True,
)
