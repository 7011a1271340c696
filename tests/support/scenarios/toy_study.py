"""A study of a few milliseconds, without an engine, whose driver and files can be tormented."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from backsweep.metrics.summary import METRICS
from backsweep.storage.sealed import sha256
from backsweep.strategy import Param
from backsweep.study.run.driver import run_study
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.sweepfile.load import load_sweep
from backsweep.trial.contract import DataInfo, Outcome

SESSIONS = 6
SWEEP = """\
study: toy
data: {bars: bars.parquet}
strategy: toy.py:Toy
search: {sampler: SAMPLER, seed: 7, trials: 40, batch: 8, objective: {maximize: sharpe}}
"""
DECLARED = {name: Param(low, high) for name, low, high in (("entry", 0.5, 3.0), ("stop", 1.0, 6.0))}


class ToyBackend:
    """Evaluates a formula at once; `seconds` of sleep per chunk give a killer time."""

    remote = False

    def __init__(self, seconds=0.0):
        self.seconds, self.waiting, self.turn = seconds, [], 0

    def start(self, _spec):
        days = np.arange(SESSIONS)
        return DataInfo(sessions=days * 86_400_000_000_000, assets=("SPY",), dates=days.astype(np.int32))

    def submit(self, chunk):
        self.waiting.append(chunk)

    def capacity(self):
        return 3 - len(self.waiting)

    def wait(self, _timeout):
        time.sleep(self.seconds)
        self.turn += 1
        chunk = self.waiting.pop(self.turn % len(self.waiting))  # in some other order than they came
        entry, stop = chunk.values.T
        metrics = np.zeros((len(entry), len(METRICS)))
        metrics[:, METRICS.index("sharpe")] = -((entry - 2) ** 2) - (stop - 3) ** 2
        reasons = np.zeros(metrics.shape, np.uint8)
        returns = np.tile(metrics[:, [METRICS.index("sharpe")]], SESSIONS).astype(np.float32)
        now = np.full(len(entry), time.time())
        return [Outcome(chunk.batch, chunk.numbers, metrics, reasons, returns, {}, now, now)]

    def wind_down(self):
        pass

    def close(self):
        self.waiting.clear()


def run_toy(folder, sampler="random", seconds=0.0, trials=40, backend=None, chunk_size=8, home=None):
    """Run the toy study in `folder`, or resume it; with a fixed `chunk_size` a batch is a commit: steps can be counted.

    The sweep file lies in `home`, or else beside the folder.
    """
    home = Path(home or Path(folder).parent)
    sweep_file = home / f"{sampler}.yaml"
    if not sweep_file.exists():
        (home / "toy.py").write_text("class Toy: ...\n")
        sweep_file.write_text(SWEEP.replace("SAMPLER", sampler))
    sweep = load_sweep(sweep_file, [f"search.trials={trials}"])
    identity, space = identify(sweep, sha256(b"data")), build_space(sweep, DECLARED)
    backend = backend or ToyBackend(seconds)
    return run_study(sweep, space, backend, StudyFolder(folder), identity, chunk_size=chunk_size)
