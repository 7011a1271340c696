"""The normal distribution, exact in both tails."""

from __future__ import annotations

import math
from statistics import NormalDist

_STANDARD = NormalDist()
_LARGEST = 37.0
"""Beyond this many standard deviations the tail is smaller than any normal float64."""


def cumulative(z: float) -> float:
    """Return the probability of a value at or below `z`."""
    return math.erfc(-z / math.sqrt(2.0)) / 2.0


def survival(z: float) -> float:
    """Return the probability of a value above `z`, without the cancellation of 1 - cumulative(z)."""
    return math.erfc(z / math.sqrt(2.0)) / 2.0


def quantile(p: float) -> float:
    """Return z with cumulative(z) = p; minus and plus infinity at 0 and 1."""
    if p in {0.0, 1.0}:
        return math.copysign(math.inf, p - 0.5)
    return _STANDARD.inv_cdf(p)


def upper_quantile(p: float) -> float:
    """Return z with survival(z) = p, exact where p is small."""
    return -quantile(p)


def shrink(z: float, count: float) -> float:
    """Return the z whose tail is `count` >= 1 times as likely as that of `z` >= 0; 0 where that passes one half."""
    if z > _LARGEST:  # the tail falls like exp(-z^2 / 2); what is left out is less than 1e-3
        return math.sqrt(max(z * z - 2.0 * math.log(count), 0.0))
    return upper_quantile(min(count * survival(z), 0.5))
