"""CMA-ES: a normal distribution over the unit cube that moves and stretches towards better trials.

A generation is a batch. Because batch k is proposed before its `lag - 1` predecessors are known, there are `lag`
independent searches that take turns: batch k belongs to search k modulo lag and follows from that search's own earlier
batches, all of which are known by then. No trial is wasted, and the searches start from the same middle with different
random numbers. Of given trials, the best is where the last of the searches begins: the others have begun by then. One
that has ended, as those of `restarts` do, begins again anywhere.

Outcomes enter as ranks (CMA-ES uses nothing else), so constraints, undefined objectives and failures only have to be
ordered. The state is rebuilt by asking and telling again, from the seed and the outcomes alone. Axes with few values,
choices included, are equal parts of the unit interval in their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.errors import BadInput
from backsweep.study.search.proposals import Proposals, Proposer, ranked
from backsweep.study.search.restarts import LocalSearch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.proposals import Observations
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

_CMA = 3  # keeps the streams of one seed apart
_SMALLEST = 4  # trials in a generation
_SPREAD = 0.25  # of the unit interval: the first standard deviation on every axis


class _Turn:
    """One of the searches that take turns, with the generation that is not observed yet, float64[size, p] in [0, 1]."""

    def __init__(self, space: Space, search: Search, turn: int, start: NDArray[np.float64]) -> None:
        self._stream = np.random.default_rng([_CMA, search.seed, turn])
        self._space, self._size = space, search.batch
        self._begin(start)
        self.points = self._draw()

    def observe(self, observed: Observations) -> None:
        """Move on to the next generation."""
        self._local.tell(self.points, observed, slice(None))
        if self._local.ended:
            self._begin(self._stream.random(len(self._space.dimensions)))
        self.points = self._draw()

    def _begin(self, start: NDArray[np.float64]) -> None:
        self._local = LocalSearch(start, np.ones(len(start), np.bool_), _SPREAD, self._stream)

    def _draw(self) -> NDArray[np.float64]:
        return self._space.region.redraw(self._local.draw(self._size), lambda count, _: self._local.draw(count))


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
        self._space, self._search = space, search
        middle = np.full(len(space.dimensions), 0.5)
        self._turns = [_Turn(space, search, turn, middle) for turn in range(search.lag)]
        self._observed = 0

    def observe_given(self, observed: Observations) -> None:
        """Begin the search that has proposed nothing yet at the best of given trials."""
        best = ranked(observed.losses, observed.violations, observed.failed)[0]
        if not observed.failed[best]:
            start = self._space.to_unit(observed.proposals.values[[best]])[0]
            self._turns[-1] = _Turn(self._space, self._search, self._search.lag - 1, start)

    def observe(self, observed: Observations) -> None:
        """Move the search on whose generation the batch was."""
        self._turns[self._observed % len(self._turns)].observe(observed)
        self._observed += 1

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:  # noqa: ARG002
        """Return the generation of the search whose turn it is; its size is that of every batch."""
        return Proposals(self._space.from_unit(self._turns[batch % len(self._turns)].points))


make = CmaProposer
