"""Trials in this process, one chunk after the other: the backend to debug with, and the yardstick of every other."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from backsweep.runtime.evaluators import EvaluatorFactory, EvaluatorLike, open_workshops

if TYPE_CHECKING:
    from backsweep.trial.exchange import Chunk, Outcome, Ready
    from backsweep.trial.spec import TrialSpec


class InlineBackend:
    """The `Backend` that evaluates in the calling process and never imports Ray.

    Parameters
    ----------
    evaluator : builds what runs the chunks; the default loads the data and compiles the strategy.
    shards : into how many shards the assets of sleeves are cut; all are held here.

    """

    def __init__(self, evaluator: EvaluatorFactory | None = None, *, shards: int | None = None) -> None:
        self._factory = evaluator
        self._shards = shards or 1
        self._evaluator: EvaluatorLike | None = None
        self._queue: deque[Chunk] = deque()

    def start(self, spec: TrialSpec) -> Ready:
        """Load the data and compile the strategy here; raises BadInput, BadData or StrategyError."""
        self._evaluator = self._build(spec)
        return self._evaluator.ready

    def _build(self, spec: TrialSpec) -> EvaluatorLike:
        if self._factory is not None:
            return self._factory(spec)
        (workshop,) = open_workshops(spec, self._shards, workers=1)
        return workshop.build(spec, workshop.load(spec))

    def submit(self, chunk: Chunk) -> None:
        """Queue a chunk; it runs in `wait`."""
        self._queue.append(chunk)

    def wait(self, timeout: float) -> list[Outcome]:  # noqa: ARG002 - the work itself is what takes the time
        """Evaluate the oldest chunk and return its outcome; an empty list when none is queued."""
        if self._evaluator is None or not self._queue:
            return []
        return [self._evaluator.evaluate(self._queue.popleft())]

    def capacity(self) -> int:
        """One chunk at a time: more would wait without gain."""
        return 0 if self._queue else 1

    def wind_down(self) -> None:
        """Do nothing: there is nothing to give back before the end."""

    def close(self) -> None:
        """Forget the queue and the data."""
        self._queue.clear()
        self._evaluator = None
