"""A stand-in for the trials' evaluator: it answers with its parameters, and fails on request."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from backsweep.errors import BadData
from backsweep.metrics import METRICS
from backsweep.trial.contract import DataInfo, Outcome


def _fake(folder):
    """Build the factory inside a function, so that Ray ships its code by value to the workers."""

    class Fake:
        """Column 0 of the values is the first metric; 666 kills the process, 667 the first time,
        555 takes half a minute, -1 is an error. A trial has two fills."""

        def __init__(self, spec):

            if spec.strategy == "bad:Data":
                raise BadData("prices are not positive", where="bars.parquet, row 7", expected="> 0", found="-1.0")
            if spec.strategy == "broken:Code":
                raise ZeroDivisionError("in the evaluator")
            self.fills = 0
            self.info = DataInfo(sessions=np.arange(5, dtype=np.int64), assets=("A", "B"))

        def evaluate(self, chunk):

            first = chunk.values[:, 0]
            marks = Path(folder)
            if 666 in first or (667 in first and not (marks / "died").exists()):
                (marks / "died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if 555 in first:
                time.sleep(30)
            (marks / f"{os.getpid()}.pid").write_text(
                " ".join(os.environ.get(name, "?") for name in ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"))
            )
            count = len(chunk.numbers)
            self.fills += 2 * count
            metrics = np.full((count, len(METRICS)), np.nan)
            metrics[:, 0] = first
            now = np.full(count, time.time())
            return Outcome(
                chunk.batch,
                chunk.numbers,
                metrics,
                np.zeros(metrics.shape, np.uint8),
                np.ones((count, 5), np.float32),
                {int(n): "negative" for n, v in zip(chunk.numbers, first, strict=True) if v == -1},
                now,
                now,
            )

    return Fake


@pytest.fixture(scope="session")
def fake():
    return _fake
