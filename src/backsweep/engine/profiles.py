"""Execution profiles: the choices that engines make differently, one row of data for each named set of them.

The kernels read the choices from the account's rules, not by a profile's name. What is not a choice here holds
for all: a gap fills at the open, stops and targets alike; where the range of a bar reaches a stop and a target, the
stop fills.
"""

from __future__ import annotations

from dataclasses import dataclass

from backsweep.engine.codes import (
    ALL_AS_SUBMITTED,
    AS_SUBMITTED,
    BAR_AFTER,
    CLOSE_ONLY,
    ENTRY_BAR,
    EXITS_FIRST,
    NEXT_CLOSE,
    NEXT_OPEN,
    OPEN_DECIDES,
    RANGE_DECIDES,
    SAME_CLOSE,
    SURE_ENTRY_BAR,
    WHOLE_BAR,
)


@dataclass(frozen=True)
class Profile:
    """One set of choices; a field's name is the name of its field in the rules.

    Attributes
    ----------
    fill_at : where a market order fills: the open of its asset's next bar, the close of the bar at which it was asked
        for (an order for an asset without a bar then, at that asset's next close), or the close of the next bar.
    children_live : when a bracket's children begin to meet bars: on the bar that filled the entry; on that bar if the
        entry was a market order, or a stop order whose bar reaches the target and not the protective stop, else on the
        bar after; always on the bar after. After an entry at a close, the bar is over.
    sequence : orders that fill in one phase of a bar: exits first; market orders as they were submitted, then the
        others, exits first; or all as they were submitted.
    trigger : what limits and stops see of a bar: all of it, or its close alone, and then they fill at the close.
    target_at_open : what fills where a bar opens beyond a target and later reaches the stop: the target, at the open;
        or the stop, as where the range reaches both.

    """

    fill_at: int = NEXT_OPEN
    children_live: int = ENTRY_BAR
    sequence: int = EXITS_FIRST
    trigger: int = WHOLE_BAR
    target_at_open: int = OPEN_DECIDES


OWN_PROFILES = ("next_open", "same_close", "next_close")
"""Those that do not reproduce another engine."""

PROFILES: dict[str, Profile] = {
    "next_open": Profile(),
    "same_close": Profile(fill_at=SAME_CLOSE),
    "next_close": Profile(fill_at=NEXT_CLOSE),
    "backtesting_py": Profile(children_live=SURE_ENTRY_BAR, target_at_open=RANGE_DECIDES),
    "backtrader": Profile(children_live=BAR_AFTER, sequence=AS_SUBMITTED, target_at_open=RANGE_DECIDES),
    "vectorbt": Profile(fill_at=SAME_CLOSE, sequence=AS_SUBMITTED, target_at_open=RANGE_DECIDES),
    "zipline": Profile(fill_at=NEXT_CLOSE, sequence=ALL_AS_SUBMITTED, trigger=CLOSE_ONLY),
}
