"""CMA-ES: a normal distribution over the unit cube that moves and stretches towards better trials.

N. Hansen (2016), "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772, with its constants and its negative
weights. Only the order of a generation's trials matters. Points beyond the cube are drawn again, and moved to its
surface in the end.

Equal to the last bit on every machine: the eigenvectors are Jacobi's and not LAPACK's, sums have one order, normal
numbers are quantiles of uniform ones, and exponential and logarithm are those of `elementary`.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backsweep.engine.compile.kernel import compiled, kernel
from backsweep.study.search.eigenvectors import diagonalise
from backsweep.study.search.elementary import exp, log, normal_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DRAWS = 10  # of a point, until one lies in the cube


class Constants(NamedTuple):
    """What follows from the number of axes and the size of a generation; the names are the tutorial's.

    `weights` is float64[size], by rank, positive ones first.
    """

    weights: NDArray[np.float64]
    parents: float
    c_sigma: float
    d_sigma: float
    c_c: float
    c_1: float
    c_mu: float
    chi: float


class Distribution(NamedTuple):
    """A normal distribution and its paths, in arrays that `move` changes in place; p axes.

    Attributes
    ----------
    mean : float64[p].
    scale : float64[1], sigma.
    covariance : float64[p, p].
    axes, lengths : float64[p, p] and float64[p], its eigenvectors in columns, and the roots of its eigenvalues.
    step_path, shape_path : float64[p].
    moves : int64[1], generations so far.

    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    covariance: NDArray[np.float64]
    axes: NDArray[np.float64]
    lengths: NDArray[np.float64]
    step_path: NDArray[np.float64]
    shape_path: NDArray[np.float64]
    moves: NDArray[np.int64]


class Cma:
    """A search around `mean`, float64[p] in [0, 1], with a standard deviation of `scale`."""

    def __init__(self, mean: NDArray[np.float64], scale: float, stream: np.random.Generator) -> None:
        p = len(mean)
        start = (mean.copy(), np.array([scale]), np.eye(p), np.eye(p), np.ones(p), np.zeros(p), np.zeros(p))
        self._state, self._stream = Distribution(*start, np.zeros(1, np.int64)), stream

    def draw(self, size: int) -> NDArray[np.float64]:
        """Draw a generation, float64[size, p] in [0, 1]."""
        return draw(self._state, self._stream.random((size, _DRAWS, len(self._state.mean))))

    def tell(self, ranked: NDArray[np.float64]) -> None:
        """Move towards the better points of a generation, float64[size, p] from best to worst.

        It may have been drawn before the distribution moved last.
        """
        move(self._state, constants(len(self._state.mean), len(ranked)), ranked)

    @property
    def spread(self) -> float:
        """The largest standard deviation along an eigenvector."""
        return float(self._state.scale[0] * self._state.lengths.max())

    @property
    def ratio(self) -> float:
        """The largest standard deviation over the smallest one."""
        return float(self._state.lengths.max() / self._state.lengths.min())


@cache
def constants(p: int, size: int) -> Constants:
    """Return the tutorial's constants, its table 1."""
    raw = [log((size + 1) / 2) - log(float(rank)) for rank in range(1, size + 1)]
    better, worse = [w for w in raw if w > 0.0], [w for w in raw if w <= 0.0]
    parents = sum(better) ** 2 / sum(w * w for w in better)
    others = sum(worse) ** 2 / sum(w * w for w in worse)
    c_1 = 2.0 / ((p + 1.3) ** 2 + parents)
    c_mu = min(1.0 - c_1, 2.0 * (parents - 2.0 + 1.0 / parents) / ((p + 2.0) ** 2 + parents))
    c_sigma = (parents + 2.0) / (p + parents + 5.0)
    most = min(1.0 + c_1 / c_mu, 1.0 + 2.0 * others / (parents + 2.0), (1.0 - c_1 - c_mu) / (p * c_mu))
    weights = [w / sum(better) for w in better] + [most * w / -sum(worse) for w in worse]
    return Constants(
        np.array(weights),
        parents,
        c_sigma,
        1.0 + c_sigma + 2.0 * max(0.0, math.sqrt((parents - 1.0) / (p + 1.0)) - 1.0),
        (4.0 + parents / p) / (p + 4.0 + 2.0 * parents / p),
        c_1,
        c_mu,
        math.sqrt(p) * (1.0 - 1.0 / (4.0 * p) + 1.0 / (21.0 * p * p)),
    )


@compiled
def draw(state: Distribution, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a generation, float64[size, p] in [0, 1]; `uniform` is float64[size, draws, p] in [0, 1)."""
    size, draws, p = uniform.shape
    points, steps = np.empty((size, p)), np.empty(p)
    for i in range(size):
        for attempt in range(draws):
            for j in range(p):
                steps[j] = state.lengths[j] * normal_quantile(max(uniform[i, attempt, j], 2.0**-54))
            inside = True
            for j in range(p):
                step = 0.0
                for k in range(p):
                    step += state.axes[j, k] * steps[k]
                value = state.mean[j] + state.scale[0] * step
                inside = inside and 0.0 <= value <= 1.0
                points[i, j] = min(max(value, 0.0), 1.0)
            if inside:
                break
    return points


@compiled
def move(state: Distribution, given: Constants, ranked: NDArray[np.float64]) -> None:
    """Move the distribution; `ranked` is the generation, float64[size, p], from best to worst."""
    steps = (ranked - state.mean) / state.scale[0]
    stalled = move_mean(state, given, steps)
    reshape(state, given, steps, stalled)
    square = 0.0
    for value in state.step_path:
        square += value * value
    state.scale[0] *= exp(min(1.0, given.c_sigma / given.d_sigma * (math.sqrt(square) / given.chi - 1.0)))
    decompose(state)


@kernel
def move_mean(state: Distribution, given: Constants, steps: NDArray[np.float64]) -> float:
    """Move the mean and the paths; return 1.0 if the step path is so long that the shape path stands still, or 0.0."""
    size, p = steps.shape
    mean_step = np.zeros(p)
    for i in range(size):
        if given.weights[i] > 0.0:
            for j in range(p):
                mean_step[j] += given.weights[i] * steps[i, j]
    whitened = whiten(state, mean_step)
    gain = math.sqrt(given.c_sigma * (2.0 - given.c_sigma) * given.parents)
    square = 0.0
    for j in range(p):
        state.mean[j] += state.scale[0] * mean_step[j]
        state.step_path[j] = (1.0 - given.c_sigma) * state.step_path[j] + gain * whitened[j]
        square += state.step_path[j] * state.step_path[j]
    state.moves[0] += 1
    faded = exp(2.0 * state.moves[0] * log(1.0 - given.c_sigma))
    limit = (1.4 + 2.0 / (p + 1.0)) * given.chi
    stalled = 0.0 if square / (1.0 - faded) < limit * limit else 1.0
    gain = (1.0 - stalled) * math.sqrt(given.c_c * (2.0 - given.c_c) * given.parents)
    for j in range(p):
        state.shape_path[j] = (1.0 - given.c_c) * state.shape_path[j] + gain * mean_step[j]
    return stalled


@kernel
def reshape(state: Distribution, given: Constants, steps: NDArray[np.float64], stalled: float) -> None:
    """Change the covariance by the shape path and the steps of a generation."""
    size, p = steps.shape
    total = 0.0
    factors = np.empty(size)
    for i in range(size):
        total += given.weights[i]
        factors[i] = given.c_mu * given.weights[i]
        if given.weights[i] < 0.0:
            square = 0.0
            for value in whiten(state, steps[i]):
                square += value * value
            factors[i] *= p / max(square, 1e-300)
    kept = 1.0 - given.c_1 - given.c_mu * total + stalled * given.c_1 * given.c_c * (2.0 - given.c_c)
    for j in range(p):
        for k in range(j + 1):
            value = kept * state.covariance[j, k] + given.c_1 * state.shape_path[j] * state.shape_path[k]
            for i in range(size):
                value += factors[i] * steps[i, j] * steps[i, k]
            state.covariance[j, k] = state.covariance[k, j] = value


@kernel
def whiten(state: Distribution, step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a step times the inverse root of the covariance, float64[p]."""
    p = len(step)
    along, result = np.zeros(p), np.zeros(p)
    for k in range(p):
        for j in range(p):
            along[k] += state.axes[j, k] * step[j]
        along[k] /= state.lengths[k]
    for j in range(p):
        for k in range(p):
            result[j] += state.axes[j, k] * along[k]
    return result


@kernel
def decompose(state: Distribution) -> None:
    """Find eigenvectors and roots of eigenvalues of the covariance."""
    a = state.covariance.copy()
    diagonalise(a, state.axes)
    for j in range(len(a)):
        state.lengths[j] = math.sqrt(max(a[j, j], 1e-300))
