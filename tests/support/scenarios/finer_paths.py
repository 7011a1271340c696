"""Random paths inside the bars of a scenario: as its finer bars, or as the market itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.codes import GTC, GTD

if TYPE_CHECKING:
    from scenarios.random_scripts import Scenario
    from scenarios.scripted import Prices


def with_finer_bars(
    scenario: Scenario, seed: int, parts: int, *, turns: int = 2, gaps: bool = False, lost: float = 0.0
) -> Scenario:
    """Return the scenario with `parts` finer bars in each bar, of `turns` moves each.

    With `gaps` a finer bar need not begin where the last ended. `lost` is the share of the finer bars that are missing
    where the others still make up the bar, and of the bars that have none.
    """
    generator = np.random.default_rng(seed)
    finer = {}
    for at, group in enumerate(scenario.groups):
        for asset, bar in group.items():
            drawn = list(enumerate(_path(generator, bar, parts, turns, gaps=gaps), 1))
            kept = [part for part in drawn if generator.random() >= lost]
            high, low = max(part[1] for _, part in kept or drawn), min(part[2] for _, part in kept or drawn)
            if lost == 0.0 or generator.random() >= lost:
                finer[at, asset] = _opened(kept if kept and (high, low) == bar[1:3] else drawn, bar[0])
    return replace(scenario, finer=finer)


def on_finer_bars(scenario: Scenario, parts: int) -> Scenario:
    """Return the scenario whose market are its finer bars; the script speaks at the last of each bar."""
    groups = [
        {asset: dict(scenario.finer[at, asset])[time] for asset in group}
        for at, group in enumerate(scenario.groups)
        for time in range(1, parts + 1)
    ]
    steps = [replace(step, at=(step.at + 1) * parts - 1) for step in scenario.steps]
    idle = frozenset((at * parts + time, asset) for at, asset in scenario.idle for time in range(parts))
    per_session = scenario.per_session * parts
    return replace(scenario, groups=groups, steps=steps, idle=idle, per_session=per_session, finer={})


def undated(scenario: Scenario) -> Scenario:
    """Return the scenario without orders that end at a time of day, which finer bars divide."""
    steps = [replace(step, tif=GTC) if step.tif == GTD else step for step in scenario.steps]
    return replace(scenario, steps=steps)


def _opened(parts: list[tuple[int, Prices]], price: float) -> list[tuple[int, Prices]]:
    """Return finer bars of which the first begins at the open of the bar, as what is read is fitted."""
    (time, (_, high, low, close)), *later = parts
    return [(time, (price, max(high, price), min(low, price), close)), *later]


def _path(generator: np.random.Generator, bar: Prices, parts: int, turns: int, *, gaps: bool) -> list[Prices]:
    """Draw the finer bars of a bar: a way from its open to its close, in quarters, that visits high and low."""
    opened, high, low, close = bar
    count = parts * turns + 1
    spread = round(4 * (high - low))
    points = low + generator.integers(0, spread + 1, count) / 4
    points[0], points[-1] = opened, close
    inner = generator.permutation(np.arange(1, count - 1))[:2]
    points[inner] = (high, low)
    bars = []
    for part in range(parts):
        way = points[part * turns + int(gaps and part > 0) : (part + 1) * turns + 1]
        bars.append((float(way[0]), float(way.max()), float(way.min()), float(way[-1])))
    return bars
