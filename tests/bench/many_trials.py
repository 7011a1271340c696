"""What the statistics of many trials cost, in seconds and memory: python tests/bench/many_trials.py [TRIALS]."""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from backsweep.statistics.blocks import BLOCKS, BlockSums
from backsweep.statistics.effective import effective_of_blocks
from backsweep.statistics.overfitting import overfitting_of_blocks
from backsweep.statistics.reality import reality_of_blocks

SESSIONS_PER_BLOCK = 10


def noise(trials: int) -> BlockSums:
    """Return block sums of returns without skill, as a study keeps them."""
    chance = np.random.default_rng(0)
    sums, squares = (np.empty((trials, BLOCKS), dtype=np.float32) for _ in range(2))
    for start in range(0, trials, 10_000):
        part = slice(start, min(start + 10_000, trials))
        shape = (part.stop - part.start, BLOCKS)
        sums[part] = chance.normal(0, 0.01 * SESSIONS_PER_BLOCK**0.5, shape)
        squares[part] = sums[part] ** 2 / SESSIONS_PER_BLOCK + 1e-4 * chance.chisquare(SESSIONS_PER_BLOCK - 1, shape)
    return BlockSums(sums, squares, np.full(BLOCKS, SESSIONS_PER_BLOCK))


def main(trials: int) -> None:
    """Print one line per statistic."""
    overfitting_of_blocks(noise(4).merged(16))  # compiles
    kept = noise(trials)
    print(f"{trials:,} trials of {BLOCKS} blocks")
    for name, work in (
        ("cross-validation, 16 blocks", lambda: overfitting_of_blocks(kept.merged(16)).pbo),
        ("reality check, 1,000 resamples", lambda: reality_of_blocks(kept).p_value),
        ("effective number of trials", lambda: effective_of_blocks(kept)),
    ):
        started, used = time.perf_counter(), time.process_time()
        value = work()
        wall, busy = time.perf_counter() - started, time.process_time() - used
        print(f"{name:32} {wall:8.2f} s  ({busy:.2f} s of processor)  {value:.4g}")
    print(f"{'most memory':32} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2:8.2f} GB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
