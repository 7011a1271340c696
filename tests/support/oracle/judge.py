"""The engine against the oracle: the same fills, orders and equity, to one part in 10^12."""

from __future__ import annotations

from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scenarios.scripted import VERBS

from oracle.engine import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenarios.random_scripts import Scenario
    from scenarios.scripted import Step

    from backsweep.trial.result import Result


class Spoken:
    """A step in the oracle's words."""

    def __init__(self, step: Step) -> None:
        self.__dict__.update(vars(step))
        self.verb = VERBS[step.verb]
        self.parent = getattr(step.order, "id", step.order)


def ask_oracle(scenario: Scenario, kind: type[Oracle] = Oracle) -> Oracle:
    """Run a scenario through an oracle."""
    account = {**scenario.account, "oracle_rates": scenario.rates}
    oracle = kind(scenario.groups, scenario.assets, account, scenario.costs, scenario.profile, scenario.per_session)
    oracle.idle, oracle.beyond = scenario.idle, scenario.limit_fill == "penetration"
    oracle.volume_share = scenario.volume_share
    oracle.finer = {
        key: [(time, tuple(map(Fraction, bar))) for time, bar in parts] for key, parts in scenario.finer.items()
    }
    oracle.quotes = {key: tuple(tuple(map(Fraction, side)) for side in sides) for key, sides in scenario.quotes.items()}
    oracle.targets_first = scenario.ambiguous == "target_first"
    return oracle.run([Spoken(step) for step in scenario.steps])


@contextmanager
def noted(note: str) -> Iterator[None]:
    """Add a note to the error of an assertion that fails."""
    try:
        yield
    except AssertionError as error:
        error.add_note(note)
        raise


def assert_close(found: Any, expected: Any, what: str) -> None:
    """Assert that numbers agree to one part in 10^12."""
    assert np.asarray(found, float) == pytest.approx(
        np.array([float(x) for x in expected]), rel=1e-12, abs=1e-9, nan_ok=True
    ), what


def compare(scenario: Scenario) -> Oracle:
    """Assert that engine and oracle agree; returns the oracle."""
    oracle = ask_oracle(scenario)
    insist(scenario.play(), oracle)
    return oracle


def insist(result: Result, oracle: Oracle, point: float = 1.0) -> None:
    """Assert that a result is that of the oracle, whose prices are `point` times those of the result."""
    fills = result.fills
    assert fills["order_id"].to_list() == [fill.order.id for fill in oracle.fills]
    assert fills["asset"].to_list() == [fill.order.asset for fill in oracle.fills]
    times = dict(enumerate(result.equity["timestamp"]))
    assert fills["timestamp"].to_list() == [times[fill.timestamp] for fill in oracle.fills]
    assert_close(fills["price"] * point, [fill.price for fill in oracle.fills], "price")
    for name in ("quantity", "commission", "slippage"):
        assert_close(fills[name], [getattr(fill, name) for fill in oracle.fills], name)
    orders = result.orders
    assert orders["order_id"].to_list() == [order.id for order in oracle.orders]
    assert list(zip(orders["status"], orders["reject_reason"], strict=True)) == [
        (order.status, order.reason) for order in oracle.orders
    ]
    assert_close(orders["quantity"], [np.nan if o.total is None else o.total for o in oracle.orders], "order quantity")
    assert_close(result.equity["cash"], oracle.cashes, "cash")
    assert_close(result.equity["equity"], oracle.equity, "equity")
    assert result.metrics["ambiguous_fills"] == oracle.ambiguous
    assert_close([result.metrics["currency_pnl"]], [getattr(oracle, "currency_pnl", 0)], "currency_pnl")
    assert_close([result.metrics["ambiguous_pnl"]], [oracle.ambiguous_pnl], "ambiguous_pnl")
