"""Features on bars of a longer interval, and others that use them by name.

Such as a filter by weeks, of which `entry` makes use on every bar:

def features(self):
    close = pl.col("close")
    return {
        "rising": bs.higher("1w", close > close.rolling_mean(self.weeks)),
        "entry": pl.col("rising") & (close < close.shift(1)),
    }
"""

from __future__ import annotations

import re
from typing import NamedTuple

import polars as pl

from backsweep.errors import StrategyError

_FORM = re.compile(r"([1-9]\d*)(m|h|d|w|mo|q|y)")
_MINUTES = {"m": 1, "h": 60}
_DAY = 24 * 60


class Higher(NamedTuple):
    """What `bs.higher` returns: an expression on bars of an interval, with its minutes if it is shorter than a day."""

    interval: str
    expression: pl.Expr
    minutes: int | None


def higher(interval: str, expression: pl.Expr) -> Higher:
    """Return a feature on bars of a longer interval, such as 1w, 1mo or 4h; known once that interval has ended.

    For `features`, as the value of a name that other features may use. Units are m, h, d, w, mo, q and y. Raises
    StrategyError for an interval of another form, or one of less than a day that does not divide it.
    """
    match = _FORM.fullmatch(interval) if isinstance(interval, str) else None
    minutes = int(match[1]) * _MINUTES[match[2]] if match and match[2] in _MINUTES else None
    if match is None or (minutes is not None and _DAY % minutes):
        raise StrategyError(
            f"bs.higher does not know the interval {interval!r}",
            expected="a number and m, h, d, w, mo, q or y; of minutes and hours, a part of a day such as 15m or 4h",
            found=repr(interval),
        )
    if not isinstance(expression, pl.Expr):
        raise StrategyError(
            "bs.higher needs an expression",
            expected='such as bs.higher("1w", pl.col("close").rolling_mean(10))',
            found=f"a {type(expression).__name__}",
        )
    return Higher(interval, expression, minutes)
