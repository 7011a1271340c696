"""What workers hold: one copy of the data for a node, and with shards no more than a part of them for each worker.

First two workers on one account: proportional set size of each, with a copy of its own and with the node's. Then a
dataset that does not fit into a worker's memory, which is limited: one account fails and says why, sleeves in shards
run.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

import numpy as np
from scenarios.universe import write_panel

from backsweep.dataset import DataSpec
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
BYTES_PER_BAR = 124  # a record of the engine's, its group, and a row for features


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


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.parquet"
        write_panel(path, ASSETS, BARS)
        session = RaySession(WORKERS, "local")
        try:
            held = ASSETS * BARS * BYTES_PER_BAR / 2**20
            print(f"{ASSETS * BARS:,} bars: {path.stat().st_size / 2**20:.0f} MB of Parquet, {held:.0f} MB in arrays")
            measure_sharing(path)
            print(f"{WORKERS} workers that may add {ALLOWANCE / 2**20:.0f} MB each")
            measure_limit(path)
        finally:
            session.close()


if __name__ == "__main__":
    main()
