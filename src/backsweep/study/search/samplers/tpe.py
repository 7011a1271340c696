"""TPE: a tree-structured Parzen estimator, which proposes where good trials are dense and bad ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.proposals import Observations, Proposals, Proposer
from backsweep.study.search.tpe.search import Tpe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

_TPE = 6  # keeps the streams of one seed apart


class _TpeInside(Tpe):
    """TPE in the region where the relations of a space hold."""

    def __init__(self, space: Space, objectives: int) -> None:
        conditions = space.region.conditions
        super().__init__(space.dimensions, objectives, refined=True, conditions=conditions if space.when else None)
        self._space = space

    def draw(self, size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        """Return uniform points that hold, float64[size, p]."""
        return self._space.region.draw(size, stream)

    def choose(
        self, size: int, stream: np.random.Generator, running: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Return proposals that follow from the trials observed and hold, float64[size, p] on the axes."""
        space, first = self._space, super().choose(size, stream, running)
        if not space.relations:
            return first

        def again(count: int, kept: NDArray[np.float64]) -> NDArray[np.float64]:
            return space.to_unit(Tpe.choose(self, count, stream, [*running, space.from_unit(kept)]))

        return space.from_unit(space.region.redraw(space.to_unit(first), again))


class TpeProposer(Proposer):
    """Batches of the refined TPE, made from the best and the latest trials."""

    def __init__(self, space: Space, search: Search, where: str) -> None:  # noqa: ARG002 - the same for all samplers
        self._seed = search.seed
        self._tpe = _TpeInside(space, len(search.objective))

    def observe(self, observed: Observations) -> None:
        """Add the trials of a batch that did not fail."""
        usable = ~observed.failed
        losses = observed.losses[usable]
        losses = np.where(np.isfinite(losses), losses, np.nan)
        self._tpe.observe(observed.proposals.values[usable], losses, observed.violations[usable])

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:
        """Propose from the trials observed and those that are running, with a stream of the batch's own."""
        stream = np.random.default_rng([_TPE, self._seed, batch])
        return Proposals(self._tpe.propose(size, stream, [proposals.values for proposals in running]))


make = TpeProposer
