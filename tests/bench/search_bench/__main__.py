"""Compare samplers, and write docs/search.md: `make search-bench`. Hours; it goes on where it was ended.

`--minutes` ends it after some time, and the page is written from what there is; `--only` runs some samplers alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path

for pool in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(pool, "1")  # before NumPy and Polars are imported: each process has one core

from search_bench.report import write_page
from search_bench.searches import OBJECTIVES, Sampler
from search_bench.store import Store, Task

ROOT = Path(__file__).parents[3]
SAMPLERS = (
    Sampler("backsweep", "auto", seeds=10, long=3),
    Sampler("backsweep", "tpe", seeds=10, long=2),
    Sampler("rustuna", "CmaEsSampler", long=1),
    Sampler("rustuna", "TPESampler", most=1_000),
    Sampler("rustuna", "NSGAIISampler", long=1),
    Sampler("optuna", "CmaEsSampler", most=1_000),
    Sampler("optuna", "NSGAIISampler", most=1_000),
    Sampler("optuna", "TPESampler", most=1_000),
    Sampler("optuna", "QMCSampler", most=1_000),
    Sampler("optuna", "RandomSampler", most=1_000),
    Sampler("optuna", "TPESampler", (("multivariate", False),), most=200),
    Sampler("backsweep", "cmaes", long=0),
    Sampler("backsweep", "random", long=0),
)


def tasks_of(samplers: tuple[Sampler, ...]) -> list[Task]:
    """Return all searches, the short ones first, and of these one of every sampler and objective before a second."""
    tasks = [
        Task(sampler, name, seed, sampler.trials(seed))
        for sampler in samplers
        for seed in range(sampler.seeds)
        for name in OBJECTIVES
    ]
    return sorted(tasks, key=lambda task: (task.trials, task.seed))


def main() -> None:
    """Run what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--only", default="", help="run only samplers whose label begins so")
    parser.add_argument("--objective", default="", help="run only objectives that begin so")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--store", type=Path, default=ROOT / "build" / "search-bench" / "searches.jsonl")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "search.md")
    options = parser.parse_args()
    begun, store = time.monotonic(), Store(options.store)
    tasks = store.missing(tasks_of(SAMPLERS))
    tasks = [each for each in tasks if each.sampler.label.startswith(options.only)]
    tasks = [each for each in tasks if each.objective.startswith(options.objective)]
    print(f"{len(tasks)} searches to run", flush=True)
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as processes:
        running = {}
        while tasks or running:
            while tasks and len(running) < 2 * options.processes and time.monotonic() - begun < 60.0 * options.minutes:
                task = tasks.pop(0)
                running[processes.submit(Task.run, task)] = task
            if not running:
                break
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                task = running.pop(ended)
                store.add(task, ended.result())
                print(f"{time.monotonic() - begun:7.0f} s  {task.key}  {ended.result().seconds:.1f} s", flush=True)
    write_page(options.page, store, SAMPLERS)
    print(f"{time.monotonic() - begun:.0f} seconds, {len(tasks)} searches left; wrote {options.page}")


if __name__ == "__main__":
    sys.exit(main())
