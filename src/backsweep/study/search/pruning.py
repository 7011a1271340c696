"""Pruning between folds: the trials of a batch are compared by the trainings so far, and the hopeless ones stop.

A look after fold k decides who runs on the folds after it, and by trainings alone, up to that of fold k. These end
before any of the later tests begins, so nothing is chosen by what it is judged on afterwards. Choices in the folds up
to k do not know of it: a trial that was stopped may have been the choice of a fold that it ran on, as it would have
been without a look. The comparison is among the trials of one batch, which is a fixed set of numbers: what becomes of a
trial does not depend on workers, chunks or interruptions.

It is a bet, not a proof: a trial that does badly on the first trainings might have been the best of a later one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.metrics.summary import METRICS
from backsweep.statistics.signed_rank import signed_rank
from backsweep.study.search.proposals import ranked
from backsweep.sweepfile.pruning import Halving, Wilcoxon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.sweepfile.search import Search

_DIGITS = 9  # of products of fractions: 0.55 of 20 trials are 11
_GROWTH = 1.5


def looks(rule: Halving | Wilcoxon, folds: int) -> list[int]:
    """After how many of the folds trials are compared, ascending and before the last."""
    if isinstance(rule, Wilcoxon):
        done, growth = max(rule.after, math.ceil(-math.log2(rule.p))), _GROWTH
    else:
        done, growth = rule.after, 1.0 / rule.keep
    found = []
    while done < folds:
        found.append(done)
        done = math.ceil(round(done * growth, _DIGITS))
    return found


def hopeless(
    rule: Halving | Wilcoxon, trainings: NDArray[np.float64], params: NDArray[np.float64], search: Search
) -> dict[int, str]:
    """Tell which trials of a batch stop, and why: position to text.

    `trainings` (float64[k, folds, metrics]) are those so far, NaN where undefined, of the k trials that still run;
    `params` (float64[k, p]) decide between equals, the smaller ones being better.
    """
    total = np.zeros((len(trainings), trainings.shape[2]))
    for fold in range(trainings.shape[1]):
        total += trainings[:, fold]
    order = np.lexsort(params.T[::-1])
    losses, violations = _judged(total[order] / trainings.shape[1], search)
    order = order[ranked(losses, violations, np.zeros(len(order), np.bool_))]
    if isinstance(rule, Wilcoxon):
        stopped = _below_median(rule, trainings, search)
        stopped.pop(int(order[0]), None)
        return stopped
    kept = math.ceil(round(rule.keep * len(order), _DIGITS))
    return {int(row): f"place {place} of {len(order)}" for place, row in enumerate(order, start=1) if place > kept}


def _below_median(rule: Wilcoxon, trainings: NDArray[np.float64], search: Search) -> dict[int, str]:
    losses, violations = _judged(trainings, search)
    usable = np.isfinite(losses[..., 0]) & (violations <= 0.0).all(axis=-1)
    scores = np.where(usable, -losses[..., 0], -np.inf)
    medians = np.sort(scores, axis=0)[(len(scores) - 1) // 2]
    unlike = scores != medians  # equal infinities have no difference
    tested = [signed_rank(row[pairs] - medians[pairs]) for row, pairs in zip(scores, unlike, strict=True)]
    return {row: f"below the median, p = {p:.3g}" for row, p in enumerate(tested) if p <= rule.p}


def _judged(metrics: NDArray[np.float64], search: Search) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give losses (smaller is better, NaN = undefined) and violations (at most 0 where a bound holds) of metrics.

    The last axis of `metrics`, METRICS, becomes one of the objectives and one of the constraints.
    """
    losses = [-each.sign * metrics[..., METRICS.index(each.metric)] for each in search.objective]
    bounds = [each.sign * (metrics[..., METRICS.index(each.metric)] - each.bound) for each in search.bounds]
    violations = np.stack(bounds, axis=-1) if bounds else np.zeros((*metrics.shape[:-1], 0))
    return np.stack(losses, axis=-1), np.where(np.isnan(violations), np.inf, violations)
