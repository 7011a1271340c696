"""Buying and holding the assets of the data, which trials and their benchmark are shown beside.

Each asset gets an equal part of the cash, which buys it at its first close, in fractions and without costs, and keeps
it: splits change the units, dividends stay cash. Before its first bar a part is cash, after its last what it was worth
there. Currencies are not converted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.trial.market import Market


def held_worth(market: Market, actors: NDArray[Any]) -> NDArray[np.float64]:
    """Return what one unit of cash in each asset of a market is worth, summed over them.

    float64[sessions + 1], before the first session and at the end of each; `actors` are the assets' codes of the
    market's actions.
    """
    sessions = np.repeat(market.groups["session"], market.groups["count"])
    groups = np.repeat(np.arange(len(market.groups)), market.groups["count"])
    last = np.flatnonzero(market.bars["last_of_session"])
    order = last[np.argsort(market.codes[last], kind="stable")]
    total = np.zeros(len(market.sessions.ends) + 1)
    for rows in np.split(order, np.flatnonzero(np.diff(market.codes[order])) + 1):
        units, cash = _act(market.actions[actors == market.codes[rows[0]]], groups[rows])
        closes = market.bars["close"][rows]
        worth = (closes * units + cash) / closes[0]
        latest = np.searchsorted(sessions[rows], np.arange(len(total)) - 1, side="right")
        total += np.append(1.0, worth)[latest]
    return total


def _act(actions: NDArray[Any], groups: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return units and cash at bars of one asset, which is bought at the first with one unit."""
    later = actions[actions["group"] > groups[0]]
    units = np.cumprod(np.append(1.0, later["split"]))
    cash = np.cumsum(np.append(0.0, later["dividend"] * units[1:]))
    done = np.searchsorted(later["group"], groups, side="right")
    return units[done], cash[done]
