"""Non-dominated fronts of trials with several objectives.

One trial dominates another if it is nowhere worse and somewhere better. Front 0 is dominated by none, front 1 by
trials of front 0 alone, and so on; equal trials share a front. In the order of all objectives, the first one first, no
trial dominates an earlier one, so that each can be put into its front at once: the first in which no trial dominates
it. A trial that is dominated by a front is dominated by all before it, so that this front is found by bisection.

With two objectives a front is known by the smallest second objective in it, and the whole takes n log n steps. With
more, the members of a front are asked, at worst all of them; memory grows with n alone. Source: Zhang, Tian, Cheng and
Jin (2015), "An Efficient Approach to Nondominated Sorting for Evolutionary Multiobjective Optimization".
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.compile.kernel import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fronts(losses: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of each trial's front, int64[k]; `losses` are finite, float64[k, m], smaller is better."""
    order = np.lexsort(losses.T[::-1])
    ordered = losses[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    distinct = ordered[new]
    found = _by_two(distinct) if losses.shape[1] == 2 else _by_many(np.ascontiguousarray(distinct))
    result = np.empty(len(order), np.int64)
    result[order] = found[np.cumsum(new) - 1]
    return result


def _by_two(losses: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the fronts of distinct ordered trials with two objectives."""
    smallest: list[float] = []  # second objective in each front; grows from front to front
    found = np.empty(len(losses), np.int64)
    for place, loss in enumerate(losses[:, 1].tolist()):
        front = found[place] = bisect_right(smallest, loss)
        smallest[front : front + 1] = [loss]
    return found


@compiled
def _by_many(losses: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the fronts of distinct ordered trials."""
    count = len(losses)
    found = np.zeros(count, np.int64)
    latest = np.full(count, -1, np.int64)  # in each front, the trial that came last
    before = np.full(count, -1, np.int64)  # the trial that came before in the same front
    used = 0
    for trial in range(count):
        low, high = 0, used
        while low < high:
            front = (low + high) // 2
            other = latest[front]
            while other >= 0:
                dominates = True
                for j in range(1, losses.shape[1]):  # in the first objective nobody earlier is worse
                    if losses[other, j] > losses[trial, j]:
                        dominates = False
                        break
                if dominates:
                    break
                other = before[other]
            if other >= 0:
                low = front + 1
            else:
                high = front
        found[trial] = low
        used = max(used, low + 1)
        before[trial] = latest[low]
        latest[low] = trial
    return found
