"""A study without an engine: a backend in this process whose metrics are a formula of the parameters."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from backsweep.metrics.summary import METRICS
from backsweep.storage.sealed import sha256
from backsweep.strategy import Param
from backsweep.study.run import pacing
from backsweep.study.run.driver import run_study
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.sweepfile.load import load_sweep
from backsweep.trial.contract import DataInfo, Outcome

if TYPE_CHECKING:
    from pathlib import Path

SESSIONS = 6
SWEEP = """\
study: formula
data:
  bars: bars.parquet
strategy: formula.py:Formula
costs:
  slippage: {kind: percentage, rate: 0.0002}
search:
  sampler: random
  seed: 7
  trials: 100
  batch: 16
  lag: 2
  params:
    costs.slippage.rate: {choices: [0.0, 0.0002, 0.0005]}
  fixed: {exit: 0.0}
  objective: {maximize: sharpe}
  constraints: ["max_drawdown <= 0.35", "trades >= 3"]
"""


DECLARED = {
    "entry": Param(0.5, 3.0),
    "exit": Param(0.0, 1.0),
    "stop": Param(1.0, 6.0, step=0.25),
    "window": Param(5, 100, log=True, integer=True),
    "long_only": Param(choices=(True, False)),
}


def formula(values):
    """Metrics of float64[k, p]; some have no Sharpe ratio."""
    entry, stop, window, long_only, slippage = values.T
    metrics = np.zeros((len(values), len(METRICS)))
    sharpe = -((entry - 2) ** 2) - (stop - 3) ** 2 / 4 - np.log(window / 20) ** 2 + 0.1 * long_only - 100 * slippage
    metrics[:, METRICS.index("sharpe")] = np.where(entry > 2.8, np.nan, sharpe)
    metrics[:, METRICS.index("max_drawdown")] = 0.05 * stop + entry / 20
    metrics[:, METRICS.index("trades")] = np.floor(100 / window)
    return metrics


class FormulaBackend:
    """Evaluates at once, gives back in an order of its own."""

    remote = False

    def __init__(self, *, room=4, order=None, interrupt_after=None, twice=False, failing=True):
        self.room, self.order, self.interrupt_after, self.twice, self.failing = (
            room,
            order,
            interrupt_after,
            twice,
            failing,
        )
        self.waiting, self.started, self.closed, self.chunks, self.evaluated = [], 0, 0, 0, []

    def start(self, spec):
        self.started += 1
        assert spec.params == ("entry", "stop", "window", "long_only", "costs.slippage.rate")
        days = np.arange(SESSIONS)
        return DataInfo(sessions=days * 86_400_000_000_000, assets=("SPY",), dates=days.astype(np.int32))

    def submit(self, chunk):
        self.chunks += 1
        self.waiting.append(chunk)

    def capacity(self):
        return self.room - len(self.waiting)

    def wait(self, timeout):
        assert timeout > 0
        if self.interrupt_after is not None and self.chunks > self.interrupt_after:
            raise KeyboardInterrupt
        if self.order is not None:
            self.order.shuffle(self.waiting)
        chunk = self.waiting.pop(0)
        outcome = self.evaluate(chunk)
        return [outcome, outcome] if self.twice else [outcome]

    def evaluate(self, chunk):
        self.evaluated += chunk.numbers.tolist()
        metrics = formula(chunk.values)
        reasons = np.where(np.isnan(metrics), 1, 0).astype(np.uint8)
        broken = chunk.values[:, 2] > 40 if self.failing else np.zeros(len(metrics), dtype=bool)
        metrics[broken] = np.nan
        returns = np.tile(metrics[:, [METRICS.index("trades")]], SESSIONS).astype(np.float32) / 7
        errors = {int(n): "window too long" for n in chunk.numbers[broken]}
        times = np.full(len(metrics), random.random() * 1e9)  # noqa: S311 - timing columns must not matter
        return Outcome(chunk.batch, chunk.numbers, metrics, reasons, returns, errors, times, times + 0.01)

    def wind_down(self):
        pass

    def close(self):
        self.closed += 1


class Workbench:
    """Writes sweep files and runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "formula.py").write_text("class Formula: ...\n")

    def sweep(self, text=SWEEP, *overrides, **search):
        path = self.folder / "sweep.yaml"
        path.write_text(text)
        return load_sweep(path, [*overrides, *(f"search.{key}={value}" for key, value in search.items())])

    def space(self, sweep):
        return build_space(sweep, DECLARED)

    def run(self, name, sweep, backend=None, on_progress=None, fingerprint="data", **options):
        backend = backend or FormulaBackend()
        folder = StudyFolder(self.folder / name)
        space = self.space(sweep)
        identity = identify(sweep, sha256(fingerprint.encode()), space.dimensions)
        return run_study(sweep, space, backend, folder, identity, on_progress, **options)


@pytest.fixture
def bench(tmp_path):
    return Workbench(tmp_path)


@pytest.fixture
def make_backend():
    return FormulaBackend


@pytest.fixture
def commit_at_once(monkeypatch):
    """Commit every batch as soon as it is complete, though its trials are quick."""
    monkeypatch.setattr(pacing, "_GROUP_SECONDS", 0.0)
    monkeypatch.setattr(pacing, "_COMMIT_SHARE", float("inf"))


@pytest.fixture
def sweep_text():
    return SWEEP


@pytest.fixture
def declared():
    return DECLARED


@pytest.fixture
def param():
    return Param
