"""The rate of a fill, which limit orders that rested may have of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from backsweep.engine.compile.kernel import kernel
from backsweep.engine.costs.kinds import Number

_ABOUT = "The rate where a limit order rested before it filled; below 0 a rebate. Left out: `rate`."

MAKER_AMOUNT = Number("maker_rate", _ABOUT, default=np.nan)
MAKER_RATE = Number("maker_rate", _ABOUT, default=np.nan, gt=-1.0, lt=1.0)


@kernel
def rate_of(rates: Any, maker: bool) -> float:
    """Return the rate of a record that has `rate` and `maker_rate`."""
    return rates.maker_rate if maker and not np.isnan(rates.maker_rate) else rates.rate
