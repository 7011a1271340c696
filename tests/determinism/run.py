"""Run the same study in every way - inline and on Ray, workers, shards, chunks, interrupted or not - and compare.

Prints one row for each way with how many of the samplers' studies have the digest of the plain inline run.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

from scenarios.universe import SAMPLERS, Kept, run_universe, write_rich, write_universe

from backsweep.runtime.inline import InlineBackend
from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import RaySession

SHARDS = (1, 2, 4, 7)
WORKERS = (1, 2, 8)
CHUNKS = (None, 1, 7, 12, 64)


def ways(mode):
    """Return every way to run a study: its name, its backend, and whether Ray is needed."""
    for shards in SHARDS if mode == "sleeves" else (None,):
        yield "inline", None, shards, InlineBackend(shards=shards)
        for workers in WORKERS:
            yield "ray", workers, shards, RayBackend(workers, "local", shards=shards)


def main():
    session = RaySession(max(WORKERS), "local")
    wrong = 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            write_universe(home / "bars.parquet")
            write_rich(home)
            print(row("account", "backend", "workers", "shards", "chunk", "interrupted", "equal", "seconds"))
            for mode in ("sleeves", "shared", "rich"):
                wrong += compare(home, mode, ways(mode))
            # batches of 8 and of 16, each fifth way: every number of shards, inline and all numbers of workers
            grown = ("search.trials=300", "search.batch=16")
            wrong += compare(home, "sleeves", list(ways("sleeves"))[::5], ("auto", "tpe"), grown)
            # a metric of the user's own over all sleeves, in an expression, and an end by patience
            goal = "search.objective={maximize: sharpe + 10 * worst}"
            steered = ("metrics={worst: models.py:worst}", goal, "search.patience=20", "search.trials=120")
            wrong += compare(home, "sleeves", list(ways("sleeves"))[::5], ("auto", "random"), steered)
            # texts, a null choice, and parameters that only some trials have
            wrong += compare(home, "choices", list(ways("sleeves"))[::5])
            # groups of assets that are searched apart, in every fold
            groups = "search.asset_groups={a: [A0000, A0001, A0002, A0004, A0005], b: [A0003, A0006]}"
            assets = "data.assets=[A0000, A0001, A0002, A0003, A0004, A0005, A0006]"
            apart = (groups, assets, "walk_forward={train: 60s, test: 20s}")
            wrong += compare(home, "sleeves", list(ways("sleeves"))[:4], ("auto", "sobol", "cmaes"), apart)
    finally:
        session.close()
    sys.exit(f"{wrong} studies differ" if wrong else 0)


def compare(home, mode, tried, samplers=SAMPLERS, overrides=()):
    """Run every sampler in every way, whole and interrupted; returns how many digests differ from the first way's."""
    expected, wrong = {}, 0
    for number, (name, workers, shards, backend) in enumerate(tried):
        kept = Kept(backend)
        for interrupted in (None, 2 + number % 3):
            chunk, began, equal = CHUNKS[(number + (interrupted or 0)) % len(CHUNKS)], time.monotonic(), 0
            for sampler in samplers:
                folder = f"{mode}-{number}-{interrupted}-{sampler}-{len(overrides)}"
                options = {"mode": mode, "overrides": overrides, "chunk": chunk, "interrupt_after": interrupted}
                digest = run_universe(home, folder, sampler, kept, **options)
                equal += expected.setdefault(sampler, digest) == digest
            wrong += len(samplers) - equal
            seconds, stopped = f"{time.monotonic() - began:.1f}", "yes" if interrupted else "no"
            print(row(mode, name, workers, shards, chunk or "by time", stopped, f"{equal}/{len(samplers)}", seconds))
        kept.end()
    for sampler, digest in expected.items():
        print(f"  {mode} {sampler}: {digest}")
    return wrong


def row(*cells):
    """Line cells up."""
    return "".join(f"{'' if cell is None else cell!s:>12}" for cell in cells)


if __name__ == "__main__":
    main()
