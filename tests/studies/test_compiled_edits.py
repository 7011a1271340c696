"""Compiled code that is kept: an edit that leaves size and time of a file as they were gives new code."""

import os
import subprocess
import sys

import pytest
from scenarios.scripted import bars

import backsweep as bs

pytestmark = pytest.mark.long


FILES = {
    "mine.py": """
import backsweep as bs
import levels
from base import Base
from helpers import scaled

class Mine(Base):
    size: float = bs.param(1.0, 5.0)

    def on_data(self, timestamp, data, context, broker):
        if broker.get_position(0).quantity == 0.0:
            broker.submit_order(0, scaled(self.size) * levels.RATE * self.share())
""",
    "helpers.py": "def scaled(size):\n    return size * 1.0\n",
    "levels.py": "RATE = 1.0\n",
    "base.py": "import backsweep as bs\n\nclass Base(bs.Strategy):\n    def share(self):\n        return 1.0\n",
    "sweep.yaml": "study: mine\ndata: {bars: bars.parquet}\nstrategy: mine.py:Mine\n"
    "search: {sampler: random, trials: 4, batch: 4, objective: {maximize: sharpe}}\n",
}
EDITS = [("helpers.py", "2.0", 2.0), ("levels.py", "3.0", 6.0), ("base.py", "5.0", 30.0)]
PROGRAM = "import sys, backsweep as bs; print(bs.replay(sys.argv[1], {'size': 1.0}).result.fills['quantity'][0])"


@pytest.fixture
def home(tmp_path):
    for name, text in FILES.items():
        write(tmp_path / name, text)
    bars(*[[10.0, 10.5, 9.5, 10.0]] * 5).write_parquet(tmp_path / "bars.parquet")
    return tmp_path


def write(path, text):
    path.write_text(text)
    os.utime(path, ns=(10**18, 10**18))


def in_this_process(sweep):
    return bs.replay(sweep, {"size": 1.0}).result.fills["quantity"][0]


def in_another_process(sweep):
    command = [sys.executable, "-c", PROGRAM, sweep]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - the program above
    return float(done.stdout)


@pytest.mark.parametrize("bought", [in_this_process, pytest.param(in_another_process, marks=pytest.mark.slow)])
def test_a_function_a_global_and_a_base_class_elsewhere_are_compiled_as_they_are_now(home, bought):
    assert bought(home / "sweep.yaml") == 1.0
    for name, number, expected in EDITS:
        write(home / name, FILES[name].replace("1.0", number))
        assert bought(home / "sweep.yaml") == expected
    for name, _, _ in EDITS:
        write(home / name, FILES[name])
    assert bought(home / "sweep.yaml") == 1.0
