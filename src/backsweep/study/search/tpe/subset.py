"""The trials of a front whose hypervolume is large, chosen one by one.

The region that no chosen trial dominates, up to a reference point, is kept as disjoint boxes. A chosen trial cuts the
part that it dominates out of each box; what remains of a box are at most as many boxes as there are objectives. Where
another trial dominates what was cut out, that much of its own contribution is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.compile.kernel import compiled, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TINY = 1e-12


def choose_subset(losses: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Return the places of `size` trials, each the one that adds most hypervolume to those before it: int64[size].

    `losses` are finite, float64[k, m], smaller is better. As in Optuna the reference point is a tenth beyond the worst.
    """
    worst = losses.max(axis=0)
    reference = np.maximum(1.1 * worst, 0.9 * worst)
    reference[reference == 0.0] = _TINY
    return _choose(np.ascontiguousarray(losses), np.stack([losses.min(axis=0), reference]), size)


@compiled
def _choose(losses: NDArray[np.float64], bounds: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    objectives = losses.shape[1]
    boxes, used = np.zeros((64, 2, objectives)), 1  # lower and upper corners
    _copy(bounds, boxes[0])
    contributions, cut = np.zeros(len(losses)), np.zeros((2, objectives))
    _add_dominated(contributions, bounds, losses, 1.0)
    chosen = np.zeros(size, np.int64)
    for turn in range(size):
        best = int(np.argmax(contributions))
        chosen[turn] = best
        end, kept = used, 0
        for place in range(end):
            if used + objectives > len(boxes):
                boxes = _enlarged(boxes)
            _copy(boxes[place], cut)
            if _dominated(cut, losses[best]) > 0.0:
                used = _cut(cut, losses[best], boxes, used)
                _add_dominated(contributions, cut, losses, -1.0)
            else:
                _copy(cut, boxes[kept])
                kept += 1
        for place in range(end, used):
            _copy(boxes[place], boxes[kept])
            kept += 1
        used = kept
        contributions[best] = -np.inf
    return chosen


@kernel
def _copy(source: NDArray[np.float64], target: NDArray[np.float64]) -> None:
    for side in range(2):
        for j in range(source.shape[1]):
            target[side, j] = source[side, j]


@kernel
def _enlarged(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    larger = np.zeros((2 * len(boxes) + boxes.shape[2], 2, boxes.shape[2]))
    for place in range(len(boxes)):
        _copy(boxes[place], larger[place])
    return larger


@kernel
def _cut(box: NDArray[np.float64], point: NDArray[np.float64], boxes: NDArray[np.float64], used: int) -> int:
    """Reduce a box to the part that a point dominates, add the rest to the boxes, and return how many there are."""
    for j in range(len(point)):
        if box[0, j] < point[j]:
            _copy(box, boxes[used])
            boxes[used, 1, j] = point[j]
            box[0, j] = point[j]
            used += 1
    return used


@kernel
def _add_dominated(
    volumes: NDArray[np.float64], box: NDArray[np.float64], losses: NDArray[np.float64], sign: float
) -> None:
    """Add the volume of a box that each trial dominates, times the sign."""
    for i in range(len(losses)):
        volumes[i] += sign * _dominated(box, losses[i])


@kernel
def _dominated(box: NDArray[np.float64], point: NDArray[np.float64]) -> float:
    """Return the volume of the part of a box that a point dominates."""
    volume = 1.0
    for j in range(len(point)):
        volume *= max(box[1, j] - max(box[0, j], point[j]), 0.0)
    return volume
