"""One search: a sampler on an objective, and how good its best trial is after so many."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from search_bench.backtests import CASES, backtest
from search_bench.objectives import FUNCTIONS, Array, Objective, Outcomes
from search_bench.proposers import in_batches
from search_bench.rivals import Optuna, Rustuna

COUNTS = (200, 1_000, 5_000, 50_000)


@dataclass(frozen=True)
class Sampler:
    """A sampler of the table.

    Attributes
    ----------
    home : whose it is: `backsweep`, `optuna` or `rustuna`.
    name : in the sweep file, or its class.
    options : its own, besides the seed.
    most : trials that it is run for; more take too long.
    seeds : how many searches of each objective.
    long : with how many of the seeds; with the others it is run for 5,000 trials at most.

    """

    home: str
    name: str
    options: tuple[tuple[str, Any], ...] = ()
    most: int = COUNTS[-1]
    seeds: int = 5
    long: int = 5

    def trials(self, seed: int) -> int:
        """Return for how many trials it is run."""
        return self.most if seed < self.long else min(self.most, COUNTS[2])

    @property
    def label(self) -> str:
        """What the table calls it."""
        options = "".join(f", {key} {str(value).lower()}" for key, value in self.options)
        return f"{self.home} {self.name.removesuffix('Sampler')}{options}"


@dataclass(frozen=True)
class Found:
    """What came of a search: by counts of trials the judged loss of the best; seconds in the sampler; and in all."""

    best: dict[int, float]
    proposing: float
    seconds: float


@cache
def objective_of(name: str) -> Objective:
    """Return the objective of this name, made once a process."""
    return next((each for each in FUNCTIONS if each.name == name), None) or backtest(name)


OBJECTIVES = (*(each.name for each in FUNCTIONS), *CASES)


def search(sampler: Sampler, name: str, seed: int, trials: int) -> Found:
    """Run one search of so many trials."""
    objective = objective_of(name)
    begun = time.perf_counter()
    if sampler.home == "backsweep":
        x, outcomes, proposing = in_batches(sampler.name, objective, seed, trials)
    else:
        x, outcomes, proposing = one_by_one(sampler, objective, seed, trials)
    best = best_after(objective, x, outcomes, [count for count in COUNTS if count <= trials])
    return Found(best, proposing, time.perf_counter() - begun)


def one_by_one(sampler: Sampler, objective: Objective, seed: int, trials: int) -> tuple[Array, Outcomes, float]:
    """Ask for a trial, evaluate it, tell its outcome; return values, outcomes and the sampler's seconds."""
    study = (Optuna if sampler.home == "optuna" else Rustuna)(sampler.name, objective, seed, dict(sampler.options))
    x = np.empty((trials, len(objective.axes)))
    losses, violations = np.empty(trials), np.empty((trials, objective.constraints))
    proposing = 0.0
    for number in range(trials):
        begun = time.process_time()
        trial, x[number] = study.ask()
        proposing += time.process_time() - begun
        outcome = objective.evaluate(x[number : number + 1])
        losses[number], violations[number] = outcome.losses[0], outcome.violations[0]
        begun = time.process_time()
        study.tell(trial, float(losses[number]), violations[number])
        proposing += time.process_time() - begun
    return x, Outcomes(losses, violations), proposing


def best_after(objective: Objective, x: Array, outcomes: Outcomes, counts: list[int]) -> dict[int, float]:
    """Return by counts of trials the judged loss of the best feasible one among so many; inf where none is feasible."""
    ranked = np.where(outcomes.feasible, outcomes.losses, np.inf)
    found = {}
    for count in counts:
        best = int(np.argmin(ranked[:count]))
        judged = float(objective.judge(x[best : best + 1])[0]) if np.isfinite(ranked[best]) else np.inf
        found[count] = judged if objective.floor is None else max(judged, objective.floor)
    return found
