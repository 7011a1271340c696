"""The search itself: what is known of a space's trials, and the next ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.dimension import from_unit
from backsweep.study.search.tpe.archive import Archive
from backsweep.study.search.tpe.axes import Axes
from backsweep.study.search.tpe.candidates import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.conditions import Conditions
    from backsweep.study.search.dimension import Dimension

STARTUP = 10
"""As long as fewer trials are known, proposals are uniform."""
CANDIDATES = 24
UNIFORM = 8
"""Of a refined search one proposal in so many is uniform."""
REFINED = 270
"""Trials from which on a search is refined: by then Optuna's least width of good kernels is 1/27 of the axis."""
OWN = 0.3
"""The probability that a crossed proposal keeps its own value on an axis; on one of them it always does."""
IN_FLIGHT = 512
"""Of the trials that are not finished the latest so many count, so that a proposal's cost is bounded."""
_TOGETHER = 256


class Tpe:
    """A tree-structured Parzen estimator over some axes.

    With one objective the axes are searched together, with several each by itself, as Optuna does by default. It is
    Optuna's TPE unless `refined`. Then each proposal is crossed with one of the best trials: it keeps its own values on
    some axes, drawn at random, and has that trial's on the others (uniform crossover; Syswerda 1989). Kernels are
    products, so that a proposal of theirs moves on all axes at once, and hardly ever improves a trial on many of them.
    And from REFINED trials on the least width of good kernels shrinks with the number n of trials, as 10 / n, and an
    eighth of a batch, its last proposals, is uniform.

    Axes with conditions are each searched by itself, from the trials that have them and for the proposals that do, as
    Optuna searches a space whose parameters not all trials have.
    """

    def __init__(
        self,
        dimensions: Sequence[Dimension],
        objectives: int = 1,
        *,
        refined: bool = False,
        conditions: Conditions | None = None,
    ) -> None:
        self.axes = Axes(dimensions)
        self.archive = Archive(len(dimensions), objectives)
        self._conditions = conditions
        count, alone = len(dimensions), [] if conditions is None else conditions.places
        always = [j for j in range(count) if j not in alone]
        parts = [[j] for j in always] if objectives > 1 else [always] if always else []
        groups = (np.array(part) for part in (*parts, *([j] for j in alone)))
        self._groups = [(part, self.axes.only(part)) for part in groups]
        self._refined = refined

    def observe(
        self,
        values: NDArray[np.float64],
        losses: NDArray[np.float64],
        violations: NDArray[np.float64],
        progress: NDArray[np.float64] | None = None,
    ) -> None:
        """Add trials that are finished and did not fail, in their order.

        `values`, float64[k, p], are on the axes, NaN where a trial has none; `losses`, float64[k, m], NaN where
        undefined, smaller is better; `violations`, float64[k, c], at most 0 where a constraint holds; `progress` as
        `Archive.add` has it.
        """
        excess = np.maximum(violations, 0.0).sum(axis=1)
        self.archive.add(self.axes.to_latent(values), losses, excess, progress)

    def propose(
        self, size: int, stream: np.random.Generator, running: Sequence[NDArray[np.float64]] = ()
    ) -> NDArray[np.float64]:
        """Return `size` proposals on the axes, float64[size, p], that follow from the trials observed and the stream.

        `running` are the values of trials that are not finished, the earliest first.
        """
        uniform = size if self._is_starting else size // UNIFORM if self.is_refined else 0
        parts = [self.choose(size - uniform, stream, running)] if size > uniform else []
        return np.concatenate([*parts, self.draw(uniform, stream)])

    def draw(self, size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        """Return points that are uniform on every axis, float64[size, p]."""
        return from_unit(self.axes.dimensions, stream.random((size, len(self.axes.dimensions))))

    @property
    def _is_starting(self) -> bool:
        return self.archive.count < STARTUP or self.archive.defined == 0

    @property
    def is_refined(self) -> bool:
        """Whether its kernels are now narrower than Optuna's, and some of its proposals uniform."""
        return self._refined and self.archive.count >= REFINED

    def choose(
        self, size: int, stream: np.random.Generator, running: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Return proposals that follow from the trials observed, float64[size, p] on the axes."""
        good, bad, parents = self.archive.split()
        least = 10.0 / self.archive.count if self.is_refined else 1.0
        flying = np.concatenate([np.empty((0, good.shape[1])), *map(self.axes.to_latent, running)])
        before = len(flying)
        for start in range(0, size, _TOGETHER):
            count = min(_TOGETHER, size - start)
            known = np.concatenate([bad, flying[-IN_FLIGHT:]])
            inherited = self._inherited(parents, count, stream)
            chosen = np.full((count, good.shape[1]), np.nan)
            for part, table in self._groups:
                rows = self._rows_with(int(part[0]), chosen)
                uniforms = stream.random((len(rows), CANDIDATES, len(table.kind) + 1))
                found = choose(table, _present(good[:, part]), _present(known[:, part]), least, uniforms)
                given = inherited[np.ix_(rows, part)]
                chosen[np.ix_(rows, part)] = np.where(np.isnan(given), found, given)
            flying = np.concatenate([flying, chosen])
        return self.axes.to_values(flying[before:])

    def _inherited(self, parents: NDArray[np.float64], count: int, stream: np.random.Generator) -> NDArray[np.float64]:
        """Return what proposals have from one of the best trials each, latent float64[count, p]; NaN: their own value.

        Their own it is, too, on an axis whose condition does not hold for that trial.
        """
        p = parents.shape[1]
        if not self._refined:
            return np.full((count, p), np.nan)
        uniform = stream.random((count, p + 2))
        inherited = parents[(uniform[:, 0] * len(parents)).astype(np.int64)]
        inherited[uniform[:, 2:] < OWN] = np.nan
        inherited[np.arange(count), (uniform[:, 1] * p).astype(np.int64)] = np.nan
        return inherited

    def _rows_with(self, axis: int, chosen: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return which proposals, latent so far, have an axis: all where it has no condition."""
        if self._conditions is None or axis not in self._conditions.places:
            return np.arange(len(chosen))
        return np.flatnonzero(self._conditions.active(self.axes.to_values(chosen))[:, axis])


def _present(latent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the trials that have a value on every axis."""
    return np.ascontiguousarray(latent[~np.isnan(latent).any(axis=1)])
