"""An engine that returns at once: what is left is the driver, the study's files and the way to the workers."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from backsweep.metrics.summary import METRICS
from backsweep.storage.sealed import sha256
from backsweep.study.run.driver import run_study
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.sweepfile.load import load_sweep
from backsweep.trial.contract import DataInfo, Outcome
from scenarios.toy_study import DECLARED, SWEEP

SESSIONS = 6


def make_null_engine(sessions=SESSIONS):
    """Build the evaluator's factory inside a function, so that Ray ships its code by value to the workers."""
    width = len(METRICS)

    class NullEngine:
        """Returns zeros for every trial."""

        def __init__(self, _spec):
            days = np.arange(sessions)
            self.info = DataInfo(sessions=days * 86_400_000_000_000, assets=("SPY",), dates=days.astype(np.int32))

        def evaluate(self, chunk):
            count, started = len(chunk.numbers), time.time()
            zeros = np.zeros((count, width))
            codes, returns = zeros.astype(np.uint8), np.zeros((count, sessions), np.float32)
            times = np.linspace(started, time.time(), count + 1)
            return Outcome(chunk.batch, chunk.numbers, zeros, codes, returns, {}, times[:-1], times[1:])

    return NullEngine


def run_null(folder, backend, trials, on_progress=None, sampler="sobol"):
    """Run a study with the default batch."""
    folder = Path(folder)
    (folder.parent / "toy.py").write_text("class Toy: ...\n")
    sweep_file = folder.parent / f"{sampler}.yaml"
    sweep_file.write_text(SWEEP.replace("SAMPLER", sampler).replace("batch: 8, ", ""))
    sweep = load_sweep(sweep_file, [f"search.trials={trials}"])
    space, identity = build_space(sweep, DECLARED), identify(sweep, sha256(b"data"))
    return run_study(sweep, space, backend, StudyFolder(folder), identity, on_progress)
