"""A run that sleeps leaves the same bits as one that visits every group: random strategies over the matrix of rules."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.restless import compare_random_runs, panel
from scenarios.scripted import bars, evaluator

from backsweep.strategy import Strategy, above, never
from backsweep.trial.runner import Runner


def test_a_run_that_sleeps_leaves_the_same_bits(monkeypatch):
    for place in ("blocks", "state", "events.sleep"):
        monkeypatch.setattr(f"backsweep.engine.{place}.BLOCK", 8)
    monkeypatch.setattr("backsweep.engine.events.sleep.STRETCH", 32)
    assert sum(compare_random_runs(seed, compiled=False, trials=2) for seed in range(16)) > 100


def test_a_run_over_several_assets_that_sleeps_leaves_the_same_bits(monkeypatch):
    for place in ("blocks", "state"):
        monkeypatch.setattr(f"backsweep.engine.{place}.BLOCK", 8)
    monkeypatch.setattr("backsweep.engine.events.sleep.BLOCK", 8)
    monkeypatch.setattr("backsweep.engine.events.sleep.STRETCH", 32)
    # In the last two, the equity of a session that is passed or an order for its asset's day could differ.
    seeds = (*range(8), 17, 76)
    assert sum(compare_random_runs(seed, compiled=False, trials=2, make=panel) for seed in seeds) > 100


def test_a_run_on_quotes_that_sleeps_leaves_the_same_bits(monkeypatch):
    for place in ("blocks", "state", "events.sleep"):
        monkeypatch.setattr(f"backsweep.engine.{place}.BLOCK", 8)
    monkeypatch.setattr("backsweep.engine.events.sleep.STRETCH", 32)
    # In these a bar whose quotes alone reach an order would be passed by one that looks at the marks.
    assert sum(compare_random_runs(seed, compiled=False, trials=1, quotes=True) for seed in (1, 8, 14)) > 25


class Held(Strategy):
    """Buys as soon as `go` says so, and has nothing to decide afterwards."""

    def wake(self):
        return above("go", 0.0)

    def wake_held(self):
        return never()

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the signature is given
        if broker.get_position(0).quantity == 0.0:
            broker.submit_order(0, 300.0)


def test_a_margin_call_within_a_session_is_met_while_the_strategy_sleeps():
    # 300 bought at 100. At a close of 88 equity is 10,000 - 300 x 12 = 6,400, below a quarter of 300 x 88, 6,600: some
    # are sold at the next open, and again at each of the lower ones but the last.
    closes = [100.0, 100.0, 96.0, 92.0, 88.0, 84.0, 80.0, 76.0]
    frame = bars(*((each,) * 4 for each in closes), step=timedelta(hours=1)).with_columns(
        go=pl.Series([1.0] + [0.0] * 7)
    )
    account = {"cash": 10_000.0, "kind": "margin", "leverage": 4.0, "maintenance_margin": 0.25}
    built = evaluator(frame, Held, account=account)._runner
    for sleeps in (1, 0):  # asleep, and at every bar
        runner = Runner(built.market, built.cls, built.settings, compiled=False)
        runner.tables.sizes[0].sleeps = sleeps
        runner.run(np.zeros(0))
        assert int(runner.tables.counters[0].fills) == 1 + 3


class Stopped(Held):
    """Buys once, with a stop."""

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the signature is given
        broker.submit_bracket(0, 300.0, stop_loss=90.0)


def test_interest_on_a_debt_without_a_position_accrues_while_the_strategy_sleeps():
    # Two bars a day. 300 bought at 100 leave cash of -20,000, which costs a thousandth in the night, at 36.5 % a year.
    # Sold at the next open, 60, they leave a debt of 2,020, and three nights.
    frame = bars(*((each,) * 4 for each in [100.0] * 2 + [60.0] * 8), step=timedelta(hours=12))
    frame = frame.with_columns(go=pl.Series([1.0] + [0.0] * 9))
    account = {"cash": 10_000.0, "kind": "margin", "leverage": 4.0}
    costs = {"financing": {"margin_interest": 0.365}}
    built = evaluator(frame, Stopped, account=account, costs=costs)._runner
    for sleeps in (1, 0):  # asleep, and at every bar
        runner = Runner(built.market, built.cls, built.settings, compiled=False)
        runner.tables.sizes[0].sleeps = sleeps
        runner.run(np.zeros(0))
        assert runner.tables.account[0].cash == pytest.approx(-2_020.0 * 1.001**3)


@pytest.mark.long
def test_many_runs_that_sleep_leave_the_same_bits():
    assert sum(compare_random_runs(seed, compiled=True, trials=25) for seed in range(400)) > 100_000


@pytest.mark.long
def test_many_runs_over_several_assets_that_sleep_leave_the_same_bits():
    assert sum(compare_random_runs(seed, compiled=True, trials=10, make=panel) for seed in range(200)) > 10_000
