"""Which trials belong to which batch, and what each batch may know when it is proposed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Batches:
    """Fixed ranges of trial numbers.

    Attributes
    ----------
    size : trials in a batch; the last batch may have fewer.
    lag : batch k is proposed from the outcomes of batches 0 to k - lag, so that workers need not wait at a batch's end.
    total : trials in the study.
    folds : where every fold has trials of its own, how many folds there are. Their batches take turns.

    """

    size: int
    lag: int
    total: int
    folds: int | None = None

    @property
    def count(self) -> int:
        """How many batches there are."""
        return -(-self.total // self.size)

    def of(self, number: int) -> int:
        """Return the batch of a trial."""
        return number // self.size

    def fold(self, batch: int) -> int | None:
        """Return the only fold that a batch's trials run on, None for all of them."""
        return None if self.folds is None else batch % self.folds

    def numbers(self, batch: int) -> range:
        """Return the trials of a batch."""
        return range(batch * self.size, min(self.total, (batch + 1) * self.size))

    def known(self, batch: int) -> int:
        """How many batches, counted from the first, must be committed before this one is proposed."""
        return max(0, batch - self.lag + 1)
