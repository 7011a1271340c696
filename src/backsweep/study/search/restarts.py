"""CMA-ES searches that follow one another beside another sampler.

The first half of a batch is the next generation of a search; where half a batch is larger than a generation may be, of
several searches side by side. A generation is drawn as soon as its batch may be proposed, which is before its `lag - 1`
predecessors are known, so that a search is told of each a little late, against its present mean; that takes fewer
batches than searches that take turns. Everything is drawn when a batch has been observed, whoever asks for it later, so
that the state follows from the observed batches.

The first search begins at the best trial, narrowly. A search ends when its generation has become narrow, flat or
degenerate, or has long found nothing better. The next one begins anywhere, or, every second time, at one of the best
trials of the study. On an axis of choices a search stands still, and on one whose condition does not hold where it
begins.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.cma import Cma
from backsweep.study.search.elementary import exp
from backsweep.study.search.proposals import ranked
from backsweep.study.search.tpe.axes import CHOICE, Axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.study.search.proposals import Observations
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

_RESTARTS = 8  # keeps the streams of one seed apart
_SMALLEST, _LARGEST = 4, 64  # trials in a generation
_BEST = 25  # trials at which a search may begin
_SPREAD = 0.25  # of the axes: the first standard deviation of a search that begins anywhere
_FIRST_SPREAD = 0.05  # that of the first search
_NARROW = 1e-9  # of the axes
_DEGENERATE = 1e7
_LN_10 = 2.302585092994046


class LocalSearch:
    """One search on the axes without choices; `point` is the latent point whose choices it keeps."""

    def __init__(
        self, point: NDArray[np.float64], free: NDArray[np.bool_], scale: float, stream: np.random.Generator
    ) -> None:
        self._point, self._free = point, free
        self._cma = Cma(point[free], scale, stream)
        self._best, self._since = (math.inf, math.inf, math.inf), 0
        self.ended = False

    def draw(self, size: int) -> NDArray[np.float64]:
        """Draw a generation, latent: float64[size, p]."""
        points = np.tile(self._point, (size, 1))
        points[:, self._free] = self._cma.draw(size)
        return points

    def tell(self, points: NDArray[np.float64], observed: Observations, rows: slice) -> None:
        """Move towards the better points of a generation, or end."""
        if self.ended:
            return
        losses, violations, failed = observed.losses[rows], observed.violations[rows], observed.failed[rows]
        order = ranked(losses, violations, failed)
        best, worst = (_merit(losses[row, 0], violations[row], failed[row]) for row in (order[0], order[-1]))
        self._since = 0 if best < self._best else self._since + 1
        self._best = min(best, self._best)
        self._cma.tell(points[order][:, self._free])
        patience = 10 + 30 * int(self._free.sum()) // len(order)
        narrow = self._cma.spread < _NARROW or self._cma.ratio > _DEGENERATE
        self.ended = narrow or best == worst or self._since > patience


def _merit(loss: float, violations: NDArray[np.float64], failed: np.bool_) -> tuple[float, float, float]:
    """Return what `ranked` orders by."""
    excess = float(np.maximum(violations, 0.0).sum())
    return float(failed), excess, float(loss) if excess == 0.0 and math.isfinite(loss) else math.inf


class Restarts:
    """Searches from `start` observed trials on."""

    def __init__(self, space: Space, search: Search, start: int) -> None:
        self._axes, self._seed, self._start = Axes(space.dimensions), search.seed, start
        self._region, self._masked = space.region, space.masked
        self._free = self._axes.table.kind != CHOICE
        half = search.batch // 2
        self._sizes = [min(_LARGEST, half - first) for first in range(0, half, _LARGEST)] if self._free.any() else []
        self._searches: list[LocalSearch | None] = [None] * len(self._sizes)
        self._drawn: deque[list[tuple[LocalSearch, NDArray[np.float64]]]] = deque([] for _ in range(search.lag))
        self._observed = self._trials = self._begun = 0
        self._best = (np.empty((0, len(space.dimensions))), np.empty((0, 1)), np.empty((0, 0)))

    def propose(self, batch: int, size: int) -> NDArray[np.float64]:
        """Return the searches' points of a batch, float64[n, p] in the space's columns; n is at most half of `size`."""
        parts = [points for _, points in self._parts(self._drawn[batch - self._observed], size)]
        return self._masked(self._axes.to_values(np.concatenate([np.empty((0, len(self._free))), *parts])))

    def observe(self, observed: Observations) -> None:
        """Update the searches with the next batch, and draw for the batch that may be proposed now."""
        first = 0
        for search, points in self._parts(self._drawn.popleft(), len(observed.failed)):
            search.tell(points, observed, slice(first, first + len(points)))
            first += len(points)
        self.observe_given(observed)
        self._observed += 1
        drawn = []
        if self._trials >= self._start and len(self._best[0]):
            searches = [self._begin() if each is None or each.ended else each for each in self._searches]
            drawn = [(search, self._draw(search, size)) for search, size in zip(searches, self._sizes, strict=True)]
            self._searches[:] = searches
        self._drawn.append(drawn)

    def observe_given(self, observed: Observations) -> None:
        """Count trials that are in no batch of the searches, and remember the best of them."""
        self._keep_best(observed)
        self._trials += len(observed.failed)

    def _draw(self, search: LocalSearch, size: int) -> NDArray[np.float64]:
        """Draw a generation in the region of the space where its relations hold, latent: float64[size, p]."""
        if not self._region.relations:
            return search.draw(size)
        unit = self._axes.to_unit(search.draw(size))
        unit = self._region.redraw(unit, lambda count, _: self._axes.to_unit(search.draw(count)))
        return self._axes.from_unit(unit)

    @staticmethod
    def _parts(
        drawn: list[tuple[LocalSearch, NDArray[np.float64]]], size: int
    ) -> list[tuple[LocalSearch, NDArray[np.float64]]]:
        """Return what of the drawn generations is in a batch of so many trials: the first half, in order."""
        parts, room = [], size // 2
        for search, points in drawn:
            used = points[:room]
            if len(used) >= _SMALLEST:
                parts.append((search, used))
            room = max(room - len(used), 0)
        return parts

    def _keep_best(self, observed: Observations) -> None:
        usable = ~observed.failed & np.isfinite(observed.losses).all(axis=1)
        new = (observed.proposals.values, observed.losses, observed.violations)
        old = self._best if len(self._best[0]) else tuple(each[:0] for each in new)
        values, losses, violations = (np.concatenate([a, b[usable]]) for a, b in zip(old, new, strict=True))
        order = ranked(losses, violations, np.zeros(len(losses), np.bool_))[:_BEST]
        self._best = values[order], losses[order], violations[order]

    def _begin(self) -> LocalSearch:
        """Return a new search: the first begins at the best trial; every second one anywhere; others at a good one."""
        stream = np.random.default_rng([_RESTARTS, self._seed, self._begun])
        self._begun += 1
        if self._begun == 1:
            point = self._good(0)
            return LocalSearch(point, self._free_at(point), _FIRST_SPREAD, stream)
        if self._begun % 2 == 0:
            unit = stream.random(len(self._free))
            point = np.where(self._free, unit, np.floor(unit * self._axes.table.size))
            return LocalSearch(point, self._free_at(point), _SPREAD, stream)
        place, width = stream.random(2)
        point = self._good(int(place * len(self._best[0])))
        return LocalSearch(point, self._free_at(point), _SPREAD * exp(-_LN_10 * width), stream)

    def _good(self, rank: int) -> NDArray[np.float64]:
        """Return the best trial but `rank`, latent, float64[p]; what it does not have lies in the middle."""
        point = self._axes.to_latent(self._best[0][[rank]])[0]
        return np.where(np.isnan(point), np.where(self._free, 0.5, 0.0), point)

    def _free_at(self, point: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the axes that a search from a latent point moves on: those that trials there have, if any."""
        free: NDArray[np.bool_] = self._free & self._region.conditions.active(self._axes.to_values(point[None]))[0]
        return free if free.any() else self._free
