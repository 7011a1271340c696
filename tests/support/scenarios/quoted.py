"""Random quotes beside the bars of a scenario."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scenarios.random_scripts import Scenario
    from scenarios.scripted import Prices


def with_quotes(scenario: Scenario, seed: int) -> Scenario:
    """Return the scenario with a bid and an ask bar beside each bar: in quarters, spreads of none to four of them."""
    generator = np.random.default_rng(seed)
    return replace(
        scenario,
        quotes={
            (at, name): _sides(generator, bar)
            for at, group in enumerate(scenario.groups)
            for name, bar in group.items()
        },
    )


def _sides(generator: np.random.Generator, bar: Prices) -> tuple[Prices, Prices]:
    def more(most: int) -> float:
        return float(generator.integers(0, most + 1)) / 4

    opened, _, _, close = bar
    bid_open, bid_close = opened - more(2), close - more(2)
    bid_high, bid_low = max(bid_open, bid_close) + more(3), max(min(bid_open, bid_close) - more(3), 0.25)
    ask_open, ask_close = bid_open + more(4), bid_close + more(4)
    ask_high, ask_low = max(ask_open, ask_close, bid_high) + more(2), max(min(ask_open, ask_close) - more(3), bid_low)
    return (bid_open, bid_high, bid_low, bid_close), (ask_open, ask_high, ask_low, ask_close)
