"""One parameter set after another on one shard: the place where shard, strategy, engine and metrics meet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.dataset import Shard, load
from backsweep.errors import BacksweepError
from backsweep.strategy import load_strategy
from backsweep.trial.exchange import Chunk, Outcome, Ready
from backsweep.trial.features import Features
from backsweep.trial.market import pack
from backsweep.trial.result import Result, read_result
from backsweep.trial.runner import Runner, Settings, new_metrics, record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.strategy import Strategy
    from backsweep.trial.spec import TrialSpec


class Evaluator:
    """Holds a shard and a strategy and turns values into metrics.

    Raises BadInput or BadData where the data cannot be used, StrategyError where the strategy cannot.
    """

    def __init__(self, spec: TrialSpec, shard: Shard | None = None, cls: type[Strategy] | None = None) -> None:
        self._cls = cls or load_strategy(spec.strategy)
        self._market = pack(shard or load(spec.data))
        self._features = Features(self._market)
        self._options: dict[str, Any] = {
            "params": spec.params,
            "fixed": dict(spec.fixed),
            "features": self._features,
        }
        self._settings = Settings(spec.account, spec.execution, spec.costs)
        self._runner = Runner(self._market, self._cls, self._settings, **self._options)
        self.ready = Ready(sessions=self._market.session_ends, assets=self._market.assets)

    def prepare(self) -> None:
        """Compile the strategy now, so that what does not compile is one StrategyError and not one for each trial."""
        self._runner.prepare()

    def evaluate(self, chunk: Chunk) -> Outcome:
        """Run a chunk's trials; one that fails leaves its text in `errors` and the others untouched."""
        count = len(chunk.numbers)
        metrics, reasons = new_metrics(count)
        sessions = len(self.ready.sessions)
        returns = np.full((count, sessions), np.nan, np.float32)
        scratch = np.zeros(sessions)
        times = np.zeros((2, count))
        errors: dict[int, str] = {}
        for row in range(count):
            times[0, row] = time.time()
            try:
                self._runner.run(chunk.values[row])
            except BacksweepError as error:
                errors[int(chunk.numbers[row])] = str(error)
            else:
                self._runner.summarise(metrics[row], reasons[row], scratch)
                returns[row] = scratch
            times[1, row] = time.time()
        return Outcome(
            batch=chunk.batch,
            numbers=chunk.numbers,
            metrics=metrics,
            reasons=reasons,
            returns=returns,
            errors=errors,
            started=times[0],
            completed=times[1],
        )

    def replay(self, values: NDArray[np.float64], *, compiled: bool = True) -> Result:
        """Run one trial again with full records; the same bits, compiled or interpreted."""
        runner = record(self._market, self._cls, self._settings, values, compiled=compiled, **self._options)
        return read_result(runner)
