"""What workers hold: one copy of the data for a node, and with shards no more than a part of them for each worker.

First two workers on one account: proportional set size of each, with a copy of its own and with the node's. Then a
dataset that does not fit into a worker's memory, which is limited: one account fails and says why, sleeves in shards
run.

`--bars 1e8` runs a study of as many bars instead, in sleeves over eight workers, to its end: the most memory that a
worker, the driver and the machine needed. 10^8 bars want 24 GB and some ten minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from scenarios.universe import write_panel

from backsweep.dataset import DataSpec
from backsweep.engine.tables import BAR, GROUP
from backsweep.errors import BacksweepError
from backsweep.runtime.evaluators import SharedBuilder
from backsweep.runtime.inline import InlineBackend
from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import RaySession, ray
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk

WORKERS = 6
ASSETS, BARS = 96, 40_000
ALLOWANCE = 450 * 2**20  # bytes that loading and running may add to a worker
ROW = 52  # bytes of a row for features: timestamp, asset, prices and volume


def limited(builder):
    """Limit a worker's memory above what it has when it begins to load; defined here, so that Ray ships the code."""

    class Limited:
        def load(self, spec):
            import resource  # noqa: PLC0415 - in the worker

            status = Path("/proc/self/status").read_text().split("VmData:")[1]
            limit = int(status.split()[0]) * 1024 + ALLOWANCE
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
            return builder.load(spec)

        def build(self, spec, data):
            return builder.build(spec, data)

    return Limited()


class LimitedBackend(RayBackend):
    """Workers whose memory is limited."""

    def _divide(self, spec):
        return tuple(map(limited, super()._divide(spec)))


def spec(path, mode):
    return TrialSpec(
        data=DataSpec(bars=str(path)),
        strategy="backsweep.strategies.moving_average_cross:MovingAverageCross",
        account=AccountSpec(mode=mode),
        params=("fast", "slow"),
    )


def run_chunk(backend):
    backend.submit(Chunk(0, np.arange(4), np.array([[5.0, 50.0], [10.0, 100.0], [20.0, 200.0], [3.0, 30.0]])))
    while not (found := backend.wait(1.0)):
        pass
    return found[0]


def set_sizes(backend):
    """Return the proportional set size of every worker, in MB."""
    pids = [ray.get(slot.actor.__ray_call__.remote(lambda _self: __import__("os").getpid())) for slot in backend._slots]
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return [int(text.split("\nPss:")[1].split()[0]) / 1024 for text in rollups]


def measure_sharing(path):
    def own(spec):
        shop = SharedBuilder()
        return shop.build(spec, shop.load(spec))

    for name, factory in (("each its own copy", own), ("one copy for the node", None)):
        backend = RayBackend(2, "local", factory)
        backend.start(spec(path, "shared"))
        while any(slot.loading for slot in backend._slots):
            backend.wait(1.0)
        time.sleep(5.0)  # what loading has freed goes back to the system
        print(f"  two workers, {name:24}", " ".join(f"{size:7.0f} MB" for size in set_sizes(backend)))
        backend.close()


def measure_limit(path):
    inline = InlineBackend()
    inline.start(spec(path, "sleeves"))
    expected = run_chunk(inline)
    inline.close()
    for mode, shards in (("shared", None), ("sleeves", 1), ("sleeves", WORKERS)):
        backend = LimitedBackend(WORKERS, "local", shards=shards)
        try:
            backend.start(spec(path, mode))
            outcome = run_chunk(backend)
            equal = outcome.metrics.tobytes() == expected.metrics.tobytes()
            found = f"ran, {'the same bytes as' if equal else 'NOT WHAT CAME OF'} one process without a limit"
        except BacksweepError as error:
            found = str(error).replace("\n ", ";")
        finally:
            backend.close()
        print(f"  {mode:8} {f'{shards} shards' if shards else '':9} {found}", flush=True)


LARGE = """
study: large
data: {bars: bars.parquet}
strategy: backsweep.strategies.moving_average_cross:MovingAverageCross
account: {mode: sleeves, kind: margin, leverage: 2.0}
costs: {commission: {kind: percentage, rate: 0.0005}, slippage: {kind: percentage, rate: 0.0002}}
search:
  sampler: sobol
  trials: 16
  batch: 16
  params: {fast: {low: 5, high: 20, integer: true}, slow: {low: 50, high: 200, integer: true}}
  objective: {maximize: sharpe}
runtime: {workers: 8, shards: 8, backend: ray, address: local}
"""


def write_large(path, bars):
    """Write about so many bars of five minutes, a stretch of time after the other."""
    generator, last, writer = np.random.default_rng(0), np.full(ASSETS, 50.0), None
    begin, step, times = np.datetime64("2015-01-01", "us"), np.timedelta64(5, "m"), bars // ASSETS + 1
    for start in range(0, times, 20_000):
        count = min(20_000, times - start)
        close = last * np.exp(np.cumsum(generator.normal(0, 0.001, (count, ASSETS)), axis=0))
        opens, last = np.vstack([last[None], close[:-1]]), close[-1]
        columns = {
            "timestamp": np.repeat(begin + np.arange(start, start + count) * step, ASSETS),
            "asset": pl.Series([f"A{asset:03d}" for asset in range(ASSETS)] * count),
            "open": opens.ravel(),
            "high": np.maximum(opens, close).ravel(),
            "low": np.minimum(opens, close).ravel(),
            "close": close.ravel(),
            "volume": np.full(close.size, 1e6),
        }
        table = pl.DataFrame(columns).to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=200_000)
    writer.close()
    return times * ASSETS


def _field(path, name):
    """Return a line of a file of /proc, in MB; 0 where the process has gone."""
    try:
        return int(Path(path).read_text().split(f"{name}:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return 0.0


def measure_large(bars):
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        written = write_large(Path(folder) / "bars.parquet", bars)
        (Path(folder) / "sweep.yaml").write_text(LARGE)
        size = (Path(folder) / "bars.parquet").stat().st_size / 2**30
        print(f"{written:,} bars, {size:.1f} GB of Parquet, written in {time.perf_counter() - begin:.0f} s", flush=True)
        command = [sys.executable, "-m", "backsweep", "run", f"{folder}/sweep.yaml", "--out", f"{folder}/study"]
        free, begin = _field("/proc/meminfo", "MemAvailable"), time.perf_counter()
        run = subprocess.Popen(command)  # noqa: S603 - ours
        driver = worker = used = 0.0
        while run.poll() is None:
            driver = max(driver, _field(f"/proc/{run.pid}/status", "VmRSS"))
            used = max(used, free - _field("/proc/meminfo", "MemAvailable"))
            for each in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    is_worker = each.read_bytes().startswith(b"ray::Worker")
                except OSError:
                    continue
                worker = max(worker, _field(each.with_name("smaps_rollup"), "Pss") if is_worker else 0.0)
            time.sleep(0.5)
        seconds = time.perf_counter() - begin
        print(f"ended with {run.returncode} after {seconds:.0f} s; the most memory, in MB:")
        print(f"  a worker {worker:,.0f}, the driver {driver:,.0f}, the machine {used:,.0f} more than before")
        return run.returncode


def main():
    parser = argparse.ArgumentParser(description="Measure what workers hold.")
    parser.add_argument("--bars", type=float, help="run a study of so many bars in sleeves over eight workers")
    if bars := parser.parse_args().bars:
        return measure_large(int(bars))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.parquet"
        write_panel(path, ASSETS, BARS)
        session = RaySession(WORKERS, "local")
        try:
            alone = BAR.itemsize + GROUP.itemsize + ROW
            together = alone - GROUP.itemsize * (ASSETS - 1) / ASSETS
            print(f"{ASSETS * BARS:,} bars: {path.stat().st_size / 2**20:.0f} MB of Parquet; in arrays")
            print(f"  {together:.0f} bytes a bar in one account, {alone} in sleeves")
            measure_sharing(path)
            print(f"{WORKERS} workers that may add {ALLOWANCE / 2**20:.0f} MB each")
            measure_limit(path)
        finally:
            session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
