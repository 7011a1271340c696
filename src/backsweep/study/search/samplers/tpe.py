"""TPE: a tree-structured Parzen estimator, which proposes where good trials are dense and bad ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from backsweep.study.search.optuna_proposer import OptunaProposer
from backsweep.study.search.proposals import ranked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.study.search.optuna_proposer import Finished
    from backsweep.study.search.proposals import Observations
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.search import Search

_BEST = 25  # TPE's good set never has more, and has exactly these once the history has 241 trials
_LAST = 241


class TpeProposer(OptunaProposer):
    """TPE, whose cost per proposal does not grow with the study.

    It sees the best 25 trials and the last 241: its good set is exactly that of the whole history, its bad set is
    recent. With several objectives the best are those of the first fronts, batch by batch.
    """

    build = TPESampler
    keeps_attributes = False

    def __init__(self, space: Space, search: Search, where: str) -> None:
        super().__init__(space, search, where)
        self._recent: list[int] = []
        self._best: list[int] = []
        self._merit: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def seen(self) -> Sequence[Finished]:
        """Return the best and the last trials."""
        return [self.trials[number] for number in sorted({*self._best, *self._recent})]

    def observe(self, observed: Observations) -> None:
        """Add one more batch to the past."""
        first = len(self.trials)
        super().observe(observed)
        usable = [row for row in range(len(observed.failed)) if self.trials[first + row].state == TrialState.COMPLETE]
        self._recent = (self._recent + [first + row for row in usable])[-_LAST:]
        self._merit |= {first + row: (observed.losses[row], observed.violations[row]) for row in usable}
        if self._merit:
            numbers = list(self._merit)
            losses, violations = (np.stack(columns) for columns in zip(*self._merit.values(), strict=True))
            order = ranked(losses, violations, np.zeros(len(numbers), dtype=np.bool_))
            self._best = sorted(numbers[i] for i in order[:_BEST])
            self._merit = {number: self._merit[number] for number in self._best}


make = TpeProposer
