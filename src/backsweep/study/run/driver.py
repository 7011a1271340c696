"""The driver of a study: it proposes batches, keeps the backend busy and commits batches in order.

What a trial is depends on its number, on the study's seed and on the outcomes that its batch may know (see `batches`
and `search.proposals`). Everything else is scheduling - how many batches are written together, how they are cut into
chunks, which chunk returns first, where a run was interrupted - and cannot change a row, timing columns apart.

Where proposals do not depend on earlier trials, batches of fast ones form groups (see `pacing`). With an adaptive
sampler, or where folds have trials of their own, a group is one batch.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.study.run.batch_groups import BatchGroup, make_schedule
from backsweep.study.run.batches import Batches
from backsweep.study.run.pacing import Pacing
from backsweep.study.search.proposals import joined
from backsweep.study.search.samplers import make_proposer, make_proposer_by_fold
from backsweep.study.search.space import trial_spec
from backsweep.study.table.blocks import BLOCKS_TABLE, block_rows
from backsweep.study.table.folds import fold_tables
from backsweep.study.table.trials import Table, best_row
from backsweep.trial.contract import DataInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backsweep.study.search.proposals import Observations, Proposals, Proposer
    from backsweep.study.search.space import Space
    from backsweep.study.store.folder import StudyFolder
    from backsweep.study.store.identity import Identity
    from backsweep.sweepfile.sweep import Sweep
    from backsweep.trial.contract import Backend, Chunk, Outcome

LOGGER = logging.getLogger(__name__)

_POLL = 0.5  # seconds to wait for a chunk


@dataclass(frozen=True)
class Progress:
    """The progress of a study.

    `done` counts trials that have ended, failed ones included, `batches` those committed; `best` is a row of the study
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

    path: Path | str
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

    Nothing is written before the sweep, the data and the strategy have been checked. The backend is always closed; a
    KeyboardInterrupt propagates and leaves a study that can be resumed. `chunk_size` fixes the trials per chunk and
    commits every batch by itself; otherwise both are chosen by time.
    """
    try:
        proposer: Proposer = make_proposer(sweep, space)
        spec, info, folds = trial_spec(sweep, space), None, 1
        folder.check(identity)
        with ExitStack() as stack:
            begun = folder.exists
            if begun:
                stack.enter_context(folder.hold())
                folder.clear_uncommitted()
            if spec.folds and sweep.searches_by_fold:
                if not begun:
                    info = backend.start(spec)
                folds = 1 + (folder.segments(spec.folds) if info is None else info.segments)[-1].fold
                proposer = make_proposer_by_fold(sweep, space, folds)
            batches = _batches(sweep, proposer, folds)
            run = _Run(sweep, space, backend, folder, proposer, batches, on_progress, chunk_size)
            if not run.finished:
                info = info or backend.start(spec)
                for note in info.notes:
                    LOGGER.warning("warning: %s", note)
                run.begin(info)
                if not begun:
                    stack.enter_context(folder.hold())
                    folder.create(identity, info.sessions)
                run.loop()
            return run.summary()
    finally:
        backend.close()


def _batches(sweep: Sweep, proposer: Proposer, folds: int) -> Batches:
    search = sweep.search
    total = min(number for number in (search.trials, proposer.limit) if number is not None)
    whole = -(-total // search.batch) * search.batch
    if sweep.searches_by_fold:
        return Batches(search.batch, search.lag * folds, whole * folds, folds)
    if search.between_folds is not None:
        total = whole if proposer.limit is None else min(whole, proposer.limit)
    return Batches(search.batch, search.lag, total)


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
        self._on_progress, self._pacing = on_progress, Pacing(search.batch, chunk_size)
        self._queue: deque[Chunk] = deque()  # stages of groups, or what remains of them to send
        self._groups: dict[int, BatchGroup] = {}  # by their first batch, oldest first: those that are not committed
        self._info = DataInfo(np.empty(0, np.int64))
        self._committed = self._failed = 0
        self._best: dict[str, Any] | None = None
        self._known: deque[Observations] = deque()  # of committed batches that the proposer may not observe yet
        self._observed = 0  # batches that it has observed
        self._head = pl.DataFrame()  # committed rows of a batch that is not whole
        entries = folder.entries()
        self._resumed = self._done = sum(entry.count for entry in entries)
        self._next = batches.of(self._done)  # batch to propose next
        self._learns = sweep.learns and self._done < batches.total  # whether the proposer is to observe batches
        for rows in folder.parts("trials", entries):
            self._failed += int((rows["state"] == "FAIL").sum())
            self._record(rows)

    @property
    def finished(self) -> bool:
        return self._committed >= self._batches.total

    def begin(self, info: DataInfo) -> None:
        """Propose the first batch; a sampler may raise BadInput."""
        self._info = info
        self._pacing.begin(self._part(0))
        self._propose(max(1, self._backend.capacity()))

    def loop(self) -> None:
        self._report()
        while not self.finished:
            self._fill()
            for outcome in self._backend.wait(_POLL):
                self._store(outcome)
        self._folder.clear_uncommitted()

    def summary(self) -> Summary:
        total = max(self._batches.total, self._committed)
        return Summary(self._folder.path, self._done, total, self._failed, self._resumed, self._best)

    def _record(self, rows: pl.DataFrame) -> None:
        """Count committed rows, and let the proposer observe the batches among them."""
        self._committed += len(rows)
        self._best = best_row(rows, self._search, self._best)
        if self._learns:
            rows, size = pl.concat([self._head, rows]) if len(self._head) else rows, self._batches.size
            whole = len(rows) // size * size
            self._known += (self._table.observations(rows[start : start + size]) for start in range(0, whole, size))
            self._head = rows[whole:]
            self._observe()

    def _observe(self) -> None:
        """Let the proposer observe the batches that the next one may know."""
        while self._known and self._observed < self._batches.known(self._next):
            self._proposer.observe(self._known.popleft())
            self._observed += 1

    def _fill(self) -> None:
        """Submit chunks while the backend has capacity."""
        while (room := self._backend.capacity()) > 0:
            if not self._queue and not self._propose(room):
                break
            self._backend.submit(self._cut(room))
        if not self._queue and self._next >= self._batches.count and all(group.last for group in self._groups.values()):
            self._backend.wind_down()

    def _cut(self, room: int) -> Chunk:
        """Cut a chunk off the queue, sized by the time that trials take."""
        work = self._queue.popleft()
        size = self._pacing.chunk_size(len(work.numbers), room)
        if size < len(work.numbers):
            self._queue.appendleft(work.of(slice(size, None)))
        return work.of(slice(size))

    def _propose(self, room: int) -> bool:
        """Propose and queue the next group, if it may be proposed yet; `room` chunks are wanted."""
        batch, batches = self._next, self._batches
        if batch >= batches.count or self._must_wait(batch):
            return False
        fold = batches.fold(batch)
        single = self._learns or fold is not None or self._search.between_folds is not None
        count = 1 if single else min(self._pacing.batches(room), batches.count - batch)
        proposals = joined([self._proposed_by_sampler(each) for each in range(batch, batch + count)])
        start = batch * batches.size
        numbers = range(max(self._committed, start), batches.numbers(batch + count - 1).stop)
        part = self._part(batch)
        schedule = make_schedule(part, fold, self._search)
        group = self._groups[batch] = BatchGroup(proposals, numbers, part, schedule, self._search)
        self._queue.append(group.to_chunk(batch))
        self._next += count
        self._observe()
        return True

    def _must_wait(self, batch: int) -> bool:
        """Whether a batch must not be proposed yet: those that it depends on, or too many others, are unfinished."""
        if self._learns:
            return self._observed < self._batches.known(batch)
        return bool(self._groups) and self._pacing.is_far(batch * self._batches.size - self._committed)

    def _proposed_by_sampler(self, batch: int) -> Proposals:
        size = self._batches.size
        if not self._learns:
            return self._proposer.propose(batch, size, ())
        committed = [observed.proposals for observed in self._known]
        running = [self._groups[each].proposals for each in range(self._observed + len(committed), batch)]
        return self._proposer.propose(batch, size, [*committed, *running])

    def _store(self, outcome: Outcome) -> None:
        group = self._groups.get(outcome.batch)
        if group is None:
            return
        ended = group.ended
        if len(new := group.store(outcome)):
            self._pacing.update(outcome, len(new))
            self._failed += len(outcome.errors.keys() & set(new.tolist())) if outcome.errors else 0
            if group.advance():  # before what is queued: the older a batch, the sooner it is committed
                self._queue.appendleft(group.to_chunk(outcome.batch))
            self._done += group.ended - ended
            self._commit()
            self._report()

    def _commit(self) -> None:
        """Commit whatever is complete, in the order of batches."""
        while self._groups and next(iter(self._groups.values())).complete:
            batch = next(iter(self._groups))
            group, part = self._groups.pop(batch), self._part(batch)
            results = group.results
            trials = self._table.trials(group.used, results, self._batches.fold(batch))
            if part.segments:
                tables = fold_tables(results, self._search, part)
            else:
                tables = {"returns": self._table.returns(results)}
            tables |= {BLOCKS_TABLE: block_rows(results, part.segments), "trials": trials}
            self._folder.commit(tables, self._batches.total)
            self._record(trials)

    def _part(self, batch: int) -> DataInfo:
        """Return the DataInfo of the folds that a batch's trials run on."""
        fold = self._batches.fold(batch)
        return self._info.of(None if fold is None else range(fold, fold + 1))

    def _report(self) -> None:
        if self._on_progress is not None:
            batches = -(-self._committed // self._batches.size)
            self._on_progress(Progress(self._done, self._batches.total, self._failed, self._best, batches))
