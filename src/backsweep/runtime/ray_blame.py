"""What is at fault where workers die one after the other: the trial that they ran, or something that all trials share.

A trial that loses every worker may be a bad one; or there is no memory, not even for Ray's own part of a task, and any
other would have lost them too: then its failure would be wrong in the study's table. So no trial fails by the
workers that it lost until a fresh worker has run another one, the control, which had come back before. Where the
control loses its workers too, or trials lose theirs and none has ever come back, the run ends with an error: these
trials are not in the table, and run again when the study is resumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from backsweep.errors import BacksweepError
from backsweep.runtime.ray_tasks import ChunkRun

if TYPE_CHECKING:
    from backsweep.trial.contract import Chunk, Outcome

UNPROVEN = 3
"""How many trials may be accused before any has come back."""

MORE_MEMORY = (
    "give the workers more memory, run fewer (runtime.workers, --workers), or cut account.mode: sleeves into more "
    "runtime.shards; the same command goes on"
)


@dataclass
class Blame:
    """The failures of trials that lost their workers, until it is sure that they are at fault."""

    _accused: list[Outcome] = field(default_factory=list)
    _error_found: str = ""  # of the last worker that died
    _back: Chunk | None = None  # what came back last
    _control: ChunkRun | None = None

    def charge(self, failures: list[Outcome], found: str, *, sure: bool = False) -> list[Outcome]:
        """Record a lost worker, its last error and the failures that follow, if any; returns those that are `sure`.

        Raises BacksweepError where the control is what has failed.
        """
        self._error_found = found
        if self._control is not None and self._control.over:
            raise self._error("so did one that had come back before")
        if sure:
            return failures
        self._accused += failures
        return []

    def control(self, *, busy: bool) -> ChunkRun | None:
        """Make the control if there is need of one; raises where none can be had.

        While the pool is `busy`, something may yet come back that can be one.
        """
        if not self._accused or self._control is not None:
            return None
        if self._back is not None:
            chunk = replace(self._back, numbers=self._back.numbers[:1], values=self._back.values[:1])
            self._control = ChunkRun(chunk)
            return self._control
        if len(self._accused) >= UNPROVEN or not busy:
            raise self._error("no trial has come back in this run")
        return None

    def came_back(self, run: ChunkRun, outcome: Outcome) -> list[Outcome]:
        """Record that a run is done; returns what is sure now: its outcome or, after the control, the failures."""
        if run is not self._control:
            self._back = run.chunk
            return [outcome]
        failures, self._accused, self._control = self._accused, [], None
        return failures

    def _error(self, also: str) -> BacksweepError:
        numbers = ", ".join(str(outcome.numbers[0]) for outcome in self._accused[:UNPROVEN])
        return BacksweepError(
            "the workers die whatever they run",
            where=f"trials {numbers}",
            expected="workers that outlive a trial",
            found=f"each lost every worker, and {also}; the last words: {self._error_found}",
            remedy=f"{MORE_MEMORY}. If it is the strategy that ends its process, --backend inline shows where",
        )
