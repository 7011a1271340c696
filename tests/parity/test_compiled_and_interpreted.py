"""The same source, compiled and interpreted, leaves the same bits. With NUMBA_DISABLE_JIT=1 both are interpreted."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from oracle.account import with_actions
from scenarios.drawn import LONG
from scenarios.parts import compare_parts
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario
from scenarios.scripted import assert_same_bits

from backsweep.dataset import DataSpec
from backsweep.metrics.summary import METRICS
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import SharedEvaluator

pytestmark = pytest.mark.thorough


DATA = Path(__file__).parents[2] / "sweeps" / "data"


@pytest.mark.parametrize("seed", range(3 if LONG else 1))
@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: costs.get("commission", {"kind": "free"})["kind"])
@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: f"{account['kind']}-lot{account['lot']:g}")
def test_scripts_leave_the_same_bits(account, costs, seed):
    share = (2.0**-15, 0.0)[seed % 2]
    scenario = random_scenario(seed, length=60, steps=90, assets=3, account=account, costs=costs, volume_share=share)
    compiled = scenario.play()
    assert compiled.fills.height > 5
    assert_same_bits(compiled, scenario.play(compiled=False))


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: f"{account['kind']}-lot{account['lot']:g}")
def test_corporate_actions_leave_the_same_bits(account):
    scenario = with_actions(random_scenario(5, length=60, steps=90, assets=3, account=account), 5)
    compiled = scenario.play()
    assert compiled.cash_flows.height > 0
    assert_same_bits(compiled, scenario.play(compiled=False))


def test_liquidations_leave_the_same_bits():
    account = {**ACCOUNTS[0], "cash": 2_000.0, "maintenance_margin": 0.375}
    scenario = random_scenario(7, length=60, steps=90, assets=3, account=account)
    compiled = scenario.play()
    assert (compiled.fills["reason"] == "liquidation").any()
    assert_same_bits(compiled, scenario.play(compiled=False))


@pytest.mark.parametrize("seed", range(3))
def test_limits_leave_the_same_bits(seed):
    limits = {"positions": 2, "exposure": 0.75, "daily_loss": 0.01, "drawdown": 0.05}
    scenario = random_scenario(seed, length=60, steps=90, assets=3, account={**ACCOUNTS[0], "limits": limits})
    compiled = scenario.play()
    assert (compiled.fills["reason"] == "liquidation").any()
    assert_same_bits(compiled, scenario.play(compiled=False))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_parts_of_a_combination_leave_the_same_bits_and_fill_as_the_oracle_says(seed):
    given = {
        "assets": 2,
        "length": 40,
        "steps": 50,
        "account": ACCOUNTS[seed],
        "volume_share": (0.0, 2.0**-15)[seed % 2],
    }
    assert compare_parts(seed, (0.5, 0.25), compiled=True, **given).fills.height > 5


@pytest.fixture(scope="module")
def shipped():
    """Build an evaluator of a shipped strategy with features on a part of the shipped data."""
    spec = TrialSpec(
        data=DataSpec(
            bars=str(DATA / "stocks_daily.parquet"),
            signals=str(DATA / "stocks_signals.parquet"),
            context=str(DATA / "market_context.parquet"),
            start=date(2008, 1, 1),
            end=date(2008, 12, 31),
        ),
        strategy="backsweep.strategies.moving_average_cross:MovingAverageCross",
        account={"kind": "margin", "leverage": 2.0, "lot": 1.0},
        costs=COSTS[1],
        fixed={"weight": 0.35, "short": True},
        params=("fast", "slow", "costs.slippage.rate"),
    )
    return SharedEvaluator(spec)


VALUES = np.array([[3.0, 20.0, 0.001], [10.0, 40.0, 0.0]])


@pytest.mark.parametrize("values", VALUES, ids=str)
def test_a_shipped_strategy_leaves_the_same_bits(shipped, values):
    compiled = shipped.replay(values)
    assert compiled.trades.height > 3
    assert_same_bits(compiled, shipped.replay(values, compiled=False))


def test_a_trial_of_a_study_and_its_replay_are_the_same(shipped):
    outcome = shipped.evaluate(Chunk(0, np.arange(len(VALUES)), VALUES))
    for row, values in enumerate(VALUES):
        result = shipped.replay(values, compiled=False)
        assert [np.nan if result.metrics[name] is None else result.metrics[name] for name in METRICS] == pytest.approx(
            outcome.metrics[row], rel=0, abs=0, nan_ok=True
        )
        assert result.returns.astype(np.float32).tobytes() == outcome.returns[row].tobytes()
