"""Steps to the least point of a quadratic that is fitted to the trials around a good one.

The losses of the trials nearest to one of the best are fitted by a quadratic, full or, where there are too few trials
or too many axes, without products of two axes; its least point within the distance of those trials is proposed. As
good trials come to lie closer together, so do the fitted ones, and the steps shrink with them: there is no radius to
keep. Fits to few and to many trials take turns: the former find the bottom of a curved valley, the latter see through
noise and ripples.

What is fitted are the best feasible trials with the choices of the good one and the parameters that it has, at most
`_KEPT` of them. A point that is known is not proposed again, nor one where a relation does not hold or conditions call
for other parameters; the other sampler fills the batch. The proposals of a batch follow from the observed batches and
its number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.compile.kernel import compiled
from backsweep.study.search.elementary import exp_of, normal_quantile
from backsweep.study.search.quadratic import quadratic_step, terms
from backsweep.study.search.tpe.axes import CHOICE, Axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.proposals import Observations, Proposals
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

_MODELS = 10  # keeps the streams of one seed apart
_SHARE, _MOST = 4, 4  # of a batch one trial in so many, and at most so many
_KEPT = 1024  # trials
_BEST, _AROUND_BEST = 10, 2  # trials around which is fitted; so many proposals of a batch are around the best one
_SIZES = (1.5, 3.0, 6.0)  # trials in a fit, as multiples of its terms
_FULL = 91  # terms of a full quadratic at most: of 12 axes
_RADII = (0.7, 0.7, 0.35, 0.35)  # of the distance of the furthest trial in a fit
_ASIDE = (0.1, 0.3)  # of the length of a step: how far it is moved at random, so that fits see all directions


class LocalModels:
    """The best trials, and steps from them."""

    def __init__(self, space: Space, search: Search) -> None:
        self._axes, self._seed, self._region = Axes(space.dimensions), search.seed, space.region
        self._numeric = self._axes.table.kind != CHOICE
        self._values = np.empty((0, len(space.dimensions)))
        self._losses = np.empty(0)

    def observe(self, observed: Observations) -> None:
        """Keep the best of what is known."""
        usable = ~observed.failed & np.isfinite(observed.losses[:, 0]) & (observed.violations <= 0.0).all(axis=1)
        values = np.concatenate([self._values, observed.proposals.values[usable]])
        losses = np.concatenate([self._losses, observed.losses[usable, 0]])
        kept = np.argsort(losses, kind="stable")[:_KEPT]
        self._values, self._losses = values[kept], losses[kept]

    observe_given = observe
    """Keep the best of given trials, too."""

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> NDArray[np.float64]:
        """Return at most a quarter of a batch of `size` trials, float64[n, p] in the space's columns."""
        latent = self._axes.to_latent(self._values)
        stream = np.random.default_rng([_MODELS, self._seed, batch])
        points = np.empty((0, latent.shape[1]))
        for turn in range(min(size // _SHARE, _MOST) if len(latent) else 0):
            place, *uniform = stream.random(1 + latent.shape[1])
            good = 0 if turn < _AROUND_BEST else int(place * min(_BEST, len(latent)))
            point = self._step(latent, good, turn, _SIZES[(batch + turn) % len(_SIZES)], np.array(uniform))
            points = np.concatenate([points, point])
        values = self._axes.to_values(points)
        complete = (np.isnan(values) != self._region.conditions.active(values)).all(axis=1)
        return self._new(values[self._region.holds(values) & complete], running)

    def _step(
        self, latent: NDArray[np.float64], good: int, turn: int, size: float, uniform: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the point after a step from a good trial, latent: float64[1, p], or none where nothing is fitted."""
        point = latent[good].copy()
        numeric = self._numeric & ~np.isnan(point)
        others = latent[:, ~numeric]
        alike = ((others == point[~numeric]) | (np.isnan(others) & np.isnan(point[~numeric]))).all(axis=1)
        steps, losses = latent[alike][:, numeric] - point[numeric], self._losses[alike]
        p = steps.shape[1]
        full = terms(p, full=True) <= min(_FULL, len(steps) // _SIZES[0])
        fitted = min(len(steps), int(size * terms(p, full=full)) + 2)
        squares = squared_lengths(steps)
        near = np.argsort(squares, kind="stable")[:fitted]
        distance = math.sqrt(squares[near[-1]])
        if not p or fitted < terms(p, full=False) + 2 or not distance > 0.0:
            return np.empty((0, len(point)))
        losses = losses[near] - losses[near].min()
        scaled, weights = steps[near] / distance, exp_of(-squares[near] / squares[near[-1]])
        step = quadratic_step(scaled, losses / (losses.max() or 1.0), weights, full, _RADII[turn])
        aside = _ASIDE[turn % 2] * math.sqrt(sum(part * part for part in step.tolist()) / p)
        step += aside * np.array([normal_quantile(max(each, 2.0**-54)) for each in uniform[numeric]])
        point[numeric] = np.clip(point[numeric] + distance * step, 0.0, 1.0)
        found: NDArray[np.float64] = point[None]
        return found

    def _new(self, values: NDArray[np.float64], running: Sequence[Proposals]) -> NDArray[np.float64]:
        """Return the points that are neither known nor running, each once."""
        known = {row.tobytes() for each in (self._values, *(each.values for each in running)) for row in each}
        new = {row.tobytes(): row for row in values}
        return np.array([row for key, row in new.items() if key not in known]).reshape(-1, values.shape[1])


@compiled
def squared_lengths(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared length of every row, float64[k] of float64[k, p]."""
    k, p = steps.shape
    squares = np.zeros(k)
    for i in range(k):
        for j in range(p):
            squares[i] += steps[i, j] * steps[i, j]
    return squares
