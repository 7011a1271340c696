"""The reality check: whether the best of these trials could have been found in noise.

Blocks of time are drawn with replacement, the same for all trials; each trial's statistic is measured against its own
value in the record. p = P(max over trials of (resampled - own) >= the best own). Sources: White (2000), "A Reality
Check for Data Snooping", on the Sharpe ratio itself; Romano and Wolf (2005), "Stepwise Multiple Testing", survivors.

The bootstrap treats the variance between blocks as known, although it is estimated from the blocks. For the verdict on
a study its differences are therefore widened to Student's distribution: of 100 trials without skill over 128 blocks the
best one passes a test at 5 % in 5.8 % of cases without widening, and in 5.1 % with it (3,000 studies).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from backsweep.statistics.arguments import matrix, number, one_of, whole
from backsweep.statistics.blocks import BLOCKS, BlockSums, block_sums, sharpe_of_sums, standard_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

TIE = 1e-9
"""Statistics that differ from the best by less than this share are equal, up to rounding."""
_WIDTH, _ROWS = 512, 32  # trials, and resamples of them, at a time, so that what is computed fits the processor's cache


@dataclass(frozen=True)
class RealityCheck:
    """The best trial against the best of noise; statistics are per session.

    p_value       probability that noise does at least as well as the best trial
    best          the trial that is judged: the one with the largest statistic, unless another was chosen; -1 where it
                  has none, and then all figures are NaN
    statistic     its Sharpe ratio or mean
    critical      the difference that noise exceeds with probability `level`, over all trials at once
    lower_bound   statistic - critical: with probability 1 - level the true value is above it, for all trials at once
    survivors     number of trials significant by the step-down test, at a family-wise error of `level`
    surviving     int64[survivors]: their positions
    exact         whether all resamples were enumerated
    resamples     number of resamples; blocks: number of blocks
    """

    p_value: float
    best: int
    statistic: float
    critical: float
    lower_bound: float
    survivors: int
    surviving: NDArray[np.int64]
    exact: bool
    resamples: int
    blocks: int


def reality_check(
    returns: ArrayLike,
    blocks: int = BLOCKS,
    resamples: int = 1000,
    seed: int = 0,
    statistic: str = "sharpe",
    level: float = 0.05,
) -> RealityCheck:
    """Return the reality check of returns (sessions, trials).

    `blocks` contiguous blocks of time, fewer where a block would have less than two sessions. All blocks^blocks
    resamples are enumerated if they are no more than `resamples`. `statistic` is "sharpe" or "mean". Raises BadInput.
    """
    given = matrix("returns", returns)
    most = blocks if 2 * blocks <= given.shape[0] else min(blocks, standard_blocks(given.shape[0]))
    return reality_of_blocks(block_sums(given, most), resamples, seed, statistic, level)


def reality_of_blocks(
    kept: BlockSums,
    resamples: int = 1000,
    seed: int = 0,
    statistic: str = "sharpe",
    level: float = 0.05,
    chosen: int | None = None,
    *,
    widened: bool = False,
) -> RealityCheck:
    """Return the reality check of block sums, chunked over trials; see `reality_check`.

    With `widened` the differences of Sharpe ratios follow Student's distribution. `chosen` is the position of the trial
    that is judged: the maximum over all trials bounds every one of them, however it was chosen.
    """
    by_mean = one_of("statistic", statistic, ("sharpe", "mean")) == "mean"
    share = number("level", level, 0.0, 1.0)
    drawn, exact = resample_counts(kept.blocks, whole("resamples", resamples, 1), seed)
    own = kept.mean() if by_mean else kept.sharpe()
    if np.isnan(own).all() or (chosen is not None and np.isnan(own[chosen])):
        nowhere = np.empty(0, dtype=np.int64)
        return RealityCheck(math.nan, -1, math.nan, math.nan, math.nan, 0, nowhere, exact, len(drawn), kept.blocks)
    best = int(np.nanargmax(own)) if chosen is None else chosen

    def measure(taken: NDArray[np.bool_]) -> NDArray[np.float64]:
        found = _largest_differences(kept, drawn, own, by_mean, taken)
        return _widened(found, kept) if widened and not by_mean else found

    largest = measure(~np.isnan(own))
    top = float(own[best])
    extra = 0 if exact else 1  # the record itself is one more draw: a sampled p-value is never 0
    reached = np.count_nonzero(largest >= top - TIE * abs(top)) + extra
    critical = _critical(largest, share, extra)
    surviving = _step_down(own, measure, share, extra, critical)
    return RealityCheck(
        p_value=float(reached / (len(drawn) + extra)),
        best=best,
        statistic=top,
        critical=critical,
        lower_bound=top - critical,
        survivors=len(surviving),
        surviving=surviving,
        exact=exact,
        resamples=len(drawn),
        blocks=kept.blocks,
    )


def resample_counts(blocks: int, resamples: int, seed: int) -> tuple[NDArray[np.float64], bool]:
    """Return how often each resample holds each block, float64 (resamples, blocks), and whether these are all."""
    if blocks**blocks <= resamples:
        draws = np.array(list(product(range(blocks), repeat=blocks)))
        return np.stack([np.count_nonzero(draws == block, axis=1) for block in range(blocks)], axis=1).astype(
            float
        ), True
    chance = np.random.Generator(np.random.PCG64(seed))
    return chance.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=resamples).astype(np.float64), False


def _largest_differences(
    kept: BlockSums, drawn: NDArray[np.float64], own: NDArray[np.float64], by_mean: bool, taken: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return each resample's largest difference between resampled and own statistic over the trials `taken`.

    A resample in which a trial does not vary is left out for that trial.
    """
    largest = np.full(len(drawn), -math.inf)
    counts = (drawn @ kept.counts)[:, None]
    for part, sums, squares in kept.chunks(_WIDTH):
        keep = taken[part]
        if keep.any():
            totals, measured = drawn @ sums[keep].T, own[part][keep]
            squared = totals if by_mean else drawn @ squares[keep].T
            for start in range(0, len(drawn), _ROWS):
                rows = slice(start, start + _ROWS)
                total, count, top = totals[rows], counts[rows], largest[rows]
                values = total / count if by_mean else sharpe_of_sums(total, squared[rows], count)
                values -= measured
                np.fmax(top, np.fmax.reduce(values, axis=1), out=top)
    return largest


def _widened(largest: NDArray[np.float64], kept: BlockSums) -> NDArray[np.float64]:
    """Convert quantiles of the normal distribution to those of Student's, by the first term of their difference.

    Source: Abramowitz and Stegun (1964), 26.7.5; a Sharpe ratio's standard error is 1 over the root of the sessions.
    """
    root = math.sqrt(kept.sessions)
    z = largest * root
    return np.asarray((z + (z**3 + z) / (4.0 * (kept.blocks - 1.0))) / root)


def _critical(largest: NDArray[np.float64], level: float, extra: int) -> float:
    """Return the order statistic that is exceeded exactly where the p-value is at most `level`."""
    place = math.ceil((1.0 - level) * (largest.size + extra) - TIE)
    return float(np.sort(largest)[place - 1]) if 1 <= place <= largest.size else math.inf


def _step_down(
    own: NDArray[np.float64],
    measure: Callable[[NDArray[np.bool_]], NDArray[np.float64]],
    level: float,
    extra: int,
    critical: float,
) -> NDArray[np.int64]:
    """Return the trials above the critical value, which is computed again without them until there are no more."""
    left = ~np.isnan(own)
    while True:
        found = left & (np.nan_to_num(own, nan=-math.inf) > critical)
        if not found.any():
            break
        left &= ~found
        if not left.any():
            break
        critical = _critical(measure(left), level, extra)
    return np.flatnonzero(~left & ~np.isnan(own))
