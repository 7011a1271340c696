"""Pruning between folds: the trials of a batch are compared by the trainings so far, and the worst stop.

A comparison after fold k decides who runs on the folds after it, by trainings alone, up to that of fold k. These end
before any of the later tests begins, so nothing is chosen by what it is judged on afterwards. Choices in the folds up
to k do not know of it: a trial that was stopped may have been the choice of a fold that it ran on, as it would have
been without pruning. Compared are the trials of one batch, which is a fixed set of numbers: what becomes of a trial
does not depend on workers, chunks or interruptions.

It is a bet, not a proof: a trial that does badly on the first trainings might have been the best of a later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.study.search.proposals import judge, ranked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.sweepfile.pruners.pruner import Pruner
    from backsweep.sweepfile.search import Search


def trials_to_stop(
    rule: Pruner, trainings: NDArray[np.float64], names: Sequence[str], params: NDArray[np.float64], search: Search
) -> dict[int, str]:
    """Return which trials of a batch stop, and why: position to text.

    `trainings` (float64[k, folds, metrics]) are those so far, NaN where undefined, of the k trials that still run, of
    metrics with these `names`;
    `params` (float64[k, p]) decide between equals, the smaller ones being better.
    """
    total = np.zeros((len(trainings), trainings.shape[2]))
    for fold in range(trainings.shape[1]):
        total += trainings[:, fold]
    order = np.lexsort(params.T[::-1])
    losses, violations = judge(total[order] / trainings.shape[1], names, search)
    order = order[ranked(losses, violations, np.zeros(len(order), np.bool_))]
    return rule.trials_to_stop(order, *judge(trainings, names, search))
