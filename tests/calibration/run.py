"""Print how often noise survives and how often edges do: `make calibration`, or with a number of studies a row."""

from __future__ import annotations

import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

for pool in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(pool, "1")  # before NumPy and Polars are imported: each process has one core

import studies

NOISE, POWER = 0.05, 0.80
WORDS = ("survives", "inconclusive", "compatible with noise")


def judge(task: tuple[int, int, float]) -> tuple[str, float]:
    """Run one study: its verdict, and the Sharpe ratio that it is about."""
    design, seed, sharpe = task
    found = studies.search(studies.DESIGNS[design], seed, sharpe)
    record = found.out_of_sample
    return found.verdict.verdict, found.sharpe if record is None else record.sharpe


def main(count: int) -> int:
    """Run `count` studies of each design and kind of market; gives how many rows are not as they must be."""
    tasks = [(d, seed, s) for s in (0.0, studies.SHARPE) for d in range(len(studies.DESIGNS)) for seed in range(count)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as processes:
        results = dict(zip(tasks, processes.map(judge, tasks, chunksize=4), strict=True))
    print(f"{count} studies a row, 100 trials each, five years of one asset")
    print(f"{'':24}{'true Sharpe':>12}{'survives':>10}{'inconcl.':>10}{'noise':>8}{'mean Sharpe':>13}  required")
    wrong = 0
    for sharpe in (0.0, studies.SHARPE):
        for d, design in enumerate(studies.DESIGNS):
            rows = [results[d, seed, sharpe] for seed in range(count)]
            shares = [sum(word == each for word, _ in rows) / count for each in WORDS]
            mean = sum(value for _, value in rows) / count
            spread = 3.0 * math.sqrt(NOISE * (1.0 - NOISE) / count)
            if sharpe == 0.0:
                good, text = shares[0] <= NOISE + spread, f"at most {NOISE:.0%} (+ {spread:.1%} of chance)"
            elif design.folds:
                spread = 3.0 * math.sqrt(POWER * (1.0 - POWER) / count)
                good, text = shares[0] >= POWER - spread, f"at least {POWER:.0%} (- {spread:.1%} of chance)"
            else:
                good, text = True, "none: seen in sample"
            wrong += not good
            cells = "".join(f"{share:>{width}.1%}" for share, width in zip(shares, (10, 10, 8), strict=True))
            print(f"{design.name:24}{sharpe:>12.1f}{cells}{mean:>13.2f}  {text}{'' if good else '  NOT MET'}")
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200), 1))
