"""Probability of backtest overfitting by combinatorially symmetric cross-validation (CSCV).

Half of the blocks of time select the best trial, the other half test it, for every way to choose half. Source: Bailey,
Borwein, Lopez de Prado and Zhu (2015), "The Probability of Backtest Overfitting". With no skill the probability is 0.5,
not 0, and its standard deviation is 0.14.

The sum of any half is a sum of two looked-up sums: every trial's sums over all subsets of the first and of the second
half of the blocks. So a split costs two additions a trial, and the same blocks give the same bytes wherever they occur.

Whether a Sharpe ratio is below another one follows from their squares, without a root and a division, which cost four
times the rest. Only where the squares are equal but for rounding, or a trial may be a new best, are they computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backsweep.engine.compile.kernel import compiled, kernel
from backsweep.errors import BadInput
from backsweep.statistics.arguments import matrix, one_of
from backsweep.statistics.blocks import NEGLIGIBLE, BlockSums, block_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MOST_BLOCKS = 20
NO_SKILL, NO_SKILL_DEVIATION = 0.5, 0.14
"""Mean and standard deviation of the probability over studies without skill."""

_ROUNDING = 1e-12
"""A share of a square that is far above its rounding: of a thousand roundings."""
_SMALLEST = 1e-290
"""A difference of squares that is far above the rounding of numbers near zero, which is absolute."""
_TOGETHER = 64  # trials whose sums over subsets of blocks fit the processor's cache


class _Factors(NamedTuple):
    """For each split, float64[splits]: 1 / sessions, and what turns squared deviations into a scaled variance."""

    shares: NDArray[np.float64]
    scales: NDArray[np.float64]


class _Best(NamedTuple):
    """For each split: the best metric in sample, its trial (-1 for none), and that trial's metric out of sample."""

    metrics: NDArray[np.float64]
    trials: NDArray[np.int64]
    oos: NDArray[np.float64]


@dataclass(frozen=True)
class Overfitting:
    """The out-of-sample performance of the trial that was best in sample, over every split in two halves.

    Splits are in lexicographic order of their in-sample blocks. A split in which no trial's metric is defined in sample
    has selected -1 and NaN logit and oos; it is left out of every share. The metric is per session.

    pbo                  share of splits whose selected trial is at or below the median out of sample (logit <= 0)
    logits, oos          float64[splits]: logit of the relative rank, and metric, of the selected trial out of sample
    selected             int64[splits]: the trial that was best in sample; the first of equals
    probability_of_loss  share of splits whose selected trial loses out of sample
    expected             mean of oos where it is defined: a nearly unbiased estimate for the selected trial
    expected_range       5th and 95th percentile of oos
    """

    pbo: float
    logits: NDArray[np.float64]
    oos: NDArray[np.float64]
    selected: NDArray[np.int64]
    probability_of_loss: float
    expected: float
    expected_range: tuple[float, float]


def probability_of_backtest_overfitting(returns: ArrayLike, blocks: int = 16, metric: str = "sharpe") -> Overfitting:
    """Return the CSCV of returns (sessions, trials), two trials or more.

    `blocks` is even, from 2 to 20 and to the number of sessions; `metric` is "sharpe" or "mean". Raises BadInput.
    """
    given = matrix("returns", returns)
    _check(blocks, given.shape[0], given.shape[1])
    return overfitting_of_blocks(block_sums(given, blocks), metric)


def overfitting_of_blocks(kept: BlockSums, metric: str = "sharpe") -> Overfitting:
    """Return the CSCV of block sums, whose blocks are the blocks of the splits."""
    _check(kept.blocks, kept.sessions, kept.trials)
    mean_only = one_of("metric", metric, ("sharpe", "mean")) == "mean"
    inside = _halves(kept.blocks)
    bits = np.arange(kept.blocks)
    counts = ((inside[:, None] >> bits & 1) @ kept.counts).astype(np.float64)
    factors, left = _factors(counts), _factors(kept.sessions - counts)
    best = _Best(np.full(inside.size, -math.inf), np.full(inside.size, -1), np.full(inside.size, math.nan))
    for part, sums, squares in kept.chunks():
        _choose(sums, squares, inside, factors, left, mean_only, part.start, best)
    below, equal = np.zeros(inside.size, dtype=np.int64), np.zeros(inside.size, dtype=np.int64)
    outside = 2**kept.blocks - 1 - inside
    for _, sums, squares in kept.chunks():
        _count(sums, squares, outside, left, mean_only, best.oos, below, equal)
    oos = np.where((best.trials < 0) | np.isinf(best.oos), math.nan, best.oos)
    rank = below + (equal + 1) / 2.0
    logits = np.where(best.trials < 0, math.nan, np.log(rank) - np.log(kept.trials + 1 - rank))
    return _summary(logits, oos, best.trials)


def _summary(logits: NDArray[np.float64], oos: NDArray[np.float64], selected: NDArray[np.int64]) -> Overfitting:
    used, judged = logits[~np.isnan(logits)], oos[~np.isnan(oos)]
    low, high = (float(x) for x in np.quantile(judged, (0.05, 0.95))) if judged.size else (math.nan, math.nan)
    return Overfitting(
        pbo=float(np.mean(used <= 0.0)) if used.size else math.nan,
        logits=logits,
        oos=oos,
        selected=selected,
        probability_of_loss=float(np.sum(judged < 0.0)) / used.size if used.size else math.nan,
        expected=float(np.mean(judged)) if judged.size else math.nan,
        expected_range=(low, high),
    )


def _halves(blocks: int) -> NDArray[np.int64]:
    """Return the in-sample blocks of every split as bits of an integer: block b is bit b."""
    halves = combinations(range(blocks), blocks // 2)
    return np.array([sum(1 << b for b in half) for half in halves], dtype=np.int64)


def _factors(counts: NDArray[np.float64]) -> _Factors:
    """Return the factors of splits with so many sessions, float64[splits]."""
    return _Factors(1.0 / counts, counts * counts / np.maximum(counts - 1.0, 1.0))


def _check(blocks: int, sessions: int, trials: int) -> None:
    if blocks % 2 or not 2 <= blocks <= min(MOST_BLOCKS, sessions) or trials < 2:
        raise BadInput(
            "no cross-validation of these returns",
            expected=f"an even number of blocks, 2 to {MOST_BLOCKS}, of a session or more, and 2 trials or more",
            found=f"{blocks} blocks of {sessions} sessions, {trials} trials",
            remedy="pass more sessions or trials, or fewer blocks",
        )


@kernel
def _fill(sums: NDArray[np.float64], squares: NDArray[np.float64], tables: NDArray[np.float64]) -> None:
    """Write the sums over every subset of each trial's blocks: sums of the first and second half, then squares of both.

    `sums` and `squares` are (trials, blocks), `tables` (4, subsets, trials).
    """
    half = sums.shape[1] // 2
    for table in range(4):
        values = sums if table < 2 else squares
        first = half * (table % 2)
        tables[table, 0, :] = 0.0
        for b in range(half):
            size = 1 << b
            for bits in range(size):
                without, within = tables[table, bits], tables[table, size + bits]
                for t in range(sums.shape[0]):
                    within[t] = without[t] + values[t, first + b]


@kernel
def _metric(
    tables: NDArray[np.float64], t: int, split: int, half: int, share: float, scale: float, mean_only: bool
) -> float:
    """Return mean or Sharpe ratio per session over the blocks of `split`; minus infinity, to rank last, if none.

    `share` and `scale` are the `_factors` of the number of sessions in these blocks.
    """
    a = split & ((1 << half) - 1)
    b = split >> half
    total = tables[0, a, t] + tables[1, b, t]
    if mean_only:
        return float(total * share)
    square = tables[2, a, t] + tables[3, b, t]
    deviations = square - total * total * share
    if not deviations > NEGLIGIBLE * square:
        return -math.inf
    return float(total / math.sqrt(deviations * scale))


@kernel
def _compare(
    tables: NDArray[np.float64], trials: int, split: int, half: int, share: float, scale: float, metric: float
) -> tuple[int, int]:
    """Return how many of the first `trials` have a Sharpe ratio that is surely below `metric`, and surely above it.

    Arguments are those of `_metric`. Of those left over, nothing is known. The loop has no branch, so that the compiler
    takes several trials at a time.
    """
    a = split & ((1 << half) - 1)
    b = split >> half
    first, second, first_squares, second_squares = tables[0, a], tables[1, b], tables[2, a], tables[3, b]
    signed = metric * abs(metric)
    low, high = signed - _ROUNDING * abs(signed), signed + _ROUNDING * abs(signed)
    below, above = 0, 0
    for t in range(trials):
        total = first[t] + second[t]
        square = first_squares[t] + second_squares[t]
        deviations = square - total * total * share
        varies = deviations > NEGLIGIBLE * square
        variance = deviations * scale
        below += varies & (total * abs(total) < low * variance - _SMALLEST)
        above += varies & (total * abs(total) > high * variance + _SMALLEST)
    return below, above


@compiled
def _choose(
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
    splits: NDArray[np.int64],
    inside: _Factors,
    outside: _Factors,
    mean_only: bool,
    start: int,
    best: _Best,
) -> None:
    """Update each split's best trial with trials `start` and on; `sums` and `squares` are (trials, blocks).

    A new best is rare, so computing its metric out of sample costs little.
    """
    half = sums.shape[1] // 2
    everything = (1 << sums.shape[1]) - 1
    tables = np.empty((4, 1 << half, _TOGETHER))
    for group in range(0, sums.shape[0], _TOGETHER):
        trials = min(_TOGETHER, sums.shape[0] - group)
        _fill(sums[group : group + trials], squares[group : group + trials], tables)
        for s in range(splits.size):
            share, scale = inside.shares[s], inside.scales[s]
            if not mean_only and _compare(tables, trials, splits[s], half, share, scale, best.metrics[s])[0] == trials:
                continue
            for t in range(trials):
                value = _metric(tables, t, splits[s], half, share, scale, mean_only)
                if value > best.metrics[s]:
                    best.metrics[s] = value
                    best.trials[s] = start + group + t
                    best.oos[s] = _metric(
                        tables, t, everything - splits[s], half, outside.shares[s], outside.scales[s], mean_only
                    )


@compiled
def _count(
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
    splits: NDArray[np.int64],
    factors: _Factors,
    mean_only: bool,
    oos: NDArray[np.float64],
    below: NDArray[np.int64],
    equal: NDArray[np.int64],
) -> None:
    """Count the trials below and at the `oos` of each split's best trial; `sums` and `squares` are (trials, blocks)."""
    half = sums.shape[1] // 2
    tables = np.empty((4, 1 << half, _TOGETHER))
    for group in range(0, sums.shape[0], _TOGETHER):
        trials = min(_TOGETHER, sums.shape[0] - group)
        _fill(sums[group : group + trials], squares[group : group + trials], tables)
        for s in range(splits.size):
            share, scale = factors.shares[s], factors.scales[s]
            if not mean_only:
                less, more = _compare(tables, trials, splits[s], half, share, scale, oos[s])
                if less + more == trials:
                    below[s] += less
                    continue
            for t in range(trials):
                value = _metric(tables, t, splits[s], half, share, scale, mean_only)
                below[s] += value < oos[s]
                equal[s] += value == oos[s]
