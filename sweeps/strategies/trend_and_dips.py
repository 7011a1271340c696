"""Two strategies on one account: the trend of every asset, and dips of those that rise.

Both are strategies by themselves, in the files beside this one. Trends pay in long moves and dips in quiet ones, so
that the equity of both together may vary less than that of each: which weights do, a sweep finds.
"""

from __future__ import annotations

from rsi2 import Rsi2
from trend import Trend

import backsweep as bs


class TrendAndDips(bs.Combination):
    """The trend with most of the equity, dips with the rest."""

    trend: Trend = bs.part(Trend, weight=bs.param(0.2, 0.8, default=0.6))
    dips: Rsi2 = bs.part(Rsi2, weight=bs.param(0.2, 0.8, default=0.4))
