import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

PROGRAM = """
import numpy as np
from backsweep import metrics
from backsweep.engine.compile.kernel import compiled
from backsweep.engine.tables import COUNTERS
from backsweep.metrics.summary import summarise

n = 3
run, again = compiled(summarise), compiled(summarise)
for call in (run, again):
    call(np.ones(n), np.ones(n), 1.0, 252.0, np.zeros(1, COUNTERS)[0],
         np.empty(26), np.empty(26, np.uint8), np.empty(n))
print(metrics.calmar([0.1, -0.1]), metrics.sortino([0.1, -0.1, 0.2]), metrics.win_rate([1.0]))
"""


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_a_kernel_cached_as_a_part_of_another_can_be_called_from_python(tmp_path: Path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM]
    first, second = (
        subprocess.run(command, env=environment, check=True, capture_output=True).stdout  # noqa: S603 - the program above
        for _ in range(2)
    )
    assert first == second != b""
