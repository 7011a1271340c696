"""Trials in Ray actors: they load data themselves, get arrays of parameters and return arrays of metrics.

The data are in one part that every worker holds, or in several (shards of sleeves). Then a chunk is run in tasks, one
by a worker of each part, and a last task puts them together: through Ray's object store, from worker to worker, never
through the driver. Of many parts eight at a time are put together, so that no worker receives more.

Workers that hold the same part on one node share one copy: the first that is placed there loads it into the node's
shared memory, where Ray keeps it until the pool is closed, and each works on read-only views of it.
"""

from __future__ import annotations

import logging
import textwrap
import time
from collections import deque
from dataclasses import replace
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
from backsweep.runtime.meters import StudyMeters
from backsweep.runtime.ray_blame import MORE_MEMORY, Blame
from backsweep.runtime.ray_nodes import is_gone
from backsweep.runtime.ray_session import RaySession, ray  # ray by way of its session, which sets its environment
from backsweep.runtime.ray_tasks import TASKS_PER_WORKER, ChunkRun, Task, WorkerSlot
from backsweep.runtime.ray_worker import Worker
from backsweep.runtime.working_dir import job_folder

if TYPE_CHECKING:
    from backsweep.runtime.evaluators import EvaluatorBuilder
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.contract import Chunk, DataInfo, Outcome

LOGGER = logging.getLogger(__name__)

NODES = 10
"""How many nodes may go with a chunk, after which its workers count as dead; and how often its parts may be lost."""

FAN_IN = 8
"""How many parts of a chunk a worker puts together at a time."""

PATIENCE = 30.0
"""Seconds for a worker to be placed on a node, and between warnings that no worker is ready for a part of the data."""


class RayBackend:
    """The `Backend` that spreads chunks over Ray actors of one CPU each.

    A chunk that loses a worker, or of which a task takes longer than one trial may, is run again in halves, until the
    trial at fault is alone: which trials fail does not depend on how they were sent. The tasks that a dying worker held
    are all suspects, even one that was done, whose answer may have been lost: only one that was alone can be at fault.
    Where a whole node is gone none is: nodes may leave at any time. Where workers die whatever they run (see
    `ray_blame`) or while they load, the run ends with an error, so that no loss repeats without end.

    Parameters
    ----------
    workers : number of actors. They are asked for together and spread over the nodes; each that is placed loads
        the part of the data that fewest hold, and gets work when there is a worker for every part.
    address : `local` starts Ray on this machine, `auto` finds a cluster that runs here, `HOST:PORT` joins one.
    evaluator : builds what runs the chunks, in every actor; pickled. By default what the specification asks for.
    shards : into how many shards the assets of sleeves are cut; None makes as many as there are workers or CPUs.
    trial_timeout : seconds that a trial may take in a worker; None means for ever.
    study : the study's name, by which Prometheus knows it.

    """

    remote = True

    def __init__(
        self,
        workers: int,
        address: str = "local",
        evaluator: EvaluatorFactory | None = None,
        *,
        shards: int | None = None,
        trial_timeout: float | None = None,
        study: str = "",
    ) -> None:
        self._workers = workers
        self._address = address
        self._factory = evaluator
        self._shards = shards
        self._timeout = trial_timeout
        self._study = study
        self._session: RaySession | None = None
        self._info: DataInfo | None = None
        self._notes: dict[int, tuple[str, ...]] = {}  # of the data, by part
        self._builders: tuple[EvaluatorBuilder, ...] = ()
        self._slots: list[WorkerSlot] = []
        self._sources: dict[tuple[str, int], Any] = {}  # data in shared memory, by node and part
        self._waiting: list[deque[Task]] = []  # by part of the data; the last: to be put together
        self._failed_loads = 0
        self._blame = Blame()
        self._winding_down = False
        self._complained = 0.0

    def start(self, spec: TrialSpec) -> DataInfo:
        """Start Ray and the actors; returns when every part of the data is loaded. Raises as `make_builders`."""
        self._session = RaySession(self._workers, self._address)
        self._builders = (PlainBuilder(self._factory),) if self._factory else self._divide(spec)
        self._waiting = [deque() for _ in range(len(self._builders) + 1)]
        self._spec = spec
        self._meters = StudyMeters(self._study)
        self._actor = ray.remote(**self._session.worker_options)(Worker)
        self._slots = [self._new_slot() for _ in range(self._workers)]
        self._complained = time.monotonic()
        while self._info is None or self._uncovered():
            self.wait(timeout=1.0)
        notes = dict.fromkeys(note for part in sorted(self._notes) for note in self._notes[part])
        return replace(self._info, notes=tuple(notes))

    def submit(self, chunk: Chunk) -> None:
        """Queue a chunk; never blocks."""
        self._add(ChunkRun(chunk))
        self._dispatch()

    def wait(self, timeout: float) -> list[Outcome]:
        """Return finished chunks in any order; none after `timeout` seconds, or when only a worker has joined."""
        slots = {reference: slot for slot in self._slots for reference in slot.running}
        slots |= {slot.loading: slot for slot in self._slots if slot.loading}
        if not slots:
            return []
        done, rest = ray.wait(list(slots), num_returns=1, timeout=timeout)
        if done and rest:
            done += ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        outcomes = [outcome for reference in done for outcome in self._collect(slots[reference], reference)]
        outcomes += self._end_overdue()
        for outcome in outcomes:
            self._meters.record(outcome)
        if control := self._blame.control(busy=self._is_busy()):
            self._add(control, suspect=True, fresh=True)
        self._dispatch()
        self._complain()
        return outcomes

    def capacity(self) -> int:
        """Two chunks for every worker that has loaded, less those in flight; of several parts, the least."""
        room = [0] * len(self._builders)
        for slot in self._slots:
            if slot.part is not None:
                room[slot.part] += slot.free()
        return max(0, min(free - len(queue) for free, queue in zip(room, self._waiting, strict=False)))

    def wind_down(self) -> None:
        """End idle workers from now on: no chunk is to come."""
        self._winding_down = True
        self._give_back()

    def close(self) -> None:
        """End the actors, and Ray if it was started here."""
        for queue in self._waiting:
            queue.clear()
        for slot in self._slots:
            ray.kill(slot.actor)
        self._slots.clear()
        self._sources.clear()
        if self._session is not None:
            self._session.close()
            self._session = None

    def _divide(self, spec: TrialSpec) -> tuple[EvaluatorBuilder, ...]:
        places = max(1, min(self._workers, int(ray.cluster_resources().get("CPU", 1))))
        return make_builders(spec, self._shards or places, self._workers)

    def _new_slot(self) -> WorkerSlot:
        actor = self._actor.remote(self._spec, job_folder(), self._study)
        return WorkerSlot(actor, actor.join_node.remote(), since=time.monotonic())

    def _admit(self, slot: WorkerSlot, node: str) -> None:
        """Make a worker that has found a node load the part that fewest hold, from the node's copy where others may."""
        count = len(self._builders)
        held = [sum(each.part == part for each in self._slots) for part in range(count)]
        slot.part, slot.node = held.index(min(held)), node
        builder = self._builders[slot.part]
        if self._factory is None and self._workers > count:
            key = (node, slot.part)
            if key not in self._sources:
                self._sources[key] = slot.actor.fetch.remote(builder)
            slot.source = self._sources[key]
        slot.loading = slot.actor.load.remote(builder, slot.source)

    def _add(self, run: ChunkRun, *, suspect: bool = False, fresh: bool = False) -> None:
        """Queue the tasks of a chunk's run; suspects come first."""
        for part, queue in enumerate(self._waiting[:-1]):
            (queue.appendleft if suspect else queue.append)(Task(run, part, suspect, fresh))

    def _dispatch(self) -> None:
        """Send waiting tasks to the workers with the fewest; what is only to be joined comes first."""
        for part, queue in reversed(list(enumerate(self._waiting))):
            slots = [slot for slot in self._slots if part in {slot.part, len(self._builders)}]
            for task in list(queue):
                if not task.run.over:
                    slot = max(slots, key=lambda each: (each.free(), each.fresh == task.fresh), default=None)
                    if task.fresh and not (slot and slot.fresh) and any(map(_is_coming, self._slots)):
                        continue
                    if slot is None or slot.free() < (TASKS_PER_WORKER if task.suspect else 1):
                        break
                    slot.take(task, self._send(slot, task))
                queue.remove(task)
        if self._winding_down:
            self._give_back()

    def _send(self, slot: WorkerSlot, task: Task) -> Any:
        """Send a task to a worker; returns the reference by which the pool learns that it is done."""
        run, actor = task.run, slot.actor
        if task.part is None:
            parts = [run.parts[part] for part in range(len(self._builders))]
            helpers = [each.actor for each in self._slots if each.free() > 0] or [actor]
            while len(parts) > FAN_IN:
                groups = [parts[first : first + FAN_IN] for first in range(0, len(parts), FAN_IN)]
                parts = [helpers[i % len(helpers)].join.remote(*group) for i, group in enumerate(groups)]
            return actor.finish.remote(*parts)
        if len(self._builders) == 1:
            return actor.evaluate.remote(run.chunk)
        done, run.parts[task.part] = actor.partial_sums.options(num_returns=2).remote(run.chunk)
        return done

    def _collect(self, slot: WorkerSlot, reference: Any) -> list[Outcome]:
        """Handle one answer; the worker of a lost answer is replaced and its tasks wait again."""
        if reference != slot.loading and reference not in slot.running:
            return []  # of a worker that was replaced a moment ago
        try:
            answer = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, MemoryError):  # in Ray's own part of the task, before or after ours
                return self._recover(slot, reference, error)
            if not isinstance(error.cause, ray.exceptions.RayError):
                raise error.cause from error
            return self._recover(slot, reference, error.cause)
        except ray.exceptions.RayError as error:
            return self._recover(slot, reference, error)
        if reference == slot.loading:
            slot.loading = None
            if slot.part is None:
                self._admit(slot, answer)
            else:
                self._info = self._info or answer
                self._notes[slot.part] = answer.notes
                self._failed_loads = 0
            return []
        task = slot.running.pop(reference)
        slot.since = time.monotonic()
        return self._advance(task, answer)

    def _advance(self, task: Task, answer: Any) -> list[Outcome]:
        """Handle a task that is done: return the outcome, or after the last part queue the task that joins them."""
        run = task.run
        if run.over:
            return []
        if task.part is None or len(self._builders) == 1:
            run.over = True
            return self._blame.came_back(run, answer)
        run.done.add(task.part)
        if len(run.done) == len(self._builders):
            self._waiting[-1].append(Task(run, None))
        return []

    def _recover(self, slot: WorkerSlot, reference: Any, error: Exception) -> list[Outcome]:
        """Recover from an answer that was lost: with its worker, with what it was given, or with another's."""
        cause = error.cause if isinstance(error, ray.exceptions.RayTaskError) else None
        found = textwrap.shorten(f"{type(cause).__name__}: {cause}" if cause else str(error).splitlines()[0], 120)
        task = slot.running.get(reference)
        if task is not None and task.part is None and _is_of_another(error, slot):
            LOGGER.warning("parts of a chunk were lost: %s; it runs again", found)
            del slot.running[reference]
            self._run_again(task.run, found)
            return []
        gone = is_gone(slot.node, error)
        if slot.loading:
            self._load_again(slot, error, found, gone=gone)
            return []
        LOGGER.warning("the %s: %s; its chunks run again on another", "node is gone" if gone else "worker died", found)
        lost = self._replace(slot, "the worker died while it ran this trial", blameless=gone)
        return self._blame.charge(lost, found)

    def _run_again(self, run: ChunkRun, found: str) -> None:
        """Run a chunk again whose parts were lost on their way: no worker and no trial is at fault."""
        run.over = True
        if run.lost >= NODES:
            raise BacksweepError(
                "parts of a chunk are lost again and again",
                where=f"trials {run.chunk.numbers[0]} to {run.chunk.numbers[-1]}",
                expected="nodes that stay until what was computed there has been put together",
                found=f"{NODES} losses, of which the last: {found}",
                remedy=MORE_MEMORY,
            )
        self._add(ChunkRun(run.chunk, lost=run.lost + 1))

    def _load_again(self, slot: WorkerSlot, error: Exception, found: str, *, gone: bool) -> None:
        """Recover from a worker that did not load; those that waited for one copy of the data have failed once."""
        copies = len(self._sources)
        self._sources = {key: source for key, source in self._sources.items() if source != slot.source}
        if not gone and (slot.source is None or len(self._sources) < copies):
            self._failed_loads += 1
            if self._failed_loads >= ATTEMPTS:
                raise BacksweepError(
                    "the workers die while they load the data",
                    expected="room for the data in the workers' memory",
                    found=found,
                    remedy=MORE_MEMORY,
                )
        if slot.source is None or not _is_of_another(error, slot):
            LOGGER.warning("the %s while it loaded: %s", "node is gone" if gone else "worker died", found)
            self._replace(slot, "", blameless=gone)
        else:
            slot.part = slot.source = None
            slot.loading = slot.actor.join_node.remote()

    def _end_overdue(self) -> list[Outcome]:
        """End the workers whose chunk takes longer than a trial may."""
        limit = self._timeout
        if limit is None:
            return []
        late = [slot for slot in self._slots if slot.running and time.monotonic() - slot.since > limit]
        if not late:
            return []
        LOGGER.warning("%d workers took longer than %g s for a chunk; it runs again in halves", len(late), limit)
        reason = TOO_LONG.format(limit)
        lost = [outcome for slot in late for outcome in self._replace(slot, reason)]
        return self._blame.charge(lost, reason, sure=True)

    def _replace(self, slot: WorkerSlot, reason: str, *, blameless: bool = False) -> list[Outcome]:
        """Start a new worker and queue the old one's tasks again, as suspects; charge one that was alone with it.

        Those of a `blameless` one, which went with its node, are no suspects, unless that goes on and on.
        """
        ray.kill(slot.actor)
        self._slots[self._slots.index(slot)] = self._new_slot()
        tasks = list(slot.running.values())
        slot.running.clear()
        lost: list[Outcome] = []
        for task in tasks:
            task.moves += blameless
        if blameless:
            blameless = all(task.moves < NODES for task in tasks)
        if len(tasks) == 1 and not blameless and self._info and not tasks[0].run.over:
            lost = self._charge(tasks[0], self._info, reason)
        for task in reversed(tasks):
            task.suspect |= not blameless
            self._waiting[-1 if task.part is None else task.part].appendleft(task)
        return lost

    def _charge(self, task: Task, info: DataInfo, reason: str) -> list[Outcome]:
        """Charge a task with its worker's end: its chunk runs again in halves, or fails if it is one trial's third."""
        task.lost += 1
        task.fresh = True
        run = task.run
        if len(run.chunk.numbers) > 1:
            run.over = True
            for half in reversed(run.halves()):
                self._add(half, suspect=True)
        elif task.lost >= ATTEMPTS:
            run.over = True
            return [failed_outcome(run.chunk, info, f"{reason} ({ATTEMPTS} times)")]
        return []

    def _is_wanted(self) -> bool:
        """Return whether any task waits for a worker."""
        return any(not task.run.over for queue in self._waiting for task in queue)

    def _is_busy(self) -> bool:
        return self._is_wanted() or any(slot.running for slot in self._slots)

    def _give_back(self) -> None:
        """End the workers without work; while anything is unfinished, one for each part of the data stays."""
        wanted, unfinished = self._is_wanted(), self._is_busy()
        for slot in list(self._slots):
            others = sum(each.part == slot.part for each in self._slots) - 1
            if not slot.running and not wanted and (others or not unfinished or slot.part is None):
                ray.kill(slot.actor)
                self._slots.remove(slot)

    def _uncovered(self) -> list[int]:
        """Return the parts of the data that no worker has loaded."""
        loaded = {slot.part for slot in self._slots if not slot.loading}
        return [part for part in range(len(self._builders)) if part not in loaded]

    def _complain(self) -> None:
        """Warn from time to time that no worker is available for a part of the data; make a spare one load it."""
        if self._winding_down or not (missing := self._uncovered()):
            self._complained = time.monotonic()
        elif time.monotonic() - self._complained > PATIENCE:
            self._complained = time.monotonic()
            cpus = ray.cluster_resources().get("CPU", 0)
            LOGGER.warning(
                "no worker is ready yet for %d of %d parts of the data: workers wait for a node, load the data"
                " or compile the strategy; the cluster has %g CPUs for %d workers",
                len(missing), len(self._builders), cpus, self._workers,
            )  # fmt: skip
            held = [slot.part for slot in self._slots if not slot.loading]
            spare = next((s for s in self._slots if not s.loading and not s.running and held.count(s.part) > 1), None)
            if spare is not None:
                self._replace(spare, "")


def _is_of_another(error: Exception, slot: WorkerSlot) -> bool:
    """Return whether an error is that of something that a worker depended on, and not its own."""
    if isinstance(error, ray.exceptions.RayActorError):
        return bool(error.actor_id != slot.actor._actor_id.hex())  # noqa: SLF001 - Ray names actors nowhere else
    return isinstance(error, (ray.exceptions.ObjectLostError, ray.exceptions.NodeDiedError))


def _is_coming(slot: WorkerSlot) -> bool:
    """Return whether a worker will soon be there: it loads, or has not waited long for a node."""
    return bool(slot.loading) and (slot.part is not None or time.monotonic() - slot.since < PATIENCE)
