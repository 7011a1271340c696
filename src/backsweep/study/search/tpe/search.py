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
IN_FLIGHT = 512
"""Of the trials that are not finished the latest so many count, so that a proposal's cost is bounded."""
_TOGETHER = 256


class Tpe:
    """A tree-structured Parzen estimator over some axes.

    With one objective the axes are searched together, with several each by itself, as Optuna does by default. It is
    Optuna's TPE unless `refined`: then, from REFINED trials on, the least width of good kernels shrinks with the number
    n of trials, as 10 / n, and an eighth of a batch, its last proposals, is uniform.

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
        """Whether it now proposes otherwise than Optuna's TPE."""
        return self._refined and self.archive.count >= REFINED

    def choose(
        self, size: int, stream: np.random.Generator, running: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Return proposals that follow from the trials observed, float64[size, p] on the axes."""
        good, bad = self.archive.split()
        least = 10.0 / self.archive.count if self.is_refined else 1.0
        flying = np.concatenate([np.empty((0, good.shape[1])), *map(self.axes.to_latent, running)])
        before = len(flying)
        for start in range(0, size, _TOGETHER):
            count = min(_TOGETHER, size - start)
            known = np.concatenate([bad, flying[-IN_FLIGHT:]])
            chosen = np.full((count, good.shape[1]), np.nan)
            for part, table in self._groups:
                rows = self._rows_with(int(part[0]), chosen)
                uniforms = stream.random((len(rows), CANDIDATES, len(table.kind) + 1))
                found = choose(table, _present(good[:, part]), _present(known[:, part]), least, uniforms)
                chosen[np.ix_(rows, part)] = found
            flying = np.concatenate([flying, chosen])
        return self.axes.to_values(flying[before:])

    def _rows_with(self, axis: int, chosen: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return which proposals, latent so far, have an axis: all where it has no condition."""
        if self._conditions is None or axis not in self._conditions.places:
            return np.arange(len(chosen))
        return np.flatnonzero(self._conditions.active(self.axes.to_values(chosen))[:, axis])


def _present(latent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the trials that have a value on every axis."""
    return np.ascontiguousarray(latent[~np.isnan(latent).any(axis=1)])
