"""What a comparison leaves out: entries whose trade meets a rule in which engines differ by choice.

Each rule stands in DIFFERENCES.md with a case that shows it. A profile that carries a peer's name follows the peer
where a bar opens beyond a target and later reaches the stop; then only entries at the close of a bar on which an exit
filled are left out. Entries are dropped one after the other, because without one of them later ones find the account
flat.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backsweep.engine.codes import OPEN_DECIDES
from backsweep.engine.profiles import PROFILES
from sidebyside import ours
from sidebyside.fills import is_close
from sidebyside.scenario import HIGH, LOW, OPEN, QUANTITY, STOP_LOSS, Scenario


def agreeable(scenario: Scenario) -> Scenario:
    """Return the scenario without entries whose trade would meet a rule in which engines differ."""
    while True:
        dropped = _differing(scenario)
        if not dropped.any():
            return scenario
        scenario = scenario.without(dropped)


def _differing(scenario: Scenario) -> NDArray[np.bool_]:
    """Mark, for each asset, the first entry that must go, bool[assets, n]."""
    dropped = np.zeros(scenario.intents.shape[:2], bool)
    result = ours.result(scenario)
    entries = result.fills.join(result.orders.filter(pl.col("parent_id").is_null()), on="order_id")
    trades = result.trades.join(
        entries.select("asset", "submitted", entry_timestamp="timestamp"), on=["asset", "entry_timestamp"]
    ).sort("exit_timestamp")
    for asset, name in enumerate(scenario.assets):
        own = trades.filter(pl.col("asset") == name)
        submitted, exits = (map(scenario.bar_at, own[when]) for when in ("submitted", "exit_timestamp"))
        lost = set()
        for asked, leave, reason, price in zip(submitted, exits, own["exit_reason"], own["exit_price"], strict=True):
            gapped = reason == "take_profit" and _gapped(scenario, asset, asked, leave, price)
            if asked in lost or (gapped and PROFILES[scenario.profile].target_at_open == OPEN_DECIDES):
                dropped[asset, asked] = True
                break
            if scenario.at_close:  # a peer may lose an entry at the close of a bar on which a stop exited
                lost.add(leave)
    return dropped


def _gapped(scenario: Scenario, asset: int, asked: int, leave: int, price: float) -> bool:
    """Return whether the bar opened beyond the target and later reached the stop."""
    bar = scenario.bars[asset, leave]
    stop = scenario.intents[asset, asked, STOP_LOSS]
    reached = bar[LOW] <= stop if scenario.intents[asset, asked, QUANTITY] > 0.0 else bar[HIGH] >= stop
    return bool(is_close(price, bar[OPEN]) and reached)
