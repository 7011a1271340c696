"""What the samplers search: functions, and the two backtests of `backtests.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray  # noqa: TC002 - imports stand at the top of a file, once

from backsweep.study.search.dimension import Dimension
from search_bench.functions import (
    Array,
    ackley,
    branin_mixed,
    choices,
    ellipsoid,
    griewank,
    hartmann,
    kinds,
    levy,
    mixed,
    noise,
    plateau,
    rastrigin,
    rosenbrock,
    sphere,
    styblinski_tang,
)


@dataclass(frozen=True)
class Outcomes:
    """Losses of trials, float64[k], and violations, float64[k, constraints], at most 0 where a constraint holds."""

    losses: Array
    violations: Array

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Whether each trial keeps all constraints and has a loss."""
        return (self.violations <= 0.0).all(axis=1) & np.isfinite(self.losses)


@dataclass(frozen=True)
class Objective:
    """A search space, what a sampler is told, and by what the best trial is judged.

    `evaluate` and `judge` are given float64[k, axes]. `judge` returns float64[k] without the noise, or out of sample.
    `tuned` are those that this project's TPE was made with; on these and the other functions it was measured when
    CMA-ES should begin and how proposals are crossed. Losses below `floor` count as equal; see `FOUND`.
    """

    name: str
    axes: tuple[Dimension, ...]
    evaluate: Callable[[Array], Outcomes]
    judge: Callable[[Array], Array]
    tuned: bool = False
    constraints: int = 0
    floor: float | None = None


FOUND = 1e-8
"""Of a function without noise: the last target of the benchmarks of COCO; what is below counts as equal."""


def free(loss: Callable[[Array], Array]) -> Callable[[Array], Outcomes]:
    """Return what evaluates a loss without constraints."""
    return lambda x: Outcomes(loss(x), np.empty((len(x), 0)))


def box(count: int, low: float, high: float) -> tuple[Dimension, ...]:
    """Return continuous axes of one range."""
    return tuple(Dimension(f"x{i}", low, high) for i in range(count))


BRANIN_AXES = (
    Dimension("rate", 1e-3, 1e2, log=True),
    Dimension("count", 0, 150, 1.0, integer=True),
    Dimension("span", 1, 512, 1.0, log=True, integer=True),
    Dimension("share", 0.0, 1.0, 0.05),
)


KINDS_AXES = (
    Dimension("kind", integer=True, choices=(0, 1, 2, 3)),
    Dimension("a", 0.0, 1.0),
    Dimension("b", 0.0, 1.0),
    Dimension("whole", 1, 50, 1.0, integer=True),
    Dimension("flag", choices=(False, True)),
    Dimension("rate", 1e-3, 10.0, log=True),
)


CHOICES_AXES = tuple(Dimension(f"c{i}", integer=True, choices=tuple(range(6))) for i in range(8))


PLATEAU_AXES = (
    Dimension("threshold", 0.5, 4.0),
    Dimension("stop", 0.002, 0.2, log=True),
    Dimension("target", 0.005, 0.2, 0.001),
    Dimension("window", 5, 250, 1.0, integer=True),
)


MIXED_AXES = (
    Dimension("rule", integer=True, choices=(0, 1, 2)),
    Dimension("fast", 2, 60, 1.0, log=True, integer=True),
    Dimension("slow", 10, 400, 1.0, log=True, integer=True),
    Dimension("ratio", 0.5, 8.0, 0.25),
    Dimension("flag", choices=(False, True)),
    Dimension("entry", 0.0, 4.0),
    Dimension("exit", -2.0, 2.0),
)


def exact(name: str, axes: tuple[Dimension, ...], loss: Callable[[Array], Array], *, tuned: bool = False) -> Objective:
    """Return an objective without noise."""
    return Objective(name, axes, free(loss), loss, tuned=tuned, floor=FOUND)


def noisy_plateau(x: Array) -> Outcomes:
    """Return the plateau with noise of a Sharpe ratio over some years."""
    loss, violations = plateau(x)
    return Outcomes(loss + 0.08 * noise(x), violations)


FUNCTIONS = (
    exact("sphere, 6", box(6, -5.0, 5.0), sphere, tuned=True),
    exact("Rosenbrock, 4", box(4, -5.0, 5.0), rosenbrock, tuned=True),
    exact("Ackley, 8", box(8, -32.768, 32.768), ackley, tuned=True),
    exact("Branin, mixed axes", BRANIN_AXES, branin_mixed, tuned=True),
    exact("kinds with axes of their own", KINDS_AXES, kinds, tuned=True),
    Objective(
        "plateau, noise, constraints", PLATEAU_AXES, noisy_plateau, lambda x: plateau(x)[0], tuned=True, constraints=2
    ),
    exact("Levy, 10", box(10, -10.0, 10.0), levy),
    exact("Griewank, 6, turned", box(6, -600.0, 600.0), griewank),
    exact("Styblinski-Tang, 5, turned", box(5, -5.0, 5.0), styblinski_tang),
    exact("Hartmann, 6", box(6, 0.0, 1.0), hartmann),
    exact("Rastrigin, 6", box(6, -5.12, 5.12), rastrigin),
    exact("ellipsoid, 12, turned", box(12, -5.0, 5.0), ellipsoid),
    exact("choices, 8 of 6", CHOICES_AXES, choices),
    Objective("rules and windows, noise", MIXED_AXES, free(lambda x: mixed(x) + 0.1 * noise(x)), mixed),
)
