"""Combinations of two scripts: each plays its own steps, with positions and orders of its own.

To the oracle a part's asset is an asset by itself: `A0` is what the first part trades of A, `A1` what the second does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numba import config
from oracle.account import AccountOracle
from oracle.judge import ask_oracle, insist

import backsweep as bs
from scenarios.random_scripts import random_scenario
from scenarios.scripted import TARGET_PERCENT, Script, assert_same_bits, compose, evaluator

if TYPE_CHECKING:
    from backsweep.trial.result import Result
    from scenarios.random_scripts import Scenario
    from scenarios.scripted import Step

PARTS = ("first", "second")


class Two(bs.Combination):
    """Two scripts."""

    first: Script = bs.part(Script)
    second: Script = bs.part(Script)


class Alone(bs.Combination):
    """One script."""

    first: Script = bs.part(Script)


def play(
    market: pl.DataFrame,
    *steps: list[Step],
    weights: tuple[float, ...] = (1.0, 1.0),
    compiled: bool = False,
    **spec: Any,
) -> Result:
    """Play a script for each part; orders are numbered over all of them, in the order in which parts decide."""
    named = dict(zip(PARTS, steps, strict=False))
    everything = [step for own in steps for step in own]
    compose(everything)  # numbers the orders of both
    tables = {name: np.array([step.row() for step in sorted(own, key=_time)]) for name, own in named.items()}
    values = {f"{name}.steps": float(table.ctypes.data) for name, table in tables.items()}
    values |= {f"{name}.count": float(len(table)) for name, table in tables.items()}
    values |= {f"{name}.weight": weight for name, weight in zip(named, weights, strict=False)}
    cls = Two if len(named) > 1 else Alone
    engine = evaluator(market, cls, **{**spec, "params": tuple(values)})
    result = engine.replay(np.array(list(values.values())), compiled=False)
    if compiled and not config.DISABLE_JIT:
        assert_same_bits(engine.replay(np.array(list(values.values()))), result)
    return result


def _time(step: Step) -> int:
    return step.at


class PartsOracle(AccountOracle):
    """Plays what two parts do in one account."""

    def traded(self, asset):
        return asset[:-1]

    def fund(self, group):
        """Pay the funding of each asset, at the rates of its name without the part."""
        for part in "01":
            own = {asset[:-1]: bar for asset, bar in group.items() if asset[-1] == part}
            held = {asset[:-1]: units for asset, units in self.position.items() if asset[-1] == part}
            self.cash -= self.costs.funding(self.now, held, own)


def compare_parts(seed: int, weights: tuple[float, float], *, compiled: bool = False, **given: Any) -> Result:
    """Assert that engine and oracle agree about two random scripts in one account."""
    scenario = random_scenario(seed, **given)
    other = random_scenario(seed + 1000, **{**given, "costs": scenario.costs, "account": scenario.account})
    steps = [scenario.steps, [replace(step, at=min(step.at, len(scenario.groups) - 1)) for step in other.steps]]
    result = play(
        scenario.market,
        *steps,
        weights=weights,
        compiled=compiled,
        account=scenario.account,
        costs=scenario.costs,
        prices="any",
        execution={"profile": scenario.profile, "volume_share": scenario.volume_share},
    )
    insist(_renamed(result), ask_oracle(_as_assets(scenario, steps, weights), PartsOracle))
    return result


def _as_assets(scenario: Scenario, steps: list[list[Step]], weights: tuple[float, float]) -> Scenario:
    """Return a scenario in which each part's assets are assets of their own."""
    spoken = []
    for part, own in enumerate(steps):
        for step in own:
            groups = 2 * step.oca + part if step.oca else 0
            size = step.quantity * weights[part] if step.verb == TARGET_PERCENT else step.quantity
            spoken.append(replace(step, asset=2 * step.asset + part, oca=groups, quantity=size))
    compose(spoken)
    return replace(
        scenario,
        groups=[{f"{name}{part}": bar for name, bar in group.items() for part in (0, 1)} for group in scenario.groups],
        assets=tuple(f"{name}{part}" for name in scenario.assets for part in (0, 1)),
        steps=sorted(spoken, key=_time),
        idle=frozenset((at, f"{name}{part}") for at, name in scenario.idle for part in (0, 1)),
    )


def _renamed(result: Result) -> Result:
    """Return a result with the oracle's names of assets."""
    numbers = pl.col("part").replace_strict({name: str(place) for place, name in enumerate(PARTS)})
    return replace(result, fills=result.fills.with_columns(pl.col("asset") + numbers))
