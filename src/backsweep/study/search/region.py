"""The part of a search space where its relations hold, and how every sampler keeps to it.

Uniform draws are rejected until enough of them hold; of a sequence with an order of its own - a grid, a Sobol sequence
- the points that hold are counted. A sampler with a model draws again what does not hold, and what still does not after
some rounds is moved straight towards a point that does, until it holds. All of that follows from the stream that is
given, or from a fixed seed, so that a proposal stays a function of its batch.

A relation does not bind a trial that lacks one of its parameters: by a condition, or because it is null.

Without relations the region is the whole space, and proposals are what they are without a region.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.conditions import Conditions
from backsweep.study.search.dimension import from_unit
from backsweep.sweepfile.comparisons import Match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.dimension import Dimension
    from backsweep.sweepfile.comparisons import Comparison

_REGION = 9  # keeps the streams of one seed apart
_SAMPLE = 2**14  # points by which the region's share is estimated
_MOST = 2**22  # points that are drawn to find the first that holds
_KNOWN = 256  # points that hold and are kept
_BLOCK = 4096  # points that are drawn or counted at a time
_ROUNDS = 16  # draws of a point by a model, until it is moved
_STEPS = 32  # of the way towards a point that holds
_BELOW_ONE = np.nextafter(1.0, 0.0)


class Region:
    """The points of some axes at which relations hold.

    Parameters
    ----------
    axes : of the space.
    fixed : numbers by name, which relations may name, too; of texts their codes, NaN for null.
    relations : all of them hold.
    when : the conditions of axes by their names.

    """

    def __init__(
        self,
        axes: Sequence[Dimension],
        fixed: Mapping[str, float],
        relations: Sequence[Comparison],
        when: Mapping[str, Comparison] | None = None,
    ) -> None:
        self._axes, self.relations = tuple(axes), tuple(relations)
        self.conditions = Conditions(axes, fixed, when)

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points, float64[k, p] on the axes, satisfy all relations: bool[k]."""
        good = np.ones(len(values), np.bool_)
        for _, holds in self._compared(values) if self.relations else ():
            good &= holds
        return good

    def broken(self, values: NDArray[np.float64]) -> list[Comparison]:
        """Return the relations that some of the points do not satisfy."""
        return [relation for relation, holds in self._compared(values) if not holds.all()]

    def _compared(self, values: NDArray[np.float64]) -> Iterator[tuple[Comparison, NDArray[np.bool_]]]:
        """Yield each relation and where it holds or does not bind, bool[k]."""
        values = self.conditions.masked(values)
        columns = self.conditions.columns(values)
        given = columns | {axis.name: values[:, j] for j, axis in enumerate(self._axes)}
        for relation in self.relations:
            needed = given if isinstance(relation, Match) else columns  # null can be asked for, not computed with
            lacks = np.isnan([needed[name] for name in relation.names]).any(axis=0)
            yield relation, relation.holds(columns) | lacks

    @property
    def share(self) -> float:
        """The region's share of the space, estimated from uniform points; 0.0 if not one of four million holds."""
        return self._sample[1]

    def draw(self, size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        """Return uniform points that hold, float64[size, p] on the axes."""
        values = from_unit(self._axes, stream.random((size, len(self._axes))))
        if not self.relations:
            return self.conditions.masked(values)
        missing = np.flatnonzero(~self.holds(values))
        while len(missing):
            more = from_unit(self._axes, stream.random((_BLOCK, len(self._axes))))
            more = more[self.holds(more)][: len(missing)]
            values[missing[: len(more)]] = more
            missing = missing[len(more) :]
        return self.conditions.masked(values)

    def redraw(
        self,
        points: NDArray[np.float64],
        again: Callable[[int, NDArray[np.float64]], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Return points that hold, float64[k, p] in [0, 1): those of `points` that do, others in place of the rest.

        `again` returns that many other points, and is given those that hold; what does not hold in the end is moved.
        Columns behind those of the axes go with their points.
        """
        if not self.relations:
            return points
        points = np.minimum(points, _BELOW_ONE)
        good = self.holds(from_unit(self._axes, points))
        for _ in range(_ROUNDS):
            wrong = np.flatnonzero(~good)
            if not len(wrong):
                return points
            points[wrong] = np.minimum(again(len(wrong), points[good]), _BELOW_ONE)
            good[wrong] = self.holds(from_unit(self._axes, points[wrong]))
        return self.moved(points)

    def moved(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points that hold, float64[k, p] in [0, 1): the first on the way from each to the nearest known one."""
        if not self.relations:
            return points
        known, count = self._sample[0], len(self._axes)
        parts = np.linspace(0.0, 1.0, _STEPS + 1)[:, None]
        result = points.copy()
        for row, point in enumerate(points[:, :count]):
            target = known[np.argmin(((known - point) ** 2).sum(axis=1))]
            way = np.where(parts < 1.0, point + parts * (target - point), target)
            result[row, :count] = way[np.argmax(self.holds(from_unit(self._axes, way)))]
        return result

    @cached_property
    def _sample(self) -> tuple[NDArray[np.float64], float]:
        """Uniform points that hold, float64[n, p] in [0, 1), and how large a share of all they are."""
        stream = np.random.default_rng(_REGION)
        drawn = 0
        found = np.empty((0, len(self._axes)))
        while not len(found) and drawn < _MOST:
            points = stream.random((_SAMPLE, len(self._axes)))
            found = points[self.holds(from_unit(self._axes, points))]
            drawn += _SAMPLE
        return found[:_KNOWN], len(found) / drawn


class Sequel:
    """The points of a sequence that hold, batch by batch.

    `points` returns those from a number on, so many; `counts`, which of some count, those in the region if it is None.
    Batches may come in any order; where they come one after the other, each point is looked at once.
    """

    def __init__(
        self,
        region: Region,
        points: Callable[[int, int], NDArray[np.float64]],
        counts: Callable[[NDArray[np.float64]], NDArray[np.bool_]] | None = None,
    ) -> None:
        self._counts = counts or (region.holds if region.relations else None)
        self._points = points
        self._next = (0, 0)  # batch, and the number of the first point that may be in it

    def batch(self, batch: int, size: int) -> NDArray[np.float64]:
        """Return the points of a batch, float64[size, p] on the axes; all batches have the same size."""
        if self._counts is None:
            return self._points(batch * size, size)
        known, place = self._next if self._next[0] <= batch else (0, 0)
        skipped, parts = (batch - known) * size, []
        missing = size
        while missing:
            values = self._points(place, _BLOCK)
            good = np.flatnonzero(self._counts(values))
            used = good[skipped : skipped + missing]
            skipped = max(0, skipped - len(good))
            missing -= len(used)
            parts.append(values[used])
            place += _BLOCK if missing else int(used[-1]) + 1
        self._next = (batch + 1, place)
        return np.concatenate(parts)
