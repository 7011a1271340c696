"""Data that do not fit into a process's memory: their shards do. `make bench-memory` shows it with Ray workers."""

import os
import subprocess
import sys

import pytest
from scenarios.universe import write_panel

CODE = """
import resource, sys
from pathlib import Path
from backsweep.dataset import DataSpec
from backsweep.runtime.evaluators import make_builders
from backsweep.trial import evaluator
from backsweep.trial.sleeves import evaluator as divided
from backsweep.sweepfile.trial import TrialSpec
from backsweep.sweepfile.account import AccountSpec

def spec(mode):
    account = AccountSpec(mode=mode)
    return TrialSpec(data=DataSpec(bars=sys.argv[1]), strategy="none:Needed", account=account)

limit = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) * 1024 + 300 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
for builder in make_builders(spec("sleeves"), 8, 8):
    (market,) = builder.load(spec("sleeves"))
    print(len(market.bars), flush=True)
(builder,) = make_builders(spec("shared"), 1, 1)
builder.load(spec("shared"))
print("it all fits", flush=True)
"""


@pytest.mark.apart
def test_a_shard_loads_where_the_whole_does_not_fit(tmp_path):
    path = tmp_path / "bars.parquet"
    write_panel(path, 32, 80_000)
    done = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", CODE, str(path)],
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert [int(line) for line in done.stdout.split()] == [320_000] * 8
    assert any(word in done.stderr for word in ("memory", "Memory", "allocate", "Fatal Python error: Aborted"))
