"""Trials in this process, one chunk after the other: the backend to debug with, whose results every other reproduces.

Chunks run in a thread, and the main thread waits: so Ctrl-C is seen at once, and a trial that takes too long can be
left. Nothing in a process can end a thread: one that was left goes on at the lowest priority until the process ends.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from backsweep.errors import BacksweepError
from backsweep.runtime.evaluators import (
    ATTEMPTS,
    TOO_LONG,
    EvaluatorFactory,
    PlainBuilder,
    failed_outcome,
    make_builders,
)

if TYPE_CHECKING:
    from backsweep.runtime.evaluators import EvaluatorBuilder
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.contract import Chunk, DataInfo, Outcome
    from backsweep.trial.evaluator import Evaluator

LOGGER = logging.getLogger(__name__)

MOST_LEFT = 100
"""Attempts that may be left running, each with the memory of an account, before the run ends."""

_LOWEST = 19  # priority


class InlineBackend:
    """The `Backend` that evaluates in the calling process and never imports Ray.

    Parameters
    ----------
    evaluator : builds what runs the chunks; the default loads the data and compiles the strategy.
    shards : into how many shards the assets of sleeves are cut; all are held here.
    trial_timeout : seconds that a trial may take; None means for ever. A chunk that takes longer runs again trial by
        trial, and the trial to blame fails at its third attempt: the first may have had to compile.

    """

    remote = False

    def __init__(
        self,
        evaluator: EvaluatorFactory | None = None,
        *,
        shards: int | None = None,
        trial_timeout: float | None = None,
    ) -> None:
        self._factory = evaluator
        self._shards = shards or 1
        self._timeout = trial_timeout
        self._builder: EvaluatorBuilder | None = None
        self._spec: TrialSpec | None = None
        self._data: Any = None
        self._evaluator: Evaluator | None = None
        self._queue: deque[Chunk] = deque()
        self._left = 0
        self._attempts = 0  # of the trial that runs by itself

    def start(self, spec: TrialSpec) -> DataInfo:
        """Load the data and compile the strategy here; raises BadInput, BadData or StrategyError."""
        if self._factory is not None:
            self._builder = PlainBuilder(self._factory)
        else:
            (self._builder,) = make_builders(spec, self._shards, workers=1)
        self._spec = spec
        self._data = self._builder.load(spec)
        return self._current_evaluator().info

    def submit(self, chunk: Chunk) -> None:
        """Queue a chunk; it runs in `wait`."""
        self._queue.append(chunk)

    def wait(self, timeout: float) -> list[Outcome]:  # noqa: ARG002 - the work itself is what takes the time
        """Evaluate the oldest chunk and return its outcome; an empty list when none is queued, or it runs again."""
        if self._builder is None or not self._queue:
            return []
        chunk, evaluator = self._queue.popleft(), self._current_evaluator()
        answer: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        thread = Thread(target=_evaluate, args=(evaluator, chunk, answer), daemon=True)
        thread.start()
        try:
            outcome = answer.get(timeout=self._timeout)
        except Empty:
            return self._leave(thread, chunk, evaluator.info)
        if isinstance(outcome, BaseException):
            raise outcome
        self._attempts = 0
        return [outcome]

    def _current_evaluator(self) -> Evaluator:
        """Return the evaluator; a new one on the same data where the last one is still at work."""
        if self._evaluator is None:
            assert self._builder is not None  # noqa: S101 - `start` comes first
            assert self._spec is not None  # noqa: S101 - the same
            self._evaluator = self._builder.build(self._spec, self._data)
        return self._evaluator

    def _leave(self, thread: Thread, chunk: Chunk, info: DataInfo) -> list[Outcome]:
        """Abandon a chunk that takes too long: its trial has failed, or each of its trials runs by itself."""
        self._evaluator = None
        self._left += 1
        with suppress(OSError):  # not every system has priorities of threads
            os.setpriority(os.PRIO_PROCESS, thread.native_id or 0, _LOWEST)
        reason = TOO_LONG.format(self._timeout)
        if self._left > MOST_LEFT:
            raise BacksweepError(
                "too many trials have not ended",
                where=f"trial {chunk.numbers[0]}",
                expected=f"at most {MOST_LEFT}: in this process they can be left, but not ended",
                found=reason,
                remedy="pass --backend ray, whose workers can be ended; the same command goes on",
            )
        if len(chunk.numbers) == 1:
            self._attempts += 1
            if self._attempts < ATTEMPTS:
                self._queue.appendleft(chunk)
                return []
            self._attempts = 0
            return [failed_outcome(chunk, info, f"{reason} ({ATTEMPTS} times)")]
        LOGGER.warning(
            "a chunk took longer than %g s; its %d trials run again by themselves", self._timeout, len(chunk.numbers)
        )
        self._queue.extendleft(chunk.of(slice(i, i + 1)) for i in reversed(range(len(chunk.numbers))))
        return []

    def capacity(self) -> int:
        """One chunk at a time: more would wait without gain."""
        return 0 if self._queue else 1

    def wind_down(self) -> None:
        """Do nothing: there is nothing to release before the end."""

    def close(self) -> None:
        """Release the queue and the data."""
        self._queue.clear()
        self._evaluator = self._builder = self._data = None


def _evaluate(evaluator: Evaluator, chunk: Chunk, answer: SimpleQueue[Outcome | BaseException]) -> None:
    try:
        answer.put(evaluator.evaluate(chunk))
    except BaseException as error:  # noqa: BLE001 - raised again in the main thread
        answer.put(error)
