"""What every pruner between folds does: when it compares the trials of a batch, and which of them stop."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from backsweep.sweepfile.section import Section

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DIGITS = 9  # of products of fractions: 0.55 of 20 trials are 11


class Pruner(Section, ABC):
    """A rule between folds; its keys are fields, and `kind` names it."""

    @abstractmethod
    def rungs(self, folds: int) -> list[int]:
        """Return after how many of the folds trials are compared, ascending and before the last."""

    @abstractmethod
    def trials_to_stop(
        self, order: NDArray[np.int64], losses: NDArray[np.float64], violations: NDArray[np.float64]
    ) -> dict[int, str]:
        """Return which of the k trials that still run stop, and why: position to text.

        order : int64[k], positions from the best to the worst by the means over trainings.
        losses : float64[k, folds, objectives] of the trainings so far, smaller is better, NaN where undefined.
        violations : float64[k, folds, constraints], at most 0 where a bound holds, inf where undefined.
        """


def spaced(first: int, growth: float, folds: int) -> list[int]:
    """Return the numbers of folds from `first` on, each `growth` times the one before, rounded up, below `folds`."""
    found = []
    while first < folds:
        found.append(first)
        first = rounded_up(first * growth)
    return found


def rounded_up(product: float) -> int:
    """Return the next whole number; errors of the product's last digits do not count."""
    return math.ceil(round(product, _DIGITS))
