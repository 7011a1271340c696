"""Print how often noise survives and how often edges do: `make calibration`, or with a number of studies a row.

The designs were fixed with markets of other seeds than these, and with a fast imitation of the family; FIRST and what
follows it had not been searched before the table was printed that the project reports. A second argument gives another
first seed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import fmean

for pool in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(pool, "1")  # before NumPy and Polars are imported: each process has one core

import numpy as np

import studies

FIRST = 1_000_000
NOISE, POWER = 0.05, 0.80
SURE = 0.99
"""With so much probability a share is within the bound that is printed, if the true one is what is required."""
DRAWS = 1_000_000
WORDS = ("survives", "inconclusive", "compatible with noise")

Row = list[tuple[str, float]]


def judge(task: tuple[int, int, float]) -> tuple[str, float]:
    """Run one study: its verdict, and the Sharpe ratio that it is about."""
    design, seed, sharpe = task
    found = studies.search(studies.DESIGNS[design], seed, sharpe)
    record = found.out_of_sample
    return found.verdict.verdict, found.sharpe if record is None else record.sharpe


def bound(count: int, share: float, sure: float) -> float:
    """Return the quantile of the share of `count` studies where the true one is `share`, by draws with a fixed seed."""
    return float(np.quantile(np.random.default_rng(0).binomial(count, share, DRAWS), sure)) / count


def line(design: studies.Design, sharpe: float, row: Row) -> tuple[str, bool]:
    """Describe how a row came out, and whether it lies within its bounds."""
    count = len(row)
    shares = [sum(word == each for word, _ in row) / count for each in WORDS]
    good, text = True, "-"
    if sharpe == 0.0:
        most = bound(count, NOISE, SURE)
        good, text = shares[0] <= most, f"at most {NOISE:.0%}: {most:.1%} by chance"
    elif design.followed:
        least = bound(count, POWER, 1.0 - SURE)
        good, text = shares[0] >= least, f"at least {POWER:.0%}: {least:.1%} by chance"
    cells = "".join(f"{share:>{width}.1%}" for share, width in zip(shares, (10, 10, 8), strict=True))
    mean = fmean(value for _, value in row)
    return f"{design.name:32}{sharpe:>12.1f}{cells}{mean:>13.2f}  {text}{'' if good else '  NOT MET'}", good


def rows(results: Iterable[tuple[str, float]], count: int) -> Iterator[Row]:
    """Cut results into rows as they come."""
    row: Row = []
    for result in results:
        row.append(result)
        if len(row) == count:
            yield row
            row = []


def main(count: int, first: int = FIRST) -> int:
    """Run `count` studies of each design and kind of market; gives how many rows are not as they must be."""
    kinds = [(d, sharpe) for d in range(len(studies.DESIGNS)) for sharpe in (0.0, studies.SHARPE)]
    tasks = [(d, first + row * count + k, sharpe) for row, (d, sharpe) in enumerate(kinds) for k in range(count)]
    print(f"{count} studies a row, each on a market of its own, {first} and on: five years of one asset")
    head = f"{'':32}{'true Sharpe':>12}{'survives':>10}{'inconcl.':>10}{'noise':>8}{'mean Sharpe':>13}"
    print(f"{head}  required", flush=True)
    wrong = 0
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as processes:
        results = processes.map(judge, tasks, chunksize=4)
        for (d, sharpe), row in zip(kinds, rows(results, count), strict=True):
            text, good = line(studies.DESIGNS[d], sharpe, row)
            wrong += not good
            print(text, flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:]) if len(sys.argv) > 1 else (200,)), 1))
