"""Eigenvectors of a symmetric matrix by Jacobi's method, equal to the last bit on every machine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backsweep.engine.compile.kernel import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SWEEPS = 30  # at most; it needs fewer than ten


@kernel
def diagonalise(a: NDArray[np.float64], axes: NDArray[np.float64]) -> None:
    """Turn a symmetric matrix into its eigenvalues on the diagonal, and write its eigenvectors into columns of `axes`.

    Both are float64[p, p]. Cyclic rotations, until what lies beside the diagonal is 1e-16 of the whole.
    """
    p = len(a)
    for j in range(p):
        for k in range(p):
            axes[j, k] = 1.0 if j == k else 0.0
    for _ in range(_SWEEPS):
        beside, whole = 0.0, 0.0
        for j in range(p):
            whole += a[j, j] * a[j, j]
            for k in range(j):
                beside += a[j, k] * a[j, k]
        if beside <= 1e-32 * whole:
            break
        for j in range(p - 1):
            for k in range(j + 1, p):
                rotate(a, axes, j, k)


@kernel
def rotate(a: NDArray[np.float64], axes: NDArray[np.float64], j: int, k: int) -> None:
    """Turn the plane of two axes so that the element a[j, k] becomes 0."""
    if a[j, k] == 0.0:
        return
    theta = (a[k, k] - a[j, j]) / (2.0 * a[j, k])
    tangent = 1.0 / (abs(theta) + math.sqrt(theta * theta + 1.0))
    if theta < 0.0:
        tangent = -tangent
    cosine = 1.0 / math.sqrt(tangent * tangent + 1.0)
    sine = tangent * cosine
    for i in range(len(a)):
        left, right = a[i, j], a[i, k]
        a[i, j], a[i, k] = cosine * left - sine * right, sine * left + cosine * right
    for i in range(len(a)):
        left, right = a[j, i], a[k, i]
        a[j, i], a[k, i] = cosine * left - sine * right, sine * left + cosine * right
    for i in range(len(a)):
        left, right = axes[i, j], axes[i, k]
        axes[i, j], axes[i, k] = cosine * left - sine * right, sine * left + cosine * right
