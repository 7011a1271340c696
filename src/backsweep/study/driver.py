"""The driver of a study: proposes batches, keeps the backend busy, commits batches in order.

What a trial is depends on its number, on the study's seed and on the outcomes that its batch may know (see `batches`
and `proposers.base`). Everything else here is scheduling - how a batch is cut into chunks, which chunk returns first,
where a run was interrupted - and cannot change a row, timing columns apart.
"""

from __future__ import annotations

import math
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.study.batches import Batches
from backsweep.study.folds import fold_tables
from backsweep.study.proposers import make_proposer, make_proposer_by_fold
from backsweep.study.proposers.base import Proposals
from backsweep.study.space import trial_spec
from backsweep.study.table import Results, Table, best_row
from backsweep.trial.exchange import Chunk, Ready

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backsweep.study.config import Sweep
    from backsweep.study.folder import StudyFolder
    from backsweep.study.identity import Identity
    from backsweep.study.proposers import Proposer
    from backsweep.study.proposers.base import Told
    from backsweep.study.space import Space
    from backsweep.trial.exchange import Backend, Outcome

_POLL = 0.5  # seconds to wait for a chunk before looking around
_CHUNK_SECONDS = 0.2  # a chunk's aim: long against sending it, short against a batch
_AHEAD = 256  # batches between the oldest that is unfinished and the newest: what a stuck worker can pile up
_FIRST_CHUNK, _LARGEST_CHUNK = 64, 4096  # trials


@dataclass(frozen=True)
class Progress:
    """Where a study stands.

    `done` counts trials that came back, failed ones included, `batches` those committed; `best` is a row of the study
    table, or None.
    """

    done: int
    total: int
    failed: int
    best: dict[str, Any] | None
    batches: int


@dataclass(frozen=True)
class Summary:
    """How a run ended; `resumed` trials had been committed by earlier runs."""

    path: Path
    done: int
    total: int
    failed: int
    resumed: int
    best: dict[str, Any] | None


def run_study(
    sweep: Sweep,
    space: Space,
    backend: Backend,
    folder: StudyFolder,
    identity: Identity,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    chunk_size: int | None = None,
) -> Summary:
    """Run a study to its end, or resume it: the same call.

    Nothing is written before the sweep, the data and the strategy have been found good. The backend is closed whatever
    happens; a KeyboardInterrupt passes through and leaves a study that resumes. `chunk_size` fixes the trials per
    chunk, which are otherwise chosen by time.
    """
    try:
        proposer: Proposer = make_proposer(sweep, space)
        spec, ready, folds = trial_spec(sweep, space), None, 1
        folder.check(identity)
        with ExitStack() as stack:
            begun = folder.exists
            if begun:
                stack.enter_context(folder.hold())
                folder.clear_uncommitted()
            if spec.folds and sweep.searches_by_fold:
                if not begun:
                    ready = backend.start(spec)
                folds = len(folder.segments(spec.folds) if ready is None else ready.segments) // 2
                proposer = make_proposer_by_fold(sweep, space, folds)
            batches = _batches(sweep, proposer, folds)
            run = _Run(sweep, space, backend, folder, proposer, batches, on_progress, chunk_size)
            if not run.finished:
                ready = ready or backend.start(spec)
                run.begin(ready)
                if not begun:
                    stack.enter_context(folder.hold())
                    folder.create(identity, ready.sessions)
                run.loop()
            return run.summary()
    finally:
        backend.close()


def _batches(sweep: Sweep, proposer: Proposer, folds: int) -> Batches:
    search = sweep.search
    total = min(number for number in (search.trials, proposer.limit) if number is not None)
    if not sweep.searches_by_fold:
        return Batches(search.batch, search.lag, total)
    return Batches(search.batch, search.lag * folds, -(-total // search.batch) * search.batch * folds, folds)


class _Run:
    """The state of one run."""

    def __init__(
        self,
        sweep: Sweep,
        space: Space,
        backend: Backend,
        folder: StudyFolder,
        proposer: Proposer,
        batches: Batches,
        on_progress: Callable[[Progress], None] | None,
        chunk_size: int | None,
    ) -> None:
        search = sweep.search
        self._batches = batches
        self._search, self._table = search, Table(search, space)
        self._backend, self._folder, self._proposer = backend, folder, proposer
        self._on_progress, self._chunk_size = on_progress, chunk_size
        self._queue: deque[Chunk] = deque()
        self._results: dict[int, Results] = {}
        self._proposals: dict[int, Proposals] = {}  # of batches that are not committed, or still running for some other
        self._past: list[Told] = []  # of committed whole batches, if the proposer asks
        self._seconds: float | None = None  # per trial
        self._ready = Ready(np.empty(0, np.int64))
        rows = folder.rows("trials")
        self._resumed = self._done = self._committed = len(rows)
        self._failed = int((rows["state"] == "FAIL").sum()) if len(rows) else 0
        self._best = best_row(rows, search) if len(rows) else None
        self._head = self._remember(rows)
        self._next = self._batches.of(self._committed)  # batch to propose next

    @property
    def finished(self) -> bool:
        return self._committed >= self._batches.total

    def begin(self, ready: Ready) -> None:
        """Propose the first batch, which a sampler may refuse to do."""
        self._ready = ready
        self._propose(max(1, self._backend.capacity()))

    def loop(self) -> None:
        self._report()
        while not self.finished:
            self._fill()
            for outcome in self._backend.wait(_POLL):
                self._take(outcome)
        self._folder.clear_uncommitted()

    def summary(self) -> Summary:
        total = max(self._batches.total, self._committed)
        return Summary(self._folder.path, self._done, total, self._failed, self._resumed, self._best)

    def _remember(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give the proposer's past its committed whole batches; returns the rows of a batch that is not whole."""
        size = self._batches.size
        whole = len(rows) // size
        if self._proposer.adaptive:
            self._past = [self._table.told(rows[batch * size : (batch + 1) * size]) for batch in range(whole)]
        return rows[whole * size :]

    def _fill(self) -> None:
        """Keep the backend's hands full."""
        while (room := self._backend.capacity()) > 0:
            if not self._queue and not self._propose(room):
                return
            self._backend.submit(self._queue.popleft())

    def _propose(self, room: int) -> bool:
        """Propose the next batch and cut it into chunks, if it is time; `room` chunks are wanted."""
        batch, batches = self._next, self._batches
        known = batches.known(batch)
        adaptive = self._proposer.adaptive
        waits = len(self._past) < known if adaptive else batch - batches.of(self._committed) > _AHEAD
        if batch >= batches.count or waits:
            return False
        if adaptive:
            running = [self._proposed(earlier) for earlier in range(known, batch)]
            proposals = self._proposer.propose(batch, self._past[:known], running)
        else:
            proposals = self._proposer.propose(batch, (), ())
        self._proposals[batch] = proposals
        numbers = range(max(self._committed, batch * batches.size), batches.numbers(batch).stop)
        part = self._ready.of(batches.fold(batch))
        self._results[batch] = Results(numbers, part.width, len(part.segments))
        size = self._chunk_size or self._chunk(len(numbers), room)
        for start in range(numbers.start, numbers.stop, size):
            each = np.arange(start, min(start + size, numbers.stop), dtype=np.int64)
            values = proposals.values[each - batch * batches.size]
            self._queue.append(Chunk(batch, each, values, batches.fold(batch)))
        self._next += 1
        return True

    def _proposed(self, batch: int) -> Proposals:
        return self._past[batch].proposals if batch < len(self._past) else self._proposals[batch]

    def _chunk(self, count: int, room: int) -> int:
        """Choose the trials per chunk: by time, and a share for everyone who waits."""
        by_time = _FIRST_CHUNK
        if self._seconds is not None:
            by_time = min(_LARGEST_CHUNK, int(_CHUNK_SECONDS / max(self._seconds, 1e-9)))
        return max(1, min(by_time, math.ceil(count / room)))

    def _take(self, outcome: Outcome) -> None:
        results = self._results.get(outcome.batch)
        new = results.take(outcome) if results is not None else ()
        if len(new):
            elapsed = float(np.max(outcome.completed) - np.min(outcome.started)) / len(outcome.numbers)
            self._seconds = elapsed if self._seconds is None else 0.8 * self._seconds + 0.2 * elapsed
            self._done += len(new)
            self._failed += sum(int(number) in outcome.errors for number in new)
            self._commit()
            self._report()

    def _commit(self) -> None:
        """Commit whatever is complete, in the order of batches."""
        while (batch := self._batches.of(self._committed)) in self._results and self._results[batch].complete:
            results, proposals = self._results.pop(batch), self._proposals.pop(batch)
            rows = np.asarray(results.numbers) - batch * self._batches.size
            used = Proposals(proposals.values[rows], tuple(proposals.attr(row) for row in rows))
            trials = self._table.trials(batch, used, results, self._batches.fold(batch))
            part = self._ready.of(self._batches.fold(batch))
            if part.segments:
                tables = fold_tables(results, self._search, part)
            else:
                tables = {"returns": self._table.returns(results)}
            self._folder.commit({**tables, "trials": trials}, self._batches.total)
            self._committed += len(trials)
            whole = pl.concat([self._head, trials]) if len(self._head) else trials
            self._head = self._head.clear()
            if self._proposer.adaptive:
                self._past.append(self._table.told(whole))
            candidates = [trials] if self._best is None else [pl.DataFrame([self._best], schema=trials.schema), trials]
            self._best = best_row(pl.concat(candidates), self._search)
            if self.finished:
                return

    def _report(self) -> None:
        if self._on_progress is not None:
            batches = -(-self._committed // self._batches.size)
            self._on_progress(Progress(self._done, self._batches.total, self._failed, self._best, batches))
