"""The sweep files that ship can be run as they are."""

from pathlib import Path

import numpy as np
import pytest

from backsweep.metrics import METRICS
from backsweep.strategy import load_strategy
from backsweep.study.search.space import build_space, trial_spec
from backsweep.sweepfile.load import load_sweep
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import SharedEvaluator

SWEEPS = Path(__file__).parents[2] / "sweeps"
FILES = sorted(SWEEPS.glob("*.yaml"))


def read(file):
    sweep = load_sweep(file)
    return sweep, build_space(sweep, load_strategy(sweep.strategy).declared())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_sweep_runs_trials_from_its_whole_space(file):
    sweep, space = read(file)
    evaluator = SharedEvaluator(trial_spec(sweep, space))
    values = space.from_unit(np.random.default_rng(1).random((40, len(space.names))))
    outcome = evaluator.evaluate(Chunk(0, np.arange(40), values))
    assert not outcome.errors
    assert np.mean(outcome.metrics[:, METRICS.index("trades")] > 10) > 0.9
    assert np.isfinite(outcome.metrics[:, METRICS.index("sharpe")]).all()


def test_the_demo_is_a_tpe_search_on_two_ray_workers_with_costs():
    sweep, space = read(SWEEPS / "demo.yaml")
    assert (sweep.search.sampler, sweep.runtime.backend, sweep.runtime.workers) == ("tpe", "ray", 2)
    assert sweep.search.trials >= 500
    assert sweep.costs.commission.rate > 0.0
    assert "costs.slippage.rate" in space.names


def test_a_strategy_file_of_ones_own_runs_beside_the_shipped_data():
    sweep, space = read(SWEEPS / "demo.yaml")
    own = f"{SWEEPS / 'strategies' / 'ma_trend.py'}:MaTrend"
    spec = trial_spec(sweep, space)
    evaluator = SharedEvaluator(spec.model_copy(update={"strategy": own, "params": (), "fixed": {}}))
    compiled, interpreted = (evaluator.replay(np.zeros(0), compiled=each) for each in (True, False))
    assert compiled.fills.equals(interpreted.fills)
    assert compiled.trades.height > 50
    assert compiled.metrics["rejected_orders"] == 0
