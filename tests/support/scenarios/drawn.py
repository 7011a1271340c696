"""Scenarios for properties: drawn by Hypothesis, and what to read off their results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from hypothesis import settings
from hypothesis import strategies as st

from backsweep.engine.codes import LIMIT_FILLS
from backsweep.engine.profiles import PROFILES
from scenarios.random_scripts import ACCOUNTS, ASSETS, Scenario, random_scenario
from scenarios.scripted import BRACKET, CANCEL, SUBMIT, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from numpy.typing import NDArray

    from backsweep.trial.result import Result

LONG = settings.get_current_profile_name() == "long"  # `make invariants`
DRAWN = 500 if LONG else 12  # for each property
EXAMPLES = settings(max_examples=DRAWN, derandomize=not LONG)

MARGIN, WHOLE_LOTS, CASH, CASH_WHOLE = ACCOUNTS
RICH = {"cash": 2.0**30, "kind": "margin", "leverage": 4.0, "lot": 0.0}  # nothing is refused for want of money
PLAIN = frozenset({SUBMIT, BRACKET, CANCEL})

Row = dict[str, Any]


def scenarios(**given: Any) -> st.SearchStrategy[Scenario]:
    """Draw scenarios; they shrink by getting shorter. `given` fixes account, costs, profile and the like."""
    return st.builds(
        lambda seed, length, steps, assets: random_scenario(seed, length=length, steps=steps, assets=assets, **given),
        st.integers(0, 2**31),
        st.integers(3, 30),
        st.integers(0, 40),
        st.integers(1, len(ASSETS)),
    )


def everywhere(**given: Any) -> st.SearchStrategy[Scenario]:
    """Draw scenarios under every profile: limits touched or passed, fills whole or in parts, 1 or 3 bars a day."""
    return st.builds(
        lambda scenario, profile, limit_fill, per_session, share: replace(
            scenario,
            profile=profile,
            limit_fill=limit_fill,
            per_session=per_session,
            volume_share=share,
            idle=frozenset((at, name) for at, name in scenario.idle if at > 0 or share == 0.0),  # a share needs volume
        ),
        scenarios(**given),
        st.sampled_from(list(PROFILES)),
        st.sampled_from(LIMIT_FILLS),
        st.sampled_from([1, 3]),
        st.just(given["volume_share"]) if "volume_share" in given else st.sampled_from([0.0, 2.0**-15]),
    )


def plain(**given: Any) -> st.SearchStrategy[Scenario]:
    """Draw scenarios of orders that are never changed, so that what was asked for is known of every order."""
    return scenarios(**given).map(
        lambda scenario: replace(scenario, steps=[step for step in scenario.steps if step.verb in PLAIN])
    )


def asked(scenario: Scenario, result: Result) -> Iterator[tuple[Step, Row]]:
    """Return the steps of a plain scenario that submitted an order without a parent, with the order's outcome."""
    rows = {row["order_id"]: row for row in result.orders.iter_rows(named=True)}
    for step in scenario.steps:
        if step.verb == BRACKET or (step.verb == SUBMIT and step.order == 0):
            yield step, rows[step.id]


def fills_of(result: Result, order: int) -> list[Row]:
    """Return the fills of one order."""
    return list(result.fills.filter(pl.col("order_id") == order).iter_rows(named=True))


def times(result: Result) -> list[datetime]:
    """Return the timestamp of every group of bars."""
    return result.equity["timestamp"].to_list()


def traded(scenario: Scenario, asset: str) -> list[int]:
    """Return the groups in which orders can fill in a bar of the asset: not without volume, once it has shown some."""
    here = [index for index, group in enumerate(scenario.groups) if asset in group]
    first = next((index for index in here if (index, asset) not in scenario.idle), len(scenario.groups))
    return [index for index in here if index < first or (index, asset) not in scenario.idle]


def next_traded(scenario: Scenario, asset: str, now: int) -> int | None:
    """Return the first group after `now` in which orders can fill in a bar of the asset."""
    return next((index for index in traded(scenario, asset) if index > now), None)


def session_of(scenario: Scenario, index: int) -> int:
    """Return the calendar day of a group."""
    return index // scenario.per_session


def ends_session(scenario: Scenario, index: int) -> bool:
    """Return whether no later group belongs to the session."""
    return index + 1 == len(scenario.groups) or session_of(scenario, index + 1) != session_of(scenario, index)


def last_closes(scenario: Scenario) -> NDArray[np.float64]:
    """Return every asset's last close at every timestamp, float64[timestamps, assets]."""
    closes = np.full((len(scenario.groups), len(scenario.assets)), np.nan)
    for row, group in enumerate(scenario.groups):
        closes[row] = closes[row - 1] if row else np.nan
        for name, bar in group.items():
            closes[row, scenario.assets.index(name)] = bar[3]
    return closes


def positions(scenario: Scenario, result: Result) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return positions after every timestamp (timestamps, assets) as sums of fills, and the last closes."""
    at = times(result)
    held = np.zeros((len(at), len(scenario.assets)))
    for asset, time, quantity in result.fills.select("asset", "timestamp", "quantity").iter_rows():
        held[at.index(time) :, scenario.assets.index(asset)] += quantity
    return held, last_closes(scenario)
