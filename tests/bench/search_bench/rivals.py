"""The samplers of Optuna and of rustuna, asked for one trial after the other, as they are meant to be.

Rustuna is no dependency of the project: `make search-bench` installs it into a folder of its own. Where a sampler takes
no constraints, a trial that breaks some is told as worse than any that breaks none.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from backsweep.study.search.dimension import Dimension
from search_bench.objectives import Array, Objective

optuna.logging.set_verbosity(optuna.logging.ERROR)

Ask = Callable[[], tuple[Any, Array]]
Tell = Callable[[Any, float, Array], None]

BROKEN = 1e6
"""What a violation adds to the loss where a sampler takes no constraints."""


class Optuna:
    """A study of Optuna's in memory."""

    takes_constraints = frozenset({"TPESampler", "NSGAIISampler", "NSGAIIISampler"})

    def __init__(self, name: str, objective: Objective, seed: int, options: dict[str, Any]) -> None:
        self._axes = objective.axes
        self._told = name in self.takes_constraints
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is experimental
            sampler = getattr(optuna.samplers, name)(seed=seed, **options)
        self._study = optuna.create_study(sampler=sampler)
        self._distributions = {axis.name: distribution(axis) for axis in self._axes}

    def ask(self) -> tuple[Any, Array]:
        """Return a trial, and its values on the axes."""
        trial = self._study.ask(self._distributions)
        return trial, np.array([float(trial.params[axis.name]) for axis in self._axes])

    def tell(self, trial: Any, loss: float, violations: Array) -> None:
        """Return a trial with its outcome."""
        if not np.isfinite(loss):
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return
        if self._told:
            for j, violation in enumerate(violations):
                trial.set_constraint(str(j), float(violation))
        self._study.tell(trial, loss if self._told else penalised(loss, violations))


class Rustuna:
    """A study of rustuna's in memory."""

    takes_constraints = frozenset({"TPESampler", "NSGAIISampler"})

    def __init__(self, name: str, objective: Objective, seed: int, options: dict[str, Any]) -> None:
        rustuna = importlib.import_module("rustuna")
        self._axes = objective.axes
        self._told = name in self.takes_constraints
        self._study = rustuna.create_study(sampler=getattr(rustuna.samplers, name)(seed=seed, **options))

    def ask(self) -> tuple[Any, Array]:
        """Return a trial, and its values on the axes."""
        trial = self._study.ask()
        return trial, np.array([float(suggest(trial, axis)) for axis in self._axes])

    def tell(self, trial: Any, loss: float, violations: Array) -> None:
        """Return a trial with its outcome."""
        if self._told:
            trial.set_constraints({str(j): float(violation) for j, violation in enumerate(violations)})
        value = loss if self._told else penalised(loss, violations)
        self._study.tell(trial.number, value if np.isfinite(value) else BROKEN)


def penalised(loss: float, violations: Array) -> float:
    """Return a loss that is worse than any without violations, and the more so the larger they are."""
    excess = float(np.minimum(np.maximum(violations, 0.0), BROKEN).sum())
    return loss if excess == 0.0 else BROKEN * (1.0 + excess)


def distribution(axis: Dimension) -> BaseDistribution:
    """Return Optuna's name for an axis."""
    if axis.choices is not None:
        return CategoricalDistribution(axis.choices)
    if axis.integer:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log, step=int(axis.step or 1))
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def suggest(trial: Any, axis: Dimension) -> Any:
    """Return rustuna's proposal on an axis."""
    if axis.choices is not None:
        return trial.suggest_categorical(axis.name, list(axis.choices))
    if axis.integer:
        return trial.suggest_int(axis.name, int(axis.low), int(axis.high), step=int(axis.step or 1), log=axis.log)
    return trial.suggest_float(axis.name, axis.low, axis.high, step=axis.step, log=axis.log)
