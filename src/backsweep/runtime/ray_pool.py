"""Trials in Ray actors: each loads its own data, gets arrays of parameters and returns arrays of metrics."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.errors import BacksweepError
from backsweep.metrics import METRICS
from backsweep.runtime.evaluators import EvaluatorFactory, EvaluatorLike, build_evaluator
from backsweep.runtime.ray_session import RaySession, ray  # ray by way of its session, which sets its environment
from backsweep.runtime.working_dir import at_home
from backsweep.trial.exchange import Chunk, Outcome

if TYPE_CHECKING:
    from backsweep.trial.exchange import Ready
    from backsweep.trial.spec import TrialSpec

LOGGER = logging.getLogger(__name__)

CHUNKS_PER_WORKER = 2
"""One chunk runs while the next waits in the worker's queue."""

ATTEMPTS = 3
"""How often a trial may lose the worker that runs it, and a worker may die while it loads, before that is a failure."""


class _Worker:
    """The actor: an evaluator in a process of its own."""

    def __init__(self, build: EvaluatorFactory, spec: TrialSpec) -> None:
        self._build = build
        self._spec = spec
        self._evaluator: EvaluatorLike | None = None

    def load(self) -> Ready:
        """Build the evaluator here and not in `__init__`: a method's error reaches the driver as it was raised."""
        self._evaluator = self._build(self._spec)
        return self._evaluator.ready

    def evaluate(self, chunk: Chunk) -> Outcome:
        assert self._evaluator is not None  # noqa: S101 - `load` is always the first call
        return self._evaluator.evaluate(chunk)


@dataclass(eq=False)
class _Task:
    chunk: Chunk
    suspect: bool = False  # it was with a worker that died: from now on it runs with no other chunk beside it
    lost: int = 0  # workers that died or were ended while they had it alone

    def halves(self) -> list[_Task]:
        """Cut the chunk in two."""
        chunk, middle = self.chunk, len(self.chunk.numbers) // 2
        cuts = (slice(None, middle), slice(middle, None))
        return [_Task(Chunk(chunk.batch, chunk.numbers[cut], chunk.values[cut]), suspect=True) for cut in cuts]


@dataclass(eq=False)
class _Seat:
    """One worker and what it has been asked, oldest first."""

    actor: Any
    loading: Any  # the reference to its `load`; None once it has loaded
    running: dict[Any, _Task] = field(default_factory=dict)
    since: float = 0.0  # when it began with the oldest at the latest, on this process's monotonic clock

    def free(self) -> int:
        closed = self.loading or any(task.suspect for task in self.running.values())
        return 0 if closed else CHUNKS_PER_WORKER - len(self.running)


class RayBackend:
    """The `Backend` that spreads chunks over Ray actors of one CPU each.

    A chunk that loses its worker, or that takes longer than one trial may, is run again in halves, until the trial to
    blame is alone: which trials fail does not depend on how they were sent. The chunks that a dying worker held are
    all suspects, even one that was done, whose answer may have died on the way: only a chunk alone can be to blame.

    Parameters
    ----------
    workers : number of actors; they start together, and the first that has loaded gets the first chunk.
    address : `local` starts Ray on this machine, `auto` finds a cluster that runs here, `HOST:PORT` joins one.
    evaluator : builds what runs the chunks, in every actor; pickled.
    trial_timeout : seconds that a trial may take; None means for ever.

    """

    def __init__(
        self,
        workers: int,
        address: str = "local",
        evaluator: EvaluatorFactory = build_evaluator,
        *,
        trial_timeout: float | None = None,
    ) -> None:
        self._workers = workers
        self._address = address
        self._build = evaluator
        self._timeout = trial_timeout
        self._session: RaySession | None = None
        self._ready: Ready | None = None
        self._seats: list[_Seat] = []
        self._waiting: deque[_Task] = deque()
        self._failed_loads = 0

    def start(self, spec: TrialSpec) -> Ready:
        """Start Ray and the actors; returns when the first has loaded. Raises BadInput, BadData or StrategyError."""
        self._session = RaySession(self._workers, self._address)
        self._spec = spec
        self._build = at_home(self._build)
        self._actor = ray.remote(**self._session.worker_options)(_Worker)
        self._seats = [self._seat() for _ in range(self._workers)]
        while self._ready is None:
            self.wait(timeout=1.0)
        return self._ready

    def submit(self, chunk: Chunk) -> None:
        """Take a chunk; never blocks."""
        self._waiting.append(_Task(chunk))
        self._dispatch()

    def wait(self, timeout: float) -> list[Outcome]:
        """Finished chunks in any order; the list is empty after `timeout` seconds, or when only a worker has joined."""
        seats = {reference: seat for seat in self._seats for reference in seat.running}
        seats |= {seat.loading: seat for seat in self._seats if seat.loading}
        if not seats:
            return []
        done, rest = ray.wait(list(seats), num_returns=1, timeout=timeout)
        if done and rest:
            done += ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        outcomes = [outcome for reference in done for outcome in self._collect(seats[reference], reference)]
        outcomes += self._end_overdue()
        self._dispatch()
        return outcomes

    def capacity(self) -> int:
        """Two chunks for every worker that has loaded, less those in flight."""
        return max(0, sum(seat.free() for seat in self._seats) - len(self._waiting))

    def close(self) -> None:
        """End the actors, and Ray if it was started here."""
        self._waiting.clear()
        for seat in self._seats:
            ray.kill(seat.actor)
        self._seats.clear()
        if self._session is not None:
            self._session.close()
            self._session = None

    def _seat(self) -> _Seat:
        actor = self._actor.remote(self._build, self._spec)
        return _Seat(actor, actor.load.remote())

    def _dispatch(self) -> None:
        """Give waiting chunks to the workers with the fewest."""
        while self._waiting:
            seat = max(self._seats, key=_Seat.free)
            if seat.free() < (CHUNKS_PER_WORKER if self._waiting[0].suspect else 1):
                return
            task = self._waiting.popleft()
            if not seat.running:
                seat.since = time.monotonic()
            seat.running[seat.actor.evaluate.remote(task.chunk)] = task

    def _collect(self, seat: _Seat, reference: Any) -> list[Outcome]:
        """Take in one answer; the worker of a lost answer is replaced and its chunks wait again."""
        if reference != seat.loading and reference not in seat.running:
            return []  # a chunk of a worker that was replaced a moment ago
        try:
            answer = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            found = str(error).splitlines()[0]
            LOGGER.warning("the worker died: %s; its chunks run again on another", found)
            return self._replace(seat, found if seat.loading else "the worker died while it ran this trial")
        if reference == seat.loading:
            seat.loading = None
            self._ready = self._ready or answer
            self._failed_loads = 0
            return []
        del seat.running[reference]
        seat.since = time.monotonic()
        return [answer]

    def _end_overdue(self) -> list[Outcome]:
        """End the workers whose chunk takes longer than a trial may."""
        limit = self._timeout
        if limit is None:
            return []
        late = [seat for seat in self._seats if seat.running and time.monotonic() - seat.since > limit]
        if late:
            LOGGER.warning("%d workers took longer than %g s for a chunk; it runs again in halves", len(late), limit)
        reason = f"it took longer than {limit:g} s; runtime.trial_timeout allows more"
        return [outcome for seat in late for outcome in self._replace(seat, reason)]

    def _replace(self, seat: _Seat, reason: str) -> list[Outcome]:
        """Seat a new worker and queue the old one's chunks again, as suspects; charge one that was alone with it."""
        if seat.loading:
            self._failed_loads += 1
            if self._failed_loads >= ATTEMPTS:
                raise BacksweepError(
                    "the workers die while they load the data",
                    found=reason,
                    remedy="give the workers more memory, or run fewer with --workers",
                )
        ray.kill(seat.actor)
        self._seats[self._seats.index(seat)] = self._seat()
        tasks = list(seat.running.values())
        seat.running.clear()
        for task in tasks:
            task.suspect = True
        lost: list[Outcome] = []
        if len(tasks) == 1 and self._ready:
            tasks[0].lost += 1
            if len(tasks[0].chunk.numbers) > 1:
                tasks = tasks[0].halves()
            elif tasks[0].lost >= ATTEMPTS:
                lost = [_failure(tasks.pop().chunk, self._ready, f"{reason} ({ATTEMPTS} times)")]
        self._waiting.extendleft(reversed(tasks))
        return lost


def _failure(chunk: Chunk, ready: Ready, reason: str) -> Outcome:
    """Make the outcome of a trial that no worker survives: it has failed."""
    count = len(chunk.numbers)
    now = np.full(count, time.time())
    return Outcome(
        batch=chunk.batch,
        numbers=chunk.numbers,
        metrics=np.full((count, len(METRICS)), np.nan),
        reasons=np.zeros((count, len(METRICS)), np.uint8),
        returns=np.full((count, ready.width), np.nan, np.float32),
        errors=dict.fromkeys(chunk.numbers.tolist(), reason),
        started=now,
        completed=now,
    )
