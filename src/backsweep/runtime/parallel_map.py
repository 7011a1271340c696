"""Independent tasks, one after the other in this process or in parallel in Ray's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from backsweep.errors import BacksweepError

T = TypeVar("T")

RESTARTS = 3
"""How often a worker may die before its task fails; tasks are pure, so they may run again."""


class _Worker:
    """The actor: makes the function once, and calls it for each task."""

    def __init__(self, make: Callable[[], Callable[[int], Any]]) -> None:
        self._make = make
        self._work: Callable[[int], Any] | None = None

    def run(self, task: int) -> tuple[int, Any]:
        self._work = self._work or self._make()
        return task, self._work(task)


def parallel_map(
    make: Callable[[], Callable[[int], T]], tasks: Sequence[int], workers: int = 1, address: str | None = None
) -> Iterator[tuple[int, T]]:
    """Yield each task's number and result, in any order; what `make` returns is made once in each process.

    Without an `address` (see `make_backend`) everything runs here. With one, `make` is pickled and sent to Ray actors.
    Errors of the work come as they were raised; closing the iterator ends the actors.
    """
    if address is None:
        work = make()
        for task in tasks:
            yield task, work(task)
        return
    yield from _map_over_ray(make, tasks, workers, address)


def _map_over_ray(
    make: Callable[[], Callable[[int], T]], tasks: Sequence[int], workers: int, address: str
) -> Iterator[tuple[int, T]]:
    from backsweep.runtime.ray_session import RaySession, ray  # noqa: PLC0415 - Ray takes a while to import

    session = RaySession(workers, address)
    actors = []
    try:
        options = {**session.worker_options, "max_restarts": RESTARTS, "max_task_retries": RESTARTS}
        actor = ray.remote(**options)(_Worker)
        actors = [actor.remote(make) for _ in range(min(workers, len(tasks)))]
        waiting = list(reversed(tasks))
        running = {each.run.remote(waiting.pop()): each for each in actors}
        while running:
            done, _ = ray.wait(list(running), num_returns=1)
            free = running.pop(done[0])
            try:
                answer = ray.get(done[0])
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except ray.exceptions.RayError as error:
                raise BacksweepError(
                    "a worker died again and again",
                    found=str(error).splitlines()[0],
                    remedy="give the workers more memory, or run fewer with --workers",
                ) from error
            if waiting:
                running[free.run.remote(waiting.pop())] = free
            yield answer
    finally:
        for each in actors:
            ray.kill(each)
        session.close()
