"""What the pool keeps track of: chunks, their tasks, and the slots in which workers run them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backsweep.trial.contract import Chunk

TASKS_PER_WORKER = 2
"""One task runs while the next waits in the worker's queue."""


@dataclass(eq=False)
class ChunkRun:
    """A chunk; by part of the data the references to what comes of it, and which parts are done."""

    chunk: Chunk
    parts: dict[int, Any] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    lost: int = 0  # times that a part was lost on its way, and all ran again
    over: bool = False  # it has failed, or runs again in halves: its tasks are not wanted any more

    def halves(self) -> list[ChunkRun]:
        """Cut the chunk in two."""
        middle = len(self.chunk.numbers) // 2
        return [ChunkRun(self.chunk.of(cut), lost=self.lost) for cut in (slice(middle), slice(middle, None))]


@dataclass(eq=False)
class Task:
    """What one worker does of a run: one part of the data, or, for `part` None, putting the parts together."""

    run: ChunkRun
    part: int | None
    suspect: bool = False  # it was with a worker that died: from now on it runs with no other task beside it
    fresh: bool = False  # it waits for a worker that has run nothing, if one is coming: nothing else fills its memory
    lost: int = 0  # workers that died or were ended while they had it alone
    moves: int = 0  # nodes that went while it was there


@dataclass(eq=False)
class WorkerSlot:
    """One worker, the part of the data that it holds, and the tasks that it was given, oldest first."""

    actor: Any
    loading: Any  # the reference to what it does until it has loaded; then None
    part: int | None = None  # None until it has found a node
    node: str | None = None  # its id, from then on
    source: Any = None  # the reference to data that it shares with others on its node
    running: dict[Any, Task] = field(default_factory=dict)
    since: float = 0.0  # when it was made, or began with the oldest at the latest, on this process's monotonic clock
    fresh: bool = True  # it has run nothing yet

    def free(self) -> int:
        """How many tasks it can take now."""
        closed = self.loading or any(task.suspect for task in self.running.values())
        return 0 if closed else TASKS_PER_WORKER - len(self.running)

    def take(self, task: Task, reference: Any) -> None:
        """Record that it was sent a task."""
        if not self.running:
            self.since = time.monotonic()
        self.running[reference] = task
        self.fresh = False
