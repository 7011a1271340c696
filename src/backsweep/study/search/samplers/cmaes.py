"""CMA-ES: a normal distribution over the unit cube that moves and stretches towards better trials.

A generation is a batch. Because batch k is proposed before its `lag - 1` predecessors are known, there are `lag`
independent searches that take turns: batch k belongs to search k modulo lag and follows from that search's own earlier
batches, all of which are known by then. No trial is wasted, and the searches start from the same middle with different
random numbers. Of given trials, the best is where the last of the searches begins: the others have begun by then.

Outcomes enter as ranks (CMA-ES uses nothing else), so constraints, undefined objectives and failures only have to be
ordered. The state is rebuilt by asking and telling again, from the seed and the outcomes alone. Axes with few values,
choices included, are equal parts of the unit interval in their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from cmaes import CMA

from backsweep.errors import BadInput
from backsweep.study.search.proposals import Proposals, Proposer, ranked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.proposals import Observations
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

_CMA = 3  # keeps the streams of one seed apart
_SMALLEST = 4  # trials in a generation
_SPREAD = 0.25  # of the unit interval: the first standard deviation on every axis
_BELOW_ONE = np.nextafter(1.0, 0.0)


class _Search:
    """One of the searches that take turns, with its last generation."""

    def __init__(self, space: Space, seed: int, size: int, start: NDArray[np.float64] | None = None) -> None:
        # An axis that means nothing is added to a search of one axis, which CMA-ES does not accept.
        dimensions = max(2, len(space.dimensions))
        bounds = np.tile([0.0, 1.0], (dimensions, 1))
        mean = np.full(dimensions, 0.5)
        if start is not None:
            mean[: len(start)] = start
        self._cma = CMA(mean, _SPREAD, bounds=bounds, seed=seed, population_size=size)
        self._space, self._size = space, size
        self._generation = self._ask()

    @property
    def points(self) -> NDArray[np.float64]:
        """The generation on the axes of the space, float64[size, p] in [0, 1)."""
        return np.minimum(self._generation[:, : len(self._space.dimensions)], _BELOW_ONE)

    def tell(self, order: NDArray[np.int64]) -> None:
        """Move on to the next generation; `order` lists the last one's trials from best to worst."""
        self._cma.tell([(self._generation[row], float(rank)) for rank, row in enumerate(order)])
        self._generation = self._ask()

    def _ask(self) -> NDArray[np.float64]:
        return self._space.region.redraw(self._draw(self._size), lambda count, _: self._draw(count))

    def _draw(self, count: int) -> NDArray[np.float64]:
        return np.stack([self._cma.ask() for _ in range(count)])


class CmaProposer(Proposer):
    """Proposals of `lag` CMA-ES searches that take turns."""

    def __init__(self, space: Space, search: Search, where: str) -> None:
        if len(search.objective) > 1:
            raise BadInput("cmaes supports one objective alone", where=where, remedy="use `sampler: nsga2` or `auto`")
        if search.batch < _SMALLEST:
            raise BadInput(
                "a batch too small for cmaes",
                where=where,
                expected=f"a batch of at least {_SMALLEST}, which is its generation",
                found=str(search.batch),
                remedy="set `search.batch: 32`",
            )
        self._space, self._lag, self._search = space, search.lag, search
        self._searches = [_Search(space, _seed(search.seed, turn), search.batch) for turn in range(search.lag)]
        self._observed = 0

    def observe_given(self, observed: Observations) -> None:
        """Begin the search that has proposed nothing yet at the best of given trials."""
        best = ranked(observed.losses, observed.violations, observed.failed)[0]
        if not observed.failed[best]:
            turn, start = self._lag - 1, self._space.to_unit(observed.proposals.values[[best]])[0]
            self._searches[turn] = _Search(self._space, _seed(self._search.seed, turn), self._search.batch, start)

    def observe(self, observed: Observations) -> None:
        """Move the search on whose generation the batch was."""
        turn = self._searches[self._observed % self._lag]
        turn.tell(ranked(observed.losses, observed.violations, observed.failed))
        self._observed += 1

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Return the generation of the search whose turn it is; its size is that of every batch."""
        return Proposals(self._space.from_unit(self._searches[batch % self._lag].points))


def _seed(seed: int, turn: int) -> int:
    return int(np.random.SeedSequence([_CMA, seed, turn]).generate_state(1)[0] >> 1)


make = CmaProposer
