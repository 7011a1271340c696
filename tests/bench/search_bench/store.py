"""Searches that have been run, one JSON line each, so that a bench can be ended and gone on with."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backsweep.sweepfile.search import SAMPLERS
from search_bench.searches import Found, Sampler, search


@dataclass(frozen=True)
class Task:
    """A search to run."""

    sampler: Sampler
    objective: str
    seed: int
    trials: int

    @property
    def key(self) -> str:
        """What tells it from others, the version of what proposes included."""
        return f"{self.sampler.label} | {version(self.sampler)} | {self.objective} | {self.seed} | {self.trials}"

    def run(self) -> Found:
        """Run the search."""
        return search(self.sampler, self.objective, self.seed, self.trials)


def version(sampler: Sampler) -> str:
    """Return the version of the package that proposes; of backsweep also that of the sampler's rules."""
    package = importlib.metadata.version(sampler.home)
    return f"{package}, rules {SAMPLERS[sampler.name].version}" if sampler.home == "backsweep" else package


class Store:
    """A file of searches."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, Found] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                best = {int(count): loss for count, loss in entry["best"].items()}
                self._found[entry["key"]] = Found(best, entry["proposing"], entry["seconds"])

    def add(self, task: Task, found: Found) -> None:
        """Append a search."""
        self._found[task.key] = found
        entry = {"key": task.key, "best": found.best, "proposing": found.proposing, "seconds": found.seconds}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def get(self, task: Task) -> Found | None:
        """Return a search, None if it was not run."""
        return self._found.get(task.key)

    def missing(self, tasks: Iterable[Task]) -> list[Task]:
        """Return the searches that were not run."""
        return [task for task in tasks if task.key not in self._found]
