"""Each trial's nearest trials in rank-scaled parameter space.

Every parameter is scaled by its ranks to 0..1, so that its unit and its spacing do not matter. A text has no rank: two
of them are as far apart as the ends of any other parameter, and a trial without a value is in the middle. The trials
are halved along the widest side of their box until few are left in each (a k-d tree), and a search leaves out the boxes
that are farther away than the neighbours found so far. The result is that of sorting all distances, equal ones in the
order of trials; memory is of the order of the result. Source: Bentley (1975), "Multidimensional Binary Search Trees
Used for Associative Searching".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.compile.kernel import compiled, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABSENT = -np.inf
"""In place of a value that a trial does not have."""

_LEAF = 12  # trials of a box that is not divided further
_DEPTH = 128  # boxes that wait on a path through the tree, two for each level


def nearest(params: NDArray[np.float64], count: int, texts: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Find each trial's nearest trials, itself first: int64[trials, count]; ties in the order of trials.

    `params` is float64[trials, p], ABSENT where a trial has no value; `texts`, bool[p], says which are places of texts.
    With fewer trials than `count`, all are returned.
    """
    trials = len(params)
    scaled = [
        _corners(column) if texts is not None and texts[j] else _ranks(column)[:, None]
        for j, column in enumerate(params.T)
    ]
    points = np.ascontiguousarray(np.concatenate(scaled or [np.zeros((trials, 1))], axis=1))
    order, found = np.arange(trials), np.zeros((trials, min(count, trials)), np.int64)
    spans = np.zeros((max(2 * trials, 1), 3), np.int64)
    boxes = np.zeros((len(spans), 2, points.shape[1]))
    used = _divide(points, order, spans, boxes)
    _search(points, order, spans[:used], boxes[:used], found)
    return found


def _ranks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks of values from 0 to 1, float64[trials]; 1/2 for what is absent."""
    found, there = np.full(len(column), 0.5), column != ABSENT
    values, places = np.unique(column[there], return_inverse=True)
    found[there] = places / max(len(values) - 1, 1)
    return found


def _corners(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a coordinate for each text, float64[trials, texts], such that any two are at a distance of 1."""
    values, places = np.unique(column, return_inverse=True)
    corners: NDArray[np.float64] = np.eye(len(values))[places] * 0.5**0.5
    return corners


@compiled
def _divide(
    points: NDArray[np.float64], order: NDArray[np.int64], spans: NDArray[np.int64], boxes: NDArray[np.float64]
) -> int:
    """Sort `order` into boxes and return how many there are.

    `spans` (int64[boxes, 3]) gets the first and the one after the last place of each box, and the number of the first
    of its two halves, 0 for none; `boxes` (float64[boxes, 2, p]) its lowest and highest corner.
    """
    spans[0, 1] = len(order)
    box, used = 0, 1
    while box < used:
        first, last = spans[box, 0], spans[box, 1]
        for j in range(points.shape[1]):
            boxes[box, 0, j], boxes[box, 1, j] = np.inf, -np.inf
            for place in range(first, last):
                value = points[order[place], j]
                boxes[box, 0, j] = min(boxes[box, 0, j], value)
                boxes[box, 1, j] = max(boxes[box, 1, j], value)
        axis = int(np.argmax(boxes[box, 1] - boxes[box, 0]))
        if last - first > _LEAF and boxes[box, 1, axis] > boxes[box, 0, axis]:
            own = order[first:last].copy()
            keys = np.empty(len(own))
            for i in range(len(own)):
                keys[i] = points[own[i], axis]
            order[first:last] = own[np.argsort(keys, kind="mergesort")]
            middle = (first + last) // 2
            spans[box, 2] = used
            spans[used, 0], spans[used, 1] = first, middle
            spans[used + 1, 0], spans[used + 1, 1] = middle, last
            used += 2
        box += 1
    return used


@compiled
def _search(
    points: NDArray[np.float64],
    order: NDArray[np.int64],
    spans: NDArray[np.int64],
    boxes: NDArray[np.float64],
    found: NDArray[np.int64],
) -> None:
    """Fill `found`, int64[trials, k], from the boxes that `_divide` left."""
    count = found.shape[1]
    distances = np.empty(count)
    waiting, bounds = np.empty(_DEPTH, np.int64), np.empty(_DEPTH)
    for trial in order:
        point, row = points[trial], found[trial]
        distances[:] = np.inf
        row[0], distances[0], known = trial, -1.0, 1  # itself, before others in the same place
        waiting[0], bounds[0], depth = 0, 0.0, 1
        while depth > 0:
            depth -= 1
            box = waiting[depth]
            if known == count and bounds[depth] > distances[count - 1]:
                continue
            if spans[box, 2] > 0:
                near, far = spans[box, 2], spans[box, 2] + 1
                here, there = _distance_of_box(point, boxes[near]), _distance_of_box(point, boxes[far])
                if there < here:
                    near, far, here, there = far, near, there, here
                waiting[depth], bounds[depth] = far, there
                waiting[depth + 1], bounds[depth + 1] = near, here
                depth += 2
                continue
            last = spans[box, 1]
            if last - spans[box, 0] > _LEAF:  # all in one place, in the order of trials: the first are enough
                last = min(last, spans[box, 0] + count + 1)
            for place in range(spans[box, 0], last):
                other = order[place]
                if other != trial:
                    known = _insert(row, distances, known, other, _distance(point, points[other]))


@kernel
def _insert(row: NDArray[np.int64], distances: NDArray[np.float64], known: int, trial: int, distance: float) -> int:
    """Put a trial among the `known` nearest, if it belongs there; returns how many are known now."""
    at = known
    while at > 1 and (distance < distances[at - 1] or (distance == distances[at - 1] and trial < row[at - 1])):
        at -= 1
    if at == len(row):
        return known
    known = min(known + 1, len(row))
    for i in range(known - 1, at, -1):
        distances[i], row[i] = distances[i - 1], row[i - 1]
    distances[at], row[at] = distance, trial
    return known


@kernel
def _distance(point: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    total = 0.0
    for j in range(len(point)):
        total += (point[j] - other[j]) ** 2
    return total


@kernel
def _distance_of_box(point: NDArray[np.float64], box: NDArray[np.float64]) -> float:
    """Return a lower bound of the distance to a box's points, summed as in `_distance`, so that rounding keeps it."""
    total = 0.0
    for j in range(len(point)):
        total += max(box[0, j] - point[j], point[j] - box[1, j], 0.0) ** 2
    return total
