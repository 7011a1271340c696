"""Rules that peers do not share, as they are written: a second reading of them, in plain Python.

A trailing sell stop keeps the highest price since it was asked for: the close then, later the highs. Each bar is tested
against the level that follows from the bars before it: a bar that opens at or below it sells at the open, one that
falls to it sells there; only a bar that does neither raises the level. A buy stop is the mirror of that.
"""

from __future__ import annotations

import numpy as np

from sidebyside.fills import Fill
from sidebyside.scenario import CANCEL, CLOSE, CLOSING, HIGH, KIND, LOW, OPEN, ORDER, QUANTITY, TRAIL, Scenario


def play(scenario: Scenario) -> list[Fill]:
    """Return the fills of market orders at the next open and of trailing stops, for one asset, without costs."""
    fills, held, market = [], 0.0, 0.0
    trail = mark = wanted = np.nan
    for bar, (prices, intent) in enumerate(zip(scenario.bars[0], scenario.intents[0], strict=True)):
        if market:
            fills.append(Fill(bar, 0, market, prices[OPEN], 0.0))
            held, market = held + market, 0.0
        if not np.isnan(wanted):
            price, mark = _meet(prices, wanted, mark, trail)
            if price is not None:
                fills.append(Fill(bar, 0, wanted, price, 0.0))
                held, wanted = held + wanted, np.nan
        if intent[KIND] == ORDER and np.isnan(intent[TRAIL]):
            market = intent[QUANTITY]
        elif intent[KIND] == ORDER:
            wanted, trail, mark = intent[QUANTITY], intent[TRAIL], prices[CLOSING]
        elif intent[KIND] == CANCEL:
            wanted = np.nan
        elif intent[KIND] == CLOSE:
            market = -held
    return fills


def _meet(prices: np.ndarray, wanted: float, mark: float, trail: float) -> tuple[float | None, float]:
    """Return the price at which the bar fills the stop, None if it does not, and the mark after it."""
    if wanted < 0.0:
        level = mark - mark * trail
        if prices[LOW] <= level:
            return min(prices[OPEN], level), mark
        return None, max(mark, prices[HIGH])
    level = mark + mark * trail
    if prices[HIGH] >= level:
        return max(prices[OPEN], level), mark
    return None, min(mark, prices[LOW])
