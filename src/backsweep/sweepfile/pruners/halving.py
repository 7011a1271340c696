"""Successive halving between folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from backsweep.sweepfile.pruners.pruner import Pruner, rounded_up, spaced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Halving(Pruner):
    """Successive halving: the best of a batch's trials go on, by their means over trainings.

    Trials are ranked as in the study table; a trial of which a training was pruned has no mean and ranks last. Source:
    Jamieson and Talwalkar (2016), "Non-stochastic Best Arm Identification and Hyperparameter Optimization".
    """

    kind: Literal["halving"] = "halving"
    after: Annotated[int, Field(ge=1)] = 3
    """Folds before the first comparison; each one comes after 1 / `keep` times as many folds as the one before."""
    keep: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """Fraction of the batch's trials that goes on."""

    def rungs(self, folds: int) -> list[int]:
        """Return after how many of the folds trials are compared."""
        return spaced(self.after, 1.0 / self.keep, folds)

    def trials_to_stop(
        self,
        order: NDArray[np.int64],
        losses: NDArray[np.float64],  # noqa: ARG002 - the same for all pruners
        violations: NDArray[np.float64],  # noqa: ARG002 - the same
    ) -> dict[int, str]:
        """Return those behind the fraction that goes on."""
        kept = rounded_up(self.keep * len(order))
        return {int(row): f"place {place} of {len(order)}" for place, row in enumerate(order, start=1) if place > kept}
