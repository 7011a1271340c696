"""Parzen estimators: mixtures of product kernels, one kernel at each trial, and a prior of weight 1.

What Optuna 5 computes in `_ParzenEstimator`, for latent coordinates:

- along a numeric axis a kernel is a normal density around its trial, cut off at 0 and 1; on a grid, its mass in a cell.
  Its width is the larger distance to a neighbouring trial, at the ends that to the one neighbour, and within a least
  width and 1; the least is 1 / min(100, trials + 2), unless the caller allows less. The prior has centre 1/2, width 1;
- of c choices a kernel at n trials gives its own 1 + 1 / (n + 1) parts, the others 1 / (n + 1); the prior equal parts;
- the last 25 trials weigh 1, earlier ones less, rising from 1 / n.

Cells narrower than 1/128 get the density in their middle, corrected by its second derivative, instead of their mass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backsweep.engine.compile.kernel import kernel
from backsweep.study.search.elementary import exp, log, normal_cdf
from backsweep.study.search.tpe.axes import CHOICE, CONTINUOUS, GRID, AxisTable, cell_of, edges_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

EQUAL = 25  # the last so many trials weigh 1
FINEST = 100.0  # of the axis, one part is the least width by Optuna's rule
_ROOT_2_PI = 0.3989422804014327
BELOW_PRIOR = normal_cdf(-0.5)
IN_PRIOR = normal_cdf(0.5) - BELOW_PRIOR
_FAR = 7.0  # widths beyond which a kernel has no mass
_MOST = 690.0  # the largest exponent: sums of such densities are finite


class Mixture(NamedTuple):
    """The kernels of a mixture, with room for more; p axes, c = capacity.

    Attributes
    ----------
    centre : float64[p, c], latent.
    inverse : float64[p, c], 1 / width; 0.0 while a kernel is new.
    order : int64[p, c], kernels by their centres.
    below, inside : float64[p, c], the mass of the whole normal distribution below 0, and between 0 and 1.
    mass : float64[p, w, c], its mass in each of the wide cells, over its peak.
    factor : float64[p, c], the logarithm of the kernel's peak.
    height : float64[c], its sum over axes.
    weight : float64[c].
    own, other : float64[p], a kernel's probability of its own choice, and of each other one.
    exponent, product : float64[c], to compute with.

    """

    centre: NDArray[np.float64]
    inverse: NDArray[np.float64]
    order: NDArray[np.int64]
    below: NDArray[np.float64]
    inside: NDArray[np.float64]
    mass: NDArray[np.float64]
    factor: NDArray[np.float64]
    height: NDArray[np.float64]
    weight: NDArray[np.float64]
    own: NDArray[np.float64]
    other: NDArray[np.float64]
    exponent: NDArray[np.float64]
    product: NDArray[np.float64]


@kernel
def new_mixture(axes: AxisTable, points: NDArray[np.float64], room: int, least: float) -> Mixture:
    """Return the mixture of kernels at `points`, float64[n, p], with room for some more.

    `least` is the least width where it is below Optuna's; it is not below a cell of the grid that is itself below 1/27.
    """
    p, n = len(axes.kind), len(points)
    capacity = max(n + room, 1)
    planes, lines, parts = np.zeros((5, p, capacity)), np.zeros((4, capacity)), np.zeros((2, p))
    mixture = Mixture(
        planes[0],
        planes[1],
        np.zeros((p, capacity), np.int64),
        planes[2],
        planes[3],
        np.zeros((p, axes.edges.shape[1] - 1, capacity)),
        planes[4],
        lines[0],
        lines[1],
        parts[0],
        parts[1],
        lines[2],
        lines[3],
    )
    for d in range(p):
        for k in range(n):
            _insert(mixture.centre[d], mixture.order[d], k, points[k, d])
        _set_widths(axes, mixture, d, 0, n, n, least)
    _set_weights(axes, mixture, n)
    return mixture


@kernel
def add_kernel(axes: AxisTable, mixture: Mixture, n: int, point: NDArray[np.float64], least: float) -> None:
    """Make kernel number `n` of a mixture that has n, and give its neighbours their new widths."""
    for d in range(len(axes.kind)):
        place = _insert(mixture.centre[d], mixture.order[d], n, point[d])
        if n + 2.0 <= FINEST:  # the least width shrinks with every trial
            _set_widths(axes, mixture, d, 0, n + 1, n + 1, least)
        else:
            _set_widths(axes, mixture, d, max(place - 1, 0), min(place + 2, n + 1), n + 1, least)
    _set_weights(axes, mixture, n + 1)


@kernel
def _insert(centres: NDArray[np.float64], order: NDArray[np.int64], k: int, centre: float) -> int:
    """Put the centre of kernel k in its place along an axis, behind equals, and return the place."""
    low, high = 0, k
    while low < high:
        middle = (low + high) // 2
        if centres[order[middle]] <= centre:
            low = middle + 1
        else:
            high = middle
    for place in range(k, low, -1):
        order[place] = order[place - 1]
    order[low] = k
    centres[k] = centre
    return low


@kernel
def _set_weights(axes: AxisTable, mixture: Mixture, n: int) -> None:
    """Set what depends on the number of trials alone: their weights, and probabilities of choices."""
    ramp = max(n - EQUAL, 0)
    slope = (1.0 - 1.0 / n) / (ramp - 1) if ramp > 1 else 0.0
    for k in range(n):
        mixture.weight[k] = 1.0 / n + k * slope if k < ramp else 1.0
    part = 1.0 / (n + 1)
    for d in range(len(axes.kind)):
        if axes.kind[d] == CHOICE:
            mixture.own[d] = (1.0 + part) / (1.0 + axes.size[d] * part)
            mixture.other[d] = part / (1.0 + axes.size[d] * part)


@kernel
def _set_widths(axes: AxisTable, mixture: Mixture, d: int, first: int, end: int, n: int, least: float) -> None:
    """Set the widths of the kernels from place `first` to `end` along an axis, and what follows from them."""
    if axes.kind[d] == CHOICE:
        return
    order, centres, inverses = mixture.order[d], mixture.centre[d], mixture.inverse[d]
    finest = 1.0 / min(FINEST, n + 2.0)
    for place in range(first, end):
        k = order[place]
        floor = finest
        if least < finest:
            floor = least
            if axes.kind[d] == GRID:
                lower, upper = edges_of(axes, d, cell_of(axes, d, centres[k]))
                floor = max(least, min(finest, upper - lower))
        inverse = 1.0 / min(max(_distance(centres, order, place, n), floor), 1.0)
        if inverse == inverses[k]:
            continue
        inverses[k] = inverse
        below = normal_cdf(-centres[k] * inverse)
        inside = normal_cdf((1.0 - centres[k]) * inverse) - below
        mixture.below[d, k], mixture.inside[d, k] = below, inside
        peak = inverse * _ROOT_2_PI
        mixture.factor[d, k] = log(peak / inside)
        mixture.height[k] = 0.0
        for other in range(len(axes.kind)):
            mixture.height[k] += mixture.factor[other, k]
        _set_masses(axes.edges[d], axes.wide[d], centres[k], inverse, mixture.mass[d, :, k])
        for cell in range(axes.wide[d]):
            mixture.mass[d, cell, k] /= peak


@kernel
def _distance(centres: NDArray[np.float64], order: NDArray[np.int64], place: int, n: int) -> float:
    """Return the larger distance of a kernel to its neighbours; the axis's ends count for a single kernel alone."""
    centre = centres[order[place]]
    left = centre - (centres[order[place - 1]] if place > 0 else 0.0)
    right = (centres[order[place + 1]] if place + 1 < n else 1.0) - centre
    if n > 1 and place == 0:
        return float(right)
    if n > 1 and place == n - 1:
        return float(left)
    return float(max(left, right))


@kernel
def _set_masses(
    edges: NDArray[np.float64], wide: int, centre: float, inverse: float, masses: NDArray[np.float64]
) -> None:
    """Set the mass of a normal distribution in each wide cell."""
    before, last = 0.0, -2  # the mass up to the upper edge of cell `last`
    for cell in range(wide):
        left, right = (edges[cell] - centre) * inverse, (edges[cell + 1] - centre) * inverse
        if right < -_FAR or left > _FAR:
            masses[cell] = 0.0
        elif left > 0.0:
            masses[cell] = normal_cdf(-left) - normal_cdf(-right)
        else:
            upto = normal_cdf(right)
            masses[cell] = upto - (before if last == cell - 1 else normal_cdf(left))
            before, last = upto, cell


@kernel
def set_prior(
    axes: AxisTable, points: NDArray[np.float64], cells: NDArray[np.float64], densities: NDArray[np.float64]
) -> None:
    """Set `densities` to that of the prior at each point; on wide cells and choices it is a mass."""
    for c in range(len(points)):
        product, exponent = 1.0, 0.0
        for d in range(len(axes.kind)):
            if axes.kind[d] == CHOICE:
                product /= axes.size[d]
            elif cells[c, d] < axes.wide[d]:
                cell = int(cells[c, d])
                mass = normal_cdf(axes.edges[d, cell + 1] - 0.5) - normal_cdf(axes.edges[d, cell] - 0.5)
                product *= mass / IN_PRIOR
            else:
                product *= _ROOT_2_PI / IN_PRIOR
                exponent -= 0.5 * (points[c, d] - 0.5) * (points[c, d] - 0.5)
        densities[c] = product * exp(exponent)


@kernel
def add_kernels(
    axes: AxisTable,
    mixture: Mixture,
    n: int,
    points: NDArray[np.float64],
    cells: NDArray[np.float64],
    densities: NDArray[np.float64],
) -> None:
    """Add the weighted sum of the densities of `n` kernels at each point to `densities`, as those of the prior.

    `points`, float64[c, p], are latent; `cells`, float64[c, p], the numbers of their cells on axes that have a grid.
    The loops over kernels are simple ones that compile to vectors, and the sum adds one half of them to the other again
    and again: its order depends on `n` alone.
    """
    exponent, product = mixture.exponent, mixture.product
    for c in range(len(points) if n > 0 else 0):
        for k in range(n):
            exponent[k] = 0.0
            product[k] = mixture.weight[k]
        for d in range(len(axes.kind)):
            point, cell = points[c, d], cells[c, d]
            if axes.kind[d] == CHOICE:
                _choose_factors(product, mixture.centre[d], point, mixture.own[d], mixture.other[d], n)
            elif axes.kind[d] == CONTINUOUS:
                _add_squares(exponent, mixture.centre[d], mixture.inverse[d], point, n)
            elif cell < axes.wide[d]:
                _multiply(product, mixture.mass[d, int(cell)], n)
            else:
                lower, upper = edges_of(axes, d, cell)
                _correct(product, mixture.centre[d], mixture.inverse[d], lower, upper, n)
                _add_squares(exponent, mixture.centre[d], mixture.inverse[d], 0.5 * (lower + upper), n)
        densities[c] += _sum_up(product, exponent, mixture.height, n)


@kernel
def _choose_factors(
    product: NDArray[np.float64], centre: NDArray[np.float64], point: float, own: float, other: float, n: int
) -> None:
    for k in range(n):
        product[k] *= own if centre[k] == point else other


@kernel
def _multiply(product: NDArray[np.float64], mass: NDArray[np.float64], n: int) -> None:
    for k in range(n):
        product[k] *= mass[k]


@kernel
def _add_squares(
    exponent: NDArray[np.float64], centre: NDArray[np.float64], inverse: NDArray[np.float64], point: float, n: int
) -> None:
    for k in range(n):
        t = (point - centre[k]) * inverse[k]
        exponent[k] += t * t


@kernel
def _correct(
    product: NDArray[np.float64],
    centre: NDArray[np.float64],
    inverse: NDArray[np.float64],
    lower: float,
    upper: float,
    n: int,
) -> None:
    """Multiply by the mean density of a narrow cell over e**(-t**2 / 2) in its middle, to the second derivative."""
    middle, curve = 0.5 * (lower + upper), (upper - lower) * (upper - lower) / 24.0
    for k in range(n):
        t = (middle - centre[k]) * inverse[k]
        product[k] *= 1.0 + curve * inverse[k] * inverse[k] * (t * t - 1.0)


@kernel
def _sum_up(product: NDArray[np.float64], exponent: NDArray[np.float64], height: NDArray[np.float64], n: int) -> float:
    for k in range(n):
        product[k] *= exp(min(height[k] - 0.5 * exponent[k], _MOST))
    while n > 1:
        half = (n + 1) // 2
        for k in range(n - half):
            product[k] += product[half + k]
        n = half
    return float(product[0])
