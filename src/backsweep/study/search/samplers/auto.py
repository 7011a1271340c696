"""TPE, quadratic models of the losses around the best trials, and, from 60 known trials on, CMA-ES with restarts.

TPE finds good regions, also among choices; the models go to the bottom of a region that is smooth in a few steps;
CMA-ES finds the best point of one that is curved, narrow or rippled, and begins again elsewhere when it has. A quarter
of a batch, at most 4 trials, are steps of models, half are generations of CMA-ES, and the others TPE's; all learn from
all trials. With several objectives and where every axis has choices it is TPE alone, and no batch of fewer than 8 has
CMA-ES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.local_models import LocalModels
from backsweep.study.search.proposals import Proposals, Proposer
from backsweep.study.search.restarts import Restarts
from backsweep.study.search.samplers.tpe import TpeProposer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.search.proposals import Observations
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

START = 60  # known trials; see `docs/decisions/12-auto.md`


class AutoProposer(Proposer):
    """TPE, joined by models and CMA-ES where there is one objective."""

    def __init__(self, space: Space, search: Search, where: str) -> None:
        self._tpe = TpeProposer(space, search, where)
        several = len(search.objective) > 1
        self._beside = None if several else (Restarts(space, search, START), LocalModels(space, search))

    def observe(self, observed: Observations) -> None:
        """Pass the outcomes of a batch on to all."""
        self._tpe.observe(observed)
        for each in self._beside or ():
            each.observe(observed)

    def observe_given(self, observed: Observations) -> None:
        """Record the outcomes of given trials; CMA-ES may begin at the best of them."""
        self._tpe.observe(observed)
        for each in self._beside or ():
            each.observe_given(observed)

    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:
        """Return the generations of CMA-ES, if there are any, steps of models, and TPE's proposals beside them."""
        if self._beside is None:
            return self._tpe.propose(batch, size, running)
        restarts, models = self._beside
        points = restarts.propose(batch, size)
        points = np.concatenate([points, models.propose(batch, size, [*running, Proposals(points)])])
        others = self._tpe.propose(batch, size - len(points), [*running, Proposals(points)])
        return Proposals(np.concatenate([points, others.values]))


make = AutoProposer
