"""TPE, and once 250 trials are known, half of every batch CMA-ES with restarts.

TPE finds good regions, also among choices; CMA-ES finds the best point of a region that is curved or narrow, and begins
again elsewhere when it has. TPE learns from all trials. With several objectives, in batches of fewer than 8 trials and
where every axis has choices, it is TPE alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.proposals import Proposals, Proposer
from backsweep.study.search.restarts import Restarts
from backsweep.study.search.samplers.tpe import TpeProposer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.search.proposals import Observations
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

START = 250  # what begins later is better after 1,000 trials and worse after 5,000; see `docs/decisions/12-auto.md`


class AutoProposer(Proposer):
    """TPE, joined by CMA-ES where there is one objective."""

    def __init__(self, space: Space, search: Search, where: str) -> None:
        self._tpe = TpeProposer(space, search, where)
        self._restarts = Restarts(space, search, START) if len(search.objective) == 1 else None

    def observe(self, observed: Observations) -> None:
        """Pass the outcomes of a batch on to both."""
        self._tpe.observe(observed)
        if self._restarts is not None:
            self._restarts.observe(observed)

    def observe_given(self, observed: Observations) -> None:
        """Record the outcomes of given trials with TPE, and with CMA-ES, which may begin at the best of them."""
        self._tpe.observe(observed)
        if self._restarts is not None:
            self._restarts.observe_given(observed)

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:
        """Return the generations of CMA-ES, if there are any, then TPE's proposals, which count these as running."""
        points = None if self._restarts is None else self._restarts.propose(batch, size)
        if points is None or not len(points):
            return self._tpe.propose(batch, size, running)
        others = self._tpe.propose(batch, size - len(points), [*running, Proposals(points)])
        return Proposals(np.concatenate([points, others.values]))


make = AutoProposer
