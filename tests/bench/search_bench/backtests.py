"""Two backtests on shipped data as objectives: searched over the first years, judged by the years after.

The loss is the annual Sharpe ratio with its sign turned; a trial without one has none. Samplers are not told the years
after: what is found there is what a search was for, and it need not be better where more was searched.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backsweep.metrics.summary import METRICS
from backsweep.strategy import load_strategy
from backsweep.study.search.space import build_space, trial_spec
from backsweep.sweepfile.load import load_sweep
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import make_evaluator
from search_bench.objectives import Array, Objective, Outcomes

SWEEPS = Path(__file__).parents[3] / "sweeps"
SHARPE = METRICS.index("sharpe")
CASES = {
    "signal strategy, one stock": (
        "demo.yaml",
        "data.assets=[AAPL]",
        "data.start=2005-01-01",
        "walk_forward.train=4y",
        "search.constraints=[trades >= 10]",
    ),
    "moving averages, two stocks": (
        "moving_average.yaml",
        "data.assets=[IBM, MSFT]",
        "data.end=2006-12-31",
        "walk_forward.train=4y",
        "search.sampler=random",
        "search.trials=1",
        "search.params={band: {low: 0.0, high: 0.1}}",
        "search.fixed={weight: 0.2}",
    ),
}


class Backtest:
    """A shipped sweep file with one fold: its training is what samplers are told, and its test judges."""

    def __init__(self, file: str, *settings: str) -> None:
        sweep = load_sweep(SWEEPS / file, [*settings, "walk_forward.mode=holdout"])
        space = build_space(sweep, load_strategy(sweep.strategy).declared())
        self.axes, self.bounds = space.dimensions, sweep.search.bounds
        self._evaluator = make_evaluator(trial_spec(sweep, space))
        self._evaluator.prepare()

    def evaluate(self, x: Array) -> Outcomes:
        """Return what the training says."""
        metrics = self._run(x)[:, 0]
        named = dict(zip(METRICS, metrics.T, strict=True))
        excess = [np.nan_to_num(bound.excess(named), nan=np.inf) for bound in self.bounds]
        return Outcomes(-metrics[:, SHARPE], np.stack([*excess, np.full(len(x), -1.0)], axis=1)[:, : len(excess)])

    def judge(self, x: Array) -> Array:
        """Return what the test says: 0 where nothing was traded."""
        return -np.nan_to_num(self._run(x)[:, 1, SHARPE])

    def _run(self, x: Array) -> Array:
        return self._evaluator.evaluate(Chunk(0, np.arange(len(x)), x)).segments


def backtest(name: str) -> Objective:
    """Return the objective of this name; the data are read and the strategy compiled."""
    found = Backtest(*CASES[name])
    return Objective(name, found.axes, found.evaluate, found.judge, constraints=len(found.bounds))
