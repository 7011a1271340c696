"""What a trial costs beside its engine: the driver, the study's files, the way to the workers.

`python tests/bench/overheads.py` measures with an engine that returns at once, and the search of the demo by TPE;
`--workers` adds a hundred actors under one driver, and the demo sweep enlarged on one worker and on two: minutes. Costs
are processor time, the least of several runs, for a machine with other work to do; what must be told by the clock is a
ratio or a difference, but for the speed of the search, which wants a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from scenarios.null_engine import make_null_engine, run_null

import backsweep as bs
from backsweep.runtime.inline import InlineBackend

REPEATS = 3
TRIALS = 12_000  # of the demo, enough that its last chunks, which leave a worker without work, do not count
YEAR = ("data.start=2012-01-01", "data.end=2012-12-31", "search.batch=64")
RAY_START = """
from backsweep.runtime.ray_session import RaySession, ray
session = RaySession(2, "local")
ray.get(ray.remote(lambda: 0).remote())
session.close()
"""
FIRST_TRIAL = """
import sys, time
import backsweep as bs
class Begun(BaseException): ...
def show(progress):
    if progress.done:
        raise Begun
try:
    bs.run(sys.argv[1], out=sys.argv[2], workers=int(sys.argv[3]), backend=sys.argv[4], progress=show)
except Begun:
    pass
"""


def inline_cost(trials: int, sampler: str = "sobol") -> tuple[float, float]:
    """Measure microseconds of processor time per trial, and the process's peak memory in MB."""
    with tempfile.TemporaryDirectory() as home:
        begin = time.process_time()
        run_null(Path(home) / "study", InlineBackend(make_null_engine()), trials, sampler=sampler)
        cost = (time.process_time() - begin) / trials * 1e6
    return cost, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ray_cost(workers: int, trials: int, sampler: str = "sobol") -> float:
    """Measure microseconds of the driver's processor time per trial, from the first result to the last commit."""
    from backsweep.runtime.ray_pool import RayBackend  # noqa: PLC0415 - its import is not what is measured

    first: list[tuple[float, int]] = []

    def mark(progress) -> None:
        if progress.done and not first:
            first.append((time.process_time(), progress.done))

    with tempfile.TemporaryDirectory() as home:
        run_null(Path(home) / "study", RayBackend(workers, "local", make_null_engine()), trials, mark, sampler)
    begin, done = first[0]
    return (time.process_time() - begin) / (trials - done) * 1e6


def alone(function, *arguments):
    """Call a function in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def seconds(code: str, *arguments: str, fresh: bool = False, processor: bool = False) -> float:
    """Measure the seconds of the fastest of a few processes that run this code, wall-clock or processor time.

    Every run but the first finds on disk what was compiled before; a `fresh` one finds nothing, and is run once.
    """
    times = []
    for _ in range(1 if fresh else REPEATS):
        with tempfile.TemporaryDirectory() as home:
            command = [sys.executable, "-c", code, *(each.replace("HOME", home) for each in arguments)]
            environment = os.environ | ({"NUMBA_CACHE_DIR": home} if fresh else {})
            begin = _now(processor)
            subprocess.run(command, check=True, env=environment)  # noqa: S603 - the code above
            times.append(_now(processor) - begin)
    return min(times)


def _now(processor: bool) -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime if processor else time.perf_counter()


def demo_pace(workers: int, copies: int) -> float:
    """Measure trials per second of the demo's strategy with sobol proposals, once every worker is busy.

    The data are the demo's with so many copies of every asset. On a machine of two cores the driver's share of a trial,
    and that of Ray's own processes, is a worker's loss, and it does not grow with the assets: 3,000 returns are
    committed however long the trial took.
    """
    seen: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as home:
        for name in ("stocks_daily", "stocks_signals"):
            frame = pl.read_parquet(ROOT / "sweeps" / "data" / f"{name}.parquet")
            each = (frame.with_columns(pl.col("asset") + f"-{copy}") for copy in range(copies))
            pl.concat(each).sort("timestamp", "asset").write_parquet(Path(home) / f"{name}.parquet")
        bs.run(
            ROOT / "sweeps" / "demo.yaml",
            out=Path(home) / "study",
            workers=workers,
            backend="ray",
            trials=TRIALS,
            overrides=[
                "search.sampler=sobol",
                f"data.bars={home}/stocks_daily.parquet",
                f"data.signals={home}/stocks_signals.parquet",
            ],
            progress=lambda progress: seen.append((time.perf_counter(), progress.done)),
        )
    (begin, before), (end, done) = next(mark for mark in seen if mark[1] > TRIALS / 6), seen[-1]
    return (done - before) / (end - begin)


def search_pace(trials: int, backend: str, *overrides: str) -> tuple[float, float]:
    """Measure the seconds of the demo's search by TPE, and its trials per second once a tenth of them has ended."""
    begin = time.perf_counter()
    seen: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as home:
        bs.run(
            ROOT / "sweeps" / "demo.yaml",
            out=Path(home) / "study",
            workers=2,
            backend=backend,
            trials=trials,
            overrides=["search.sampler=tpe", *overrides],
            progress=lambda progress: seen.append((time.perf_counter(), progress.done)),
        )
    (first, before), (end, done) = next(mark for mark in seen if mark[1] > trials / 10), seen[-1]
    return end - begin, (done - before) / (end - first)


def measure(*, workers: bool) -> list[tuple[str, float, str, float]]:
    """Return name, figure, relation and limit of every measurement; zero and infinity are no limits."""
    small, large = alone(inline_cost, 10_000), alone(inline_cost, 1_000_000)
    cost = min(alone(ray_cost, 2, 200_000) for _ in range(REPEATS))
    learning = [alone(inline_cost, trials, "tpe") for trials in (10_000, 400_000)]
    batch = min(alone(ray_cost, 2, 100_000, "tpe") for _ in range(REPEATS)) * 64 / 1000
    _, pace = alone(search_pace, 6_000, "ray")
    year, _ = alone(search_pace, 100_000, "inline", *YEAR)
    demo = str(ROOT / "sweeps" / "demo.yaml")
    inline = (FIRST_TRIAL, demo, "HOME/study", "1", "inline")
    inline_start, inline_first = seconds(*inline, processor=True), seconds(*inline, processor=True, fresh=True)
    on_ray = (FIRST_TRIAL, demo, "HOME/study", "2", "ray")
    ray_start, ray_run, ray_first = seconds(RAY_START), seconds(*on_ray), seconds(*on_ray, fresh=True)
    rows = [
        ("inline, trials per second of processor", 1e6 / large[0], ">=", 20_000.0),
        ("inline, memory of 1,000,000 trials over 10,000", large[1] / small[1], "<=", 1.25),
        ("two Ray workers, us of the driver per trial", cost, "<=", 20.0),
        ("inline with tpe, trials per second of processor", 1e6 / learning[1][0], ">=", 10_000.0),
        ("inline with tpe, memory of 400,000 trials over 10,000", learning[1][1] / learning[0][1], "<=", 1.25),
        ("two Ray workers with tpe, ms of the driver for a batch of 64", batch, "<=", 8.0),
        ("demo sweep with tpe on two workers, trials per second after its start", pace, ">=", 1_500.0),
        ("100,000 tpe trials on a year of daily bars of five stocks, inline, s", year, "<=", 30.0),
        ("start of an inline run, to its first trial, s of processor", inline_start, "<=", 2.0),
        ("the same with nothing compiled before, s of processor", inline_first, "<=", math.inf),
        ("start of a Ray run beyond Ray's own, s", ray_run - ray_start, "<=", 3.0),
        ("the same with nothing compiled before, s", ray_first - ray_start, "<=", math.inf),
    ]
    if workers:
        rows += [
            ("100 Ray workers, us of the driver per trial", alone(ray_cost, 100, 1_000_000), "<=", 20.0),
            ("demo sweep, two workers over one", demo_pace(2, 1) / demo_pace(1, 1), ">=", 0.0),
            ("the same with sixteen times the assets", demo_pace(2, 16) / demo_pace(1, 16), ">=", 1.85),
        ]
    return rows


def main() -> int:
    """Print the table; 1 if a figure is beyond its limit."""
    parser = argparse.ArgumentParser(description="Measure what a trial costs beside its engine.")
    parser.add_argument("--workers", action="store_true", help="also with 100 actors, and two workers against one")
    rows = measure(workers=parser.parse_args().workers)
    table = Table(title="overheads")
    for heading in ("what", "figure", "limit"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    missed = 0
    for what, figure, relation, limit in rows:
        good = figure <= limit if relation == "<=" else figure >= limit
        missed += not good
        limited = 0.0 < limit < math.inf
        table.add_row(
            what,
            f"{figure:,.2f}" if figure < 1000 else f"{figure:,.0f}",
            f"{relation} {limit:,g}" if limited else "",
        )
    Console().print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
