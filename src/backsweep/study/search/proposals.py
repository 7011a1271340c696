"""The interface of proposers: what they are given, and what they return.

The proposals of batch k are a pure function of the study's seed, of k, of the outcomes of the batches up to k - lag and
of the proposals of those in between, which are still running. A proposer keeps what it needs of the outcomes that it
has observed; the driver keeps none of them. A new proposer that observes the same batches proposes the same values:
that is what makes a study resume exactly.

A batch is always proposed whole. When a study ends inside a batch, the driver uses its head, and a study that is later
extended finds the rest unchanged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.fronts import fronts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.sweepfile.search import Search


@dataclass(frozen=True, eq=False)
class Proposals:
    """A batch of proposed trials.

    Attributes
    ----------
    values : float64[k, p], in the space's columns.
    attrs : one JSON text per trial with what the sampler must find again later, or empty.

    """

    values: NDArray[np.float64]
    attrs: tuple[str, ...] = ()

    def attr(self, row: int) -> str:
        """Return the sampler's text of one trial, empty if it has none."""
        return self.attrs[row] if self.attrs else ""

    def of(self, which: slice) -> Proposals:
        """Return the proposals of some of the trials."""
        return Proposals(self.values[which], self.attrs[which])


def joined(batches: Sequence[Proposals]) -> Proposals:
    """Return several batches as one."""
    if len(batches) == 1:
        return batches[0]
    attrs = (each.attr(row) for each in batches for row in range(len(each.values)))
    has_some = any(each.attrs for each in batches)
    return Proposals(np.concatenate([each.values for each in batches]), tuple(attrs) if has_some else ())


@dataclass(frozen=True, eq=False)
class Observations:
    """The evaluated trials of a batch, from which an adaptive sampler proposes.

    Attributes
    ----------
    proposals : what was tried.
    losses : float64[k, m], one column per objective, smaller is better; NaN = undefined.
    violations : float64[k, c], one column per constraint, at most 0 where it holds; inf = undefined.
    failed : bool[k].

    """

    proposals: Proposals
    losses: NDArray[np.float64]
    violations: NDArray[np.float64]
    failed: NDArray[np.bool_]

    def of(self, which: slice) -> Observations:
        """Return the observations of some of the trials."""
        return Observations(self.proposals.of(which), self.losses[which], self.violations[which], self.failed[which])

    def followed_by(self, other: Observations) -> Observations:
        """Return these trials and others after them."""
        return Observations(
            joined([self.proposals, other.proposals]),
            np.concatenate([self.losses, other.losses]),
            np.concatenate([self.violations, other.violations]),
            np.concatenate([self.failed, other.failed]),
        )


class Proposer(ABC):
    """Where the parameters of a batch come from."""

    limit: int | None = None
    """How many trials there are at most; None = no end."""

    def observe(self, observed: Observations) -> None:  # noqa: B027 - nothing to do without a memory
        """Record the outcomes of the next batch: batches are observed in order, each once.

        Before batch k is proposed, batches 0 to k - lag are observed. A sampler that does not learn observes none.
        """

    @abstractmethod
    def propose(self, batch: int, size: int, running: Sequence[Proposals]) -> Proposals:
        """Propose the `size` trials of batch number `batch`.

        `running` are the batches between those that were observed and this one, oldest first. They are empty for a
        sampler that does not learn, of which any batch may come first, and whose batches have the same size.
        """

    def adopt(self, values: NDArray[np.float64]) -> Proposals:
        """Return given trials, float64[k, p], as a batch before the first; see `given`."""
        return Proposals(values)

    def observe_given(self, observed: Observations) -> None:
        """Record the outcomes of given trials, which is before batch 0 is observed."""
        self.observe(observed)


def judge(
    metrics: NDArray[np.float64], names: Sequence[str], search: Search
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return losses (smaller is better, NaN = undefined) and violations (at most 0 where a bound holds) of metrics.

    The last axis of `metrics`, which has these `names`, becomes one of the objectives and one of the constraints.
    """
    named = by_name(metrics, names)
    losses = [-each.sign * each.expression.evaluate(named) for each in search.objective]
    bounds = [each.excess(named) for each in search.bounds]
    violations = np.stack(bounds, axis=-1) if bounds else np.zeros((*metrics.shape[:-1], 0))
    return np.stack(losses, axis=-1), np.where(np.isnan(violations), np.inf, violations)


def by_name(metrics: NDArray[np.float64], names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return each metric's values by its name; the last axis of `metrics` has these `names`."""
    return {name: metrics[..., j] for j, name in enumerate(names)}


def ranked(
    losses: NDArray[np.float64], violations: NDArray[np.float64], failed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Order trials from best to worst: positions, int64[k].

    Feasible trials come first, by their loss and with undefined losses last; then infeasible ones by the sum of their
    violations; then failed ones. Several losses count by non-dominated fronts. Equals stay in the order of trials.
    """
    excess = np.maximum(violations, 0.0).sum(axis=1)
    defined = np.isfinite(losses).all(axis=1)
    merit = losses[:, 0].copy()
    if losses.shape[1] > 1:
        merit[defined] = fronts(losses[defined])
    merit[~defined] = np.inf
    merit[excess > 0] = 0.0
    return np.lexsort((merit, excess, failed))
