"""What Prometheus can read of a study, at every node's metrics port; Ray puts `ray_` before the names.

    backsweep_trials_total          trials that came back to the driver
    backsweep_failed_trials_total   those of them that failed
    backsweep_chunk_seconds         histogram: a chunk in its worker, first trial to last
    backsweep_fills_total           fills that the workers' engines have made, in trials that ran again too

All carry the label `study`. The driver counts the first three, the workers the last, a few microseconds a chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.runtime.ray_session import ray  # noqa: F401 - sets the environment that Ray reads when it is imported

from ray.util.metrics import Counter, Histogram  # isort: skip - below ray, for this reason

if TYPE_CHECKING:
    from backsweep.trial.contract import Outcome

_BOUNDARIES = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]  # seconds; chunks aim at 0.2


class StudyMeters:
    """The driver's counters for one study."""

    def __init__(self, study: str) -> None:
        self._tags = {"study": study}
        names = ("study",)
        self._trials = Counter("backsweep_trials", "Trials that came back.", names)
        self._failed = Counter("backsweep_failed_trials", "Trials that came back failed.", names)
        self._seconds = Histogram("backsweep_chunk_seconds", "Seconds of a chunk.", _BOUNDARIES, names)

    def record(self, outcome: Outcome) -> None:
        """Count a chunk that came back."""
        _add(self._trials, len(outcome.numbers), self._tags)
        _add(self._failed, len(outcome.errors), self._tags)
        self._seconds.observe(float(outcome.completed.max() - outcome.started.min()), self._tags)


class WorkMeters:
    """A worker's counter for one study."""

    def __init__(self, study: str) -> None:
        self._tags = {"study": study}
        self._fills = Counter("backsweep_fills", "Fills that the engine has made.", ("study",))
        self._counted = 0

    def record(self, fills: int) -> None:
        """Count up to the fills that the worker has made in all."""
        _add(self._fills, fills - self._counted, self._tags)
        self._counted = fills


def _add(counter: Counter, count: int, tags: dict[str, str]) -> None:
    if count > 0:  # Ray takes no zero
        counter.inc(count, tags)
