"""The least point of a quadratic that is fitted to points, within a distance: one step of a search by trust regions.

A. R. Conn, K. Scheinberg and L. N. Vicente (2009), "Introduction to Derivative-Free Optimization": quadratic regression
in chapter 4, the subproblem of a trust region in chapter 10. The weights fall with the distance, as in S. Kern,
N. Hansen and P. Koumoutsakos (2006), "Local Meta-models for Optimization Using Evolution Strategies".

Equal to the last bit on every machine: sums have one order, and compiled loops add along rows, never across lanes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.compile.kernel import compiled, kernel
from backsweep.study.search.eigenvectors import diagonalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RIDGE = 1e-10  # of the number of points, on the diagonal of the normal equations
_HALVINGS = 60  # of the interval in which the shift of a trust region lies


def terms(p: int, *, full: bool) -> int:
    """Return how many coefficients a quadratic of p variables has; without products of two of them unless `full`."""
    return (p + 1) * (p + 2) // 2 if full else 2 * p + 1


@compiled
def quadratic_step(
    points: NDArray[np.float64], losses: NDArray[np.float64], weights: NDArray[np.float64], full: bool, radius: float
) -> NDArray[np.float64]:
    """Return where the quadratic that fits the points best is least within `radius` of the origin, float64[p].

    `points` is float64[k, p] and has to be of the size of 1; `losses` and `weights`, of the errors, are float64[k]. A
    fit without a least point, as of a plane, ends on the sphere. It is the origin where nothing can be fitted.
    """
    p = points.shape[1]
    coefficients = fit(points, losses, weights, full)
    gradient, matrix = coefficients[1 : p + 1], np.zeros((p, p))
    place = p + 1
    for a in range(p):
        for b in range(a, p if full else a + 1):
            matrix[a, b] += coefficients[place]
            matrix[b, a] += coefficients[place]
            place += 1
    return least_within(gradient, matrix, radius)


@kernel
def fit(
    points: NDArray[np.float64], losses: NDArray[np.float64], weights: NDArray[np.float64], full: bool
) -> NDArray[np.float64]:
    """Return the coefficients of least weighted squares: of 1, of each variable, of each product; zeros if none are."""
    k, p = points.shape
    count = 1 + p + (p * (p + 1) // 2 if full else p)
    matrix, right, row = np.zeros((count, count)), np.zeros(count), np.empty(count)
    for i in range(k):
        row[0] = 1.0
        place = p + 1
        for a in range(p):
            row[a + 1] = points[i, a]
            for b in range(a, p if full else a + 1):
                row[place] = points[i, a] * points[i, b]
                place += 1
        square = weights[i] * weights[i]
        for a in range(count):
            factor = square * row[a]
            right[a] += factor * losses[i]
            for b in range(a, count):
                matrix[a, b] += factor * row[b]
    for a in range(count):
        matrix[a, a] += _RIDGE * k
    return solve(matrix, right)


@kernel
def solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve a positive definite system by Cholesky's method, in place; the upper triangle counts. Zeros if it is not.

    matrix : float64[n, n]. right : float64[n].
    """
    n = len(right)
    for a in range(n):
        if not matrix[a, a] > 0.0:
            return np.zeros(n)
        root = math.sqrt(matrix[a, a])
        for b in range(a, n):
            matrix[a, b] /= root
        right[a] /= root
        for b in range(a + 1, n):
            factor = matrix[a, b]
            right[b] -= factor * right[a]
            for c in range(b, n):
                matrix[b, c] -= factor * matrix[a, c]
    for a in range(n - 1, -1, -1):
        for b in range(a + 1, n):
            right[a] -= matrix[a, b] * right[b]
        right[a] /= matrix[a, a]
    return right


@kernel
def least_within(gradient: NDArray[np.float64], matrix: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return the s of at most `radius` at which gradient . s + s . matrix . s / 2 is least, float64[p].

    `matrix` becomes its eigenvalues. Its shift by which s gets as long as the radius is found by halving an interval.
    """
    p = len(gradient)
    axes, along = np.empty((p, p)), np.zeros(p)
    diagonalise(matrix, axes)
    least, square = matrix[0, 0], 0.0
    for a in range(p):
        least = min(least, matrix[a, a])
        for b in range(p):
            along[a] += axes[b, a] * gradient[b]
        square += along[a] * along[a]
    low = max(0.0, -least)
    high = low + math.sqrt(square) / radius
    if high == 0.0:
        return np.zeros(p)
    if not (least > 0.0 and length(along, matrix, 0.0) <= radius):
        for _ in range(_HALVINGS):
            middle = low + 0.5 * (high - low)
            if length(along, matrix, middle) > radius:
                low = middle
            else:
                high = middle
        low = high
    step = np.zeros(p)
    for a in range(p):
        if matrix[a, a] + low > 0.0:
            part = -along[a] / (matrix[a, a] + low)
            for b in range(p):
                step[b] += axes[b, a] * part
    return step


@kernel
def length(along: NDArray[np.float64], matrix: NDArray[np.float64], shift: float) -> float:
    """Return how long the step of a shift is; inf where the shifted matrix is not positive definite."""
    square = 0.0
    for a in range(len(along)):
        shifted = matrix[a, a] + shift
        if not shifted > 0.0:
            return math.inf
        square += (along[a] / shifted) * (along[a] / shifted)
    return math.sqrt(square)
