"""The driver of a study: it proposes batches, keeps the backend busy and commits batches in order.

What a trial is depends on its number, on the study's seed and on the outcomes that its batch may know (see `batches`
and `search.proposals`). Everything else is scheduling - how many batches are written together, how they are cut into
chunks, which chunk returns first, where a run was interrupted - and cannot change a row, timing columns apart.

Where proposals do not depend on earlier trials, batches of fast ones form groups (see `pacing`). With an adaptive
sampler, or where folds have trials of their own, a group is one batch. What is complete is committed from time to time,
and a sampler observes it before.
"""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.study.run.batch_groups import BatchGroup, make_schedule
from backsweep.study.run.batches import Batches, make_batches
from backsweep.study.run.commits import Commits, Complete
from backsweep.study.run.feedback import Feedback
from backsweep.study.run.pacing import Pacing
from backsweep.study.run.patience import Patience
from backsweep.study.run.progress import Progress, Summary
from backsweep.study.search.batch_sizes import batch_sizes
from backsweep.study.search.in_turns import searches_of
from backsweep.study.search.proposals import joined
from backsweep.study.search.rehearsal import rehearse
from backsweep.study.search.samplers import make_proposer, make_proposers
from backsweep.study.search.space import trial_spec
from backsweep.study.table.trials import Table, best_row, standing, usable
from backsweep.trial.contract import DataInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl
    from numpy.typing import NDArray

    from backsweep.study.search.proposals import Observations, Proposals, Proposer
    from backsweep.study.search.space import Space
    from backsweep.study.store.folder import StudyFolder
    from backsweep.study.store.identity import Identity
    from backsweep.study.table.outcomes import Outcomes
    from backsweep.sweepfile.sweep import Sweep
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.contract import Backend, Chunk, Outcome

LOGGER = logging.getLogger(__name__)

_POLL = 0.5  # seconds to wait for a chunk


def run_study(
    sweep: Sweep,
    space: Space,
    backend: Backend,
    folder: StudyFolder,
    identity: Identity,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    chunk_size: int | None = None,
    seconds: float | None = None,
) -> Summary:
    """Run a study to its end, or resume it: the same call.

    Nothing is written before the sweep, the data and the strategy have been checked. The backend is always closed; a
    KeyboardInterrupt propagates and leaves a study that can be resumed. `chunk_size` fixes the trials per chunk and
    commits every batch by itself; otherwise both are chosen by time. After so many `seconds` the run pauses.
    """
    deadline = math.inf if seconds is None else time.monotonic() + seconds
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
                    info = _start(backend, spec, sweep, space)
                folds = 1 + (folder.segments(spec.folds) if info is None else info.segments)[-1].fold
            searches = searches_of(sweep, folds)
            proposer = proposer if searches.single else make_proposers(sweep, space, searches)
            sizes = batch_sizes(sweep.search, identity.proposals, searches.count)
            batches = make_batches(sweep, proposer.limit, sizes, searches)
            run = _Run(sweep, space, backend, folder, proposer, batches, on_progress, chunk_size, deadline)
            if not run.finished:
                info = info or _start(backend, spec, sweep, space)
                for note in info.notes:
                    LOGGER.warning("warning: %s", note)
                run.begin(info)
                if not begun:
                    stack.enter_context(folder.hold())
                    folder.create(identity, info)
                elif spec.folds is not None:
                    folder.check_segments(info, spec.folds)
                run.loop()
            return run.summary()
    finally:
        backend.close()


def _start(backend: Backend, spec: TrialSpec, sweep: Sweep, space: Space) -> DataInfo:
    """Start the backend; while other processes load the data and compile the strategy, compile the sampler here."""
    thread = Thread(target=rehearse, args=(sweep, space), daemon=True)
    if backend.remote:
        thread.start()
    info = backend.start(spec)
    if backend.remote:
        thread.join()
    return info


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
        deadline: float,
    ) -> None:
        search = sweep.search
        self._batches, self._search, self._table = (
            batches,
            search,
            Table(search, space, batches.sizes, sweep.metric_names),
        )
        self._backend, self._folder, self._proposer = backend, folder, proposer
        self._on_progress, self._pacing = on_progress, Pacing(search.batch, chunk_size)
        self._queue: deque[Chunk] = deque()  # stages of groups, or what remains of them to send
        self._sent = 0  # chunks that have not come back
        self._groups: dict[int, BatchGroup] = {}  # by their first batch, oldest first: those that are not complete
        self._commits = Commits(folder, self._table, batches.total, together=chunk_size is None)
        self._info = DataInfo(np.empty(0, np.int64))
        self._committed = self._failed = self._failed_committed = 0
        self._deadline, self._patience = deadline, Patience(search.patience, batches)
        self._best: dict[str, Any] | None = None
        entries = folder.entries()
        self._resumed = self._done = sum(entry.count for entry in entries)
        self._next = batches.of(self._done)  # batch to propose next
        self._feedback = Feedback(proposer, batches) if sweep.learns and self._done < batches.total else None
        for rows in folder.parts("trials", entries):
            self._record(rows)
            if search.patience is not None:
                self._patience.add(*standing(rows, search))
            if self._feedback is not None:
                self._feedback.add(self._table.read_observations(rows))
                self._feedback.pass_on(self._next)
        self._failed = self._failed_committed

    @property
    def finished(self) -> bool:
        """Whether all trials are committed, or as many as its patience is for."""
        end = self._patience.end
        return self._committed >= (self._batches.total if end is None else min(end, self._batches.total))

    def begin(self, info: DataInfo) -> None:
        """Propose the first batch; a sampler may raise BadInput."""
        self._info = info
        self._pacing.begin(self._part(0))
        self._propose(max(1, self._backend.capacity()))

    def loop(self) -> None:
        self._report()
        while not self.finished:
            if time.monotonic() >= self._deadline:
                self._pause()
                break
            self._fill()
            self._commit()  # while workers have work
            for outcome in self._backend.wait(_POLL) if self._groups else ():
                self._store(outcome)
        self._folder.clear_uncommitted()

    def summary(self) -> Summary:
        total, done, failed = max(self._batches.total, self._committed), self._committed, self._failed_committed
        return Summary(self._folder.path, done, total, failed, self._resumed, self._best, not self.finished)

    def _record(self, rows: pl.DataFrame) -> None:
        """Count committed rows."""
        self._committed += len(rows)
        self._failed_committed += int((rows["state"] == "FAIL").sum())
        self._best = best_row(rows, self._search, self._best)

    def _fill(self) -> None:
        """Submit chunks while the backend has capacity."""
        while (room := self._backend.capacity()) > 0:
            if not self._queue and not self._propose(room):
                break
            self._backend.submit(self._cut(room))
            self._sent += 1
        if not self._queue and self._next >= self._batches.count and all(group.last for group in self._groups.values()):
            self._backend.wind_down()

    def _cut(self, room: int) -> Chunk:
        """Cut a chunk off the queue, sized by the time that trials take.

        With a sampler that learns, all batches that may run at a time make as many chunks as the backend wants at a
        time: of a longer one, other workers would wait for the end.
        """
        work = self._queue.popleft()
        count = len(work.numbers)
        if self._feedback is not None:
            count, room = self._batches.sizes.size(work.batch) * self._batches.lag, room + self._sent
        size = self._pacing.chunk_size(count, room)
        if size < len(work.numbers):
            self._queue.appendleft(work.of(slice(size, None)))
        return work.of(slice(size))

    def _propose(self, room: int) -> bool:
        """Propose and queue the next group, if it may be proposed yet; `room` chunks are wanted."""
        batch, batches = self._next, self._batches
        if batch >= batches.count or self._patience.end is not None or self._must_wait(batch):
            return False
        fold = batches.fold(batch)
        single = self._feedback is not None or not batches.searches.single or self._search.between_folds is not None
        count = 1 if single else min(self._pacing.batches(room), batches.count - batch)
        proposals = joined([self._proposed_by_sampler(each) for each in range(batch, batch + count)])
        first = batches.sizes.start(batch)
        numbers = range(max(self._resumed, first), batches.numbers(batch + count - 1).stop)
        part = self._part(batch)
        schedule = make_schedule(part, fold, self._search)
        group = self._groups[batch] = BatchGroup(proposals, first, numbers, part, schedule, self._search)
        self._queue.append(self._to_chunk(group, batch))
        self._next += count
        return True

    def _to_chunk(self, group: BatchGroup, batch: int) -> Chunk:
        return replace(group.to_chunk(batch), asset_group=self._batches.group(batch))

    def _must_wait(self, batch: int) -> bool:
        """Whether a batch must not be proposed yet: those that it depends on, or too many others, are unfinished."""
        if self._feedback is not None:
            return not self._feedback.pass_on(batch)
        return bool(self._groups) and self._pacing.is_far(self._batches.sizes.start(batch) - self._committed)

    def _proposed_by_sampler(self, batch: int) -> Proposals:
        size = self._batches.sizes.size(batch)
        if self._feedback is None:
            return self._proposer.propose(batch, size, ())
        running = [self._groups[each].proposals for each in range(self._feedback.complete, batch)]
        return self._proposer.propose(batch, size, [*self._feedback.unobserved, *running])

    def _store(self, outcome: Outcome) -> None:
        self._sent = max(0, self._sent - 1)  # a chunk may come back in halves
        group = self._groups.get(outcome.batch)
        if group is None:
            return
        ended = group.ended
        if len(new := group.store(outcome)):
            if not outcome.reused:
                self._pacing.update(outcome, len(new))
            self._failed += len(outcome.errors.keys() & set(new.tolist())) if outcome.errors else 0
            if group.advance():  # before what is queued: the older a batch, the sooner it is committed
                self._queue.appendleft(self._to_chunk(group, outcome.batch))
            self._done += group.ended - ended
            self._complete()
            self._report()

    def _complete(self) -> None:
        """Set aside whatever is complete, in the order of batches, and let the sampler learn from it."""
        while self._groups and next(iter(self._groups.values())).complete:
            batch = next(iter(self._groups))
            group = self._groups.pop(batch)
            if self._feedback is not None or self._search.patience is not None:
                self._learn(self._table.observations(group.used, group.results), group.results.pruned)
            end = self._patience.end
            if end is None:
                self._commits.add(self._completed(batch, group.used, group.results))
            else:
                self._stop(batch, group, end - group.results.numbers.start)

    def _learn(self, seen: Observations, pruned: NDArray[np.bool_]) -> None:
        """Show the outcomes of the next trials to the sampler, and to the patience."""
        if self._feedback is not None:
            self._feedback.add(seen)
        self._patience.add(seen.losses, usable(seen.losses, seen.violations, ~(seen.failed | pruned)))

    def _pause(self) -> None:
        """Commit what is complete, also the first trials of a batch that is not."""
        for batch, group in itertools.islice(self._groups.items(), 1):
            self._stop(batch, group, group.leading)
        self._commit()

    def _completed(self, batch: int, proposals: Proposals, results: Outcomes) -> Complete:
        searches = self._batches.searches
        group = searches.group(batch)
        return Complete(proposals, results, searches.fold(batch), None if group is None else searches.groups[group])

    def _stop(self, batch: int, group: BatchGroup, count: int) -> None:
        """Set so many trials of a group aside, and forget whatever comes after them."""
        if count:
            self._commits.add(self._completed(batch, group.used.of(slice(count)), group.results.head(count)))
        self._groups.clear()
        self._queue.clear()
        self._done = self._committed + self._commits.count

    def _commit(self) -> None:
        """Commit what is complete, if it is time."""
        waiting = self._commits.count
        if not waiting or (self._groups and not self._pacing.must_commit(waiting)):
            return
        begin = time.monotonic()
        for rows in self._commits.write(self._info):
            self._record(rows)
        self._pacing.committed(time.monotonic() - begin)
        self._report()

    def _part(self, batch: int) -> DataInfo:
        """Return the DataInfo of the folds that a batch's trials run on."""
        fold = self._batches.fold(batch)
        return self._info.of(None if fold is None else range(fold, fold + 1))

    def _report(self) -> None:
        if self._on_progress is not None:
            batches = self._batches.begun(self._committed)
            self._on_progress(Progress(self._done, self._batches.total, self._failed, self._best, batches))
