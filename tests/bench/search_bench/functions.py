"""Functions to minimise: float64[k, axes] to float64[k], and noise that follows from the values.

No optimum lies in the middle of the box or at a corner, where samplers happen to look. The least is 0, or somewhat
above where an axis has few values.

Sources: S. Surjanovic and D. Bingham, "Virtual Library of Simulation Experiments" (Ackley, Branin, Griewank, Hartmann,
Levy, Rastrigin, Rosenbrock, Styblinski-Tang); N. Hansen et al., "Real-parameter black-box optimization benchmarking
2009" (rotated ellipsoid).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rotation(count: int) -> Array:
    """Return an orthogonal matrix, the same for all seeds."""
    matrix, triangle = np.linalg.qr(np.random.default_rng([71, count]).standard_normal((count, count)))
    return matrix * np.sign(np.diag(triangle))


def shift(count: int, within: float) -> Array:
    """Return where an optimum lies, the same for all seeds."""
    return np.random.default_rng([72, count]).uniform(-within, within, count)


def sphere(x: Array) -> Array:
    """Return the squared distance from a point."""
    return ((x - shift(x.shape[1], 4.0)) ** 2).sum(axis=1)


def rosenbrock(x: Array) -> Array:
    """Return the height above a curved valley with its least value at (1, ..., 1)."""
    return (100.0 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1.0 - x[:, :-1]) ** 2).sum(axis=1)


def ackley(x: Array) -> Array:
    """Return many shallow minima around one deep one."""
    z = x - shift(x.shape[1], 20.0)
    bowl, ripples = np.sqrt((z**2).mean(axis=1)), np.cos(2.0 * np.pi * z).mean(axis=1)
    return np.maximum(-20.0 * np.exp(-0.2 * bowl) - np.exp(ripples) + 20.0 + np.e, 0.0)


def levy(x: Array) -> Array:
    """Return ripples that grow away from (1, ..., 1)."""
    w = 1.0 + (x - 1.0) / 4.0
    inner = (w[:, :-1] - 1.0) ** 2 * (1.0 + 10.0 * np.sin(np.pi * w[:, :-1] + 1.0) ** 2)
    last = (w[:, -1] - 1.0) ** 2 * (1.0 + np.sin(2.0 * np.pi * w[:, -1]) ** 2)
    return np.sin(np.pi * w[:, 0]) ** 2 + inner.sum(axis=1) + last


def griewank(x: Array) -> Array:
    """Return a wide bowl under a product of cosines, turned and moved."""
    z = (x - shift(x.shape[1], 300.0)) @ rotation(x.shape[1])
    return (z**2).sum(axis=1) / 4000.0 - np.cos(z / np.sqrt(np.arange(1, z.shape[1] + 1))).prod(axis=1) + 1.0


def styblinski_tang(x: Array) -> Array:
    """Return a function with two minima on every axis, one of them deeper, turned."""
    z = x @ rotation(x.shape[1])
    least = -2.903534027771177
    height = z**4 - 16.0 * z**2 + 5.0 * z
    return np.maximum((height - (least**4 - 16.0 * least**2 + 5.0 * least)).sum(axis=1) / 2.0, 0.0)


HARTMANN = (
    np.array([1.0, 1.2, 3.0, 3.2]),
    np.array(
        [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    ),
    1e-4
    * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    ),
)


def hartmann(x: Array) -> Array:
    """Return Hartmann's function of six variables above its least value."""
    weights, scales, centres = HARTMANN
    inner = (scales * (x[:, None, :] - centres) ** 2).sum(axis=2)
    return np.maximum(3.322368011415515 - (weights * np.exp(-inner)).sum(axis=1), 0.0)


def rastrigin(x: Array) -> Array:
    """Return a bowl with a grid of minima, not turned."""
    z = x - shift(x.shape[1], 4.0)
    return (z**2 - 10.0 * np.cos(2.0 * np.pi * z) + 10.0).sum(axis=1)


def ellipsoid(x: Array) -> Array:
    """Return a turned bowl that is a thousand times as steep along one axis as along another, squared."""
    z = (x - shift(x.shape[1], 4.0)) @ rotation(x.shape[1])
    return (10.0 ** (6.0 * np.arange(z.shape[1]) / (z.shape[1] - 1)) * z**2).sum(axis=1)


def branin_mixed(x: Array) -> Array:
    """Return Branin's function on a logarithmic and a whole axis, and two axes more, whole and in steps."""
    first, second = -5.0 + 3.0 * (np.log10(x[:, 0]) + 3.0), x[:, 1] / 10.0
    valley = second - 5.1 / (4.0 * np.pi**2) * first**2 + 5.0 / np.pi * first - 6.0
    branin = valley**2 + 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.cos(first) + 10.0 - 0.397887
    return branin + 2.0 * np.abs(np.log2(x[:, 2] / 37.0)) + 50.0 * (x[:, 3] - 0.35) ** 2


def kinds(x: Array) -> Array:
    """Return a loss for each of four kinds, which depend on different axes; the third is the best."""
    kind, a, b, whole, flag, rate = x.T
    decades = np.abs(np.log10(rate))
    losses = (
        1.0 + 4.0 * (a - 0.3) ** 2 + 0.5 * (flag != 1.0),
        0.4 + 6.0 * (b - 0.8) ** 2 + 0.03 * np.abs(whole - 31.0) + 0.3 * (flag != 0.0),
        8.0 * (a - 0.72) ** 2 + 5.0 * (b - 0.15) ** 2 + 0.02 * np.abs(whole - 12.0) + 0.5 * (flag != 1.0),
        0.8 + 3.0 * decades + 0.1 * np.sin(9.0 * a),
    )
    return np.choose(kind.astype(np.int64), losses) + np.where(kind == 2.0, 0.2 * np.abs(np.log10(rate / 0.02)), 0.0)


def choices(x: Array) -> Array:
    """Return sums over eight axes of six choices, of tables of each and of each with the next, above the least sum."""
    cells = x.astype(np.int64)
    alone, pairs = TABLES
    loss = alone[np.arange(8), cells].sum(axis=1)
    return loss + pairs[np.arange(7), cells[:, :-1], cells[:, 1:]].sum(axis=1) - LEAST


def least_of_chain(alone: Array, pairs: Array) -> float:
    """Return the least sum over all choices, found from the last axis to the first."""
    best = alone[-1]
    for j in reversed(range(len(pairs))):
        best = alone[j] + (pairs[j] + best).min(axis=1)
    return float(best.min())


TABLES = (np.random.default_rng(73).random((8, 6)), np.random.default_rng(74).random((7, 6, 6)))
LEAST = least_of_chain(*TABLES)


def plateau(x: Array) -> tuple[Array, Array]:
    """Return a made-up Sharpe ratio with its sign turned, and how far trades and drawdown are beyond their bounds."""
    threshold, stop, target, window = x.T
    log_window = np.log(window / 60.0)
    ridge = np.exp(-(((np.floor(8.0 * threshold) / 8.0 - 1.9) / 0.45) ** 2) - (log_window / 0.5) ** 2)
    peak = np.exp(-(((threshold - 3.2) / 0.25) ** 2) - (np.log(window / 15.0) / 0.35) ** 2)
    exits = np.exp(-((np.log(stop / 0.02) / 0.7) ** 2)) + np.exp(-(((target - 0.06) / 0.03) ** 2))
    sharpe = 0.2 + 1.1 * ridge + 0.8 * peak + 0.35 * exits - 0.15 * (stop > target)
    trades = 2500.0 * np.exp(-1.1 * threshold) / np.sqrt(window / 20.0)
    drawdown = 0.1 + 1.5 * stop + 0.15 * np.exp(-threshold) + 0.0006 * window
    return -sharpe, np.stack([30.0 - trades, drawdown - 0.2], axis=1)


def mixed(x: Array) -> Array:
    """Return a loss of a rule, two windows, a ratio, a flag, and two thresholds that must fit each other."""
    rule, fast, slow, ratio, flag, entry, exit_ = x.T
    windows = np.log(fast / (6.0 + 5.0 * rule)) ** 2 + 0.5 * np.log(slow / (90.0 - 20.0 * rule)) ** 2
    crossed = 0.3 * np.maximum(np.log(3.0 * fast / slow), 0.0)
    levels = 0.8 * (entry - 1.4 - 0.2 * rule) ** 2 + 0.6 * (entry - exit_ - 0.9) ** 2
    return (
        0.25 * ((rule - 1.0) % 3.0) + windows + crossed + levels + 0.4 * np.log(ratio / 2.5) ** 2 + 0.1 * (flag != 0.0)
    )


TURN = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def noise(x: Array) -> Array:
    """Return a standard normal number for each row, the same for the same values, as a backtest does.

    Source: the finalizer of SplitMix64 (Steele, Lea and Flood 2014), and Box and Muller (1958).
    """
    state = np.zeros(len(x), np.uint64)
    for column in np.ascontiguousarray(x.T):
        state = scrambled(state ^ column.view(np.uint64))
    uniform = [((each >> np.uint64(11)) + 0.5) / 2.0**53 for each in (scrambled(state), scrambled(scrambled(state)))]
    return np.sqrt(-2.0 * np.log(uniform[0])) * np.cos(2.0 * np.pi * uniform[1])


def scrambled(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the next number of SplitMix64."""
    state = state + TURN
    state = (state ^ (state >> np.uint64(30))) * MULTIPLIERS[0]
    state = (state ^ (state >> np.uint64(27))) * MULTIPLIERS[1]
    return state ^ (state >> np.uint64(31))
