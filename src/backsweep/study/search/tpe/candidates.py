"""Proposals of a batch, each the best of its candidates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.compile.kernel import compiled, kernel
from backsweep.study.search.elementary import normal_quantile
from backsweep.study.search.tpe.axes import CHOICE, GRID, AxisTable, cell_of, centre_of
from backsweep.study.search.tpe.mixture import (
    BELOW_PRIOR,
    IN_PRIOR,
    Mixture,
    add_kernel,
    add_kernels,
    new_mixture,
    set_prior,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def choose(
    axes: AxisTable,
    good: NDArray[np.float64],
    bad: NDArray[np.float64],
    least: float,
    uniforms: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return proposals one after the other, latent float64[b, p].

    Each is the candidate, drawn from the mixture of the good trials, where the density of the good ones is the largest
    multiple of that of the bad ones. From then on it counts as a bad trial itself, so that a batch spreads (Optuna's
    constant liar).

    `good` and `bad` are latent, float64[n, p], from the first to the last trial; `least` is the least width of a good
    kernel where it is below Optuna's; `uniforms`, float64[b, candidates, p + 1], are in [0, 1).
    """
    count, candidates, p = uniforms.shape[0], uniforms.shape[1], len(axes.kind)
    likely = new_mixture(axes, good, 0, least)
    unlikely = new_mixture(axes, bad, count, 1.0)
    points, cells, densities = np.zeros((candidates, p)), np.zeros((candidates, p)), np.zeros((2, candidates))
    above, below = densities[0], densities[1]
    chosen = np.zeros((count, p))
    for b in range(count):
        draw(axes, likely, len(good), uniforms[b], points, cells)
        set_prior(axes, points, cells, above)
        for c in range(candidates):
            below[c] = above[c]
        add_kernels(axes, likely, len(good), points, cells, above)
        add_kernels(axes, unlikely, len(bad) + b, points, cells, below)
        best = 0
        for c in range(1, candidates):
            if above[c] / below[c] > above[best] / below[best]:
                best = c
        for d in range(p):
            chosen[b, d] = points[best, d]
        if b + 1 < count:
            add_kernel(axes, unlikely, len(bad) + b, chosen[b], 1.0)
    return chosen


@kernel
def draw(
    axes: AxisTable,
    mixture: Mixture,
    n: int,
    uniforms: NDArray[np.float64],
    points: NDArray[np.float64],
    cells: NDArray[np.float64],
) -> None:
    """Draw from a mixture of `n` kernels and the prior into `points` and `cells`, float64[c, p].

    `uniforms`, float64[c, p + 1] in [0, 1): one for each axis, the last one chooses the kernel.
    """
    total = 1.0
    for k in range(n):
        total += mixture.weight[k]
    for c in range(len(points)):
        k, left = 0, uniforms[c, len(axes.kind)] * total
        while k < n and left >= mixture.weight[k]:
            left -= mixture.weight[k]
            k += 1
        for d in range(len(axes.kind)):
            uniform = uniforms[c, d]
            if axes.kind[d] == CHOICE:
                # Each choice has the part `other` of [0, 1), and the kernel's own the rest, too.
                choice = math.floor(uniform / mixture.other[d])
                if k == n:
                    choice = min(math.floor(uniform * axes.size[d]), axes.size[d] - 1.0)
                points[c, d] = choice if choice < axes.size[d] else mixture.centre[d, k]
                continue
            if k == n:
                place = 0.5 + normal_quantile(BELOW_PRIOR + uniform * IN_PRIOR)
            else:
                mass = mixture.below[d, k] + uniform * mixture.inside[d, k]
                place = mixture.centre[d, k] + normal_quantile(mass) / mixture.inverse[d, k]
            points[c, d] = min(max(place, 0.0), 1.0)
            if axes.kind[d] == GRID:
                cells[c, d] = cell_of(axes, d, points[c, d])
                points[c, d] = centre_of(axes, d, cells[c, d])
