"""The page on extending builds the package that it describes, and its figures, worked out by hand, hold there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "extending.md").read_text()
ORACLE = """
from oracle.judge import compare
from scenarios.random_scripts import ACCOUNTS, random_scenario

costs = {"commission": {"kind": "per_lot", "amount": 1.25, "units": 7.0, "minimum": 2.0, "maximum": 0.02}}
fills = []
for seed in range(40):
    given = {"account": ACCOUNTS[seed % 4], "costs": costs, "assets": 1 + seed % 3, "per_session": 1 + seed % 2}
    fills += compare(random_scenario(seed, **given)).fills
assert len(fills) > 100
assert sum(fill.order.type == "limit_on_close" for fill in fills) > 5
"""
SWEEP = """
study: page
data: {bars: bars.parquet}
strategy: backsweep.strategies.threshold:Threshold
costs:
  commission: {kind: per_lot, amount: 1, units: 10}
  slippage: {kind: ticks}
search:
  sampler: halton
  trials: 8
  params: {costs.commission.units: {low: 1.0, high: 10.0}}
  objective: {minimize: ulcer_index}
  constraints: ["ulcer_index <= 0.1"]
"""
FILE = """
from pathlib import Path

from backsweep.errors import BadInput
from backsweep.strategies.threshold import Threshold
from backsweep.study.search.samplers import make_proposer
from backsweep.study.search.space import build_space
from backsweep.sweepfile.load import load_sweep
from generate import PAGES

sweep = load_sweep(Path("sweep.yaml"))
assert not sweep.learns
space = build_space(sweep, Threshold.declared())
values = make_proposer(sweep, space).propose(0, 8, ()).values
assert values[0, space.names.index("costs.commission.units")] <= 10.0
for key, wrong, remedy in (("units", "0", "greater than 0"), ("unit", "1", "`units`")):
    Path("wrong.yaml").write_text(Path("sweep.yaml").read_text().replace("units: 10", f"{key}: {wrong}"))
    try:
        load_sweep(Path("wrong.yaml"))
    except BadInput as error:
        assert remedy in str(error), error
    else:
        raise AssertionError(key)
assert "`kind: per_lot`. An amount for every lot that a fill begins." in PAGES["sweep-file.md"]()
assert "| `units` | number, above 0 | `100` | Units in a lot. |" in PAGES["sweep-file.md"]()
assert "| `ulcer_index` | fraction | The root of the mean square of the drawdowns" in PAGES["metrics.md"]()
"""


def change(file, diff):
    """Apply a hunk: the lines that stay or go stand in the file once."""
    lines = diff.splitlines()
    before = "\n".join(line[1:] for line in lines if line[:1] in {" ", "-"})
    after = "\n".join(line[1:] for line in lines if line[:1] in {" ", "+"})
    text = file.read_text()
    assert text.count(before + "\n") == 1, f"{file.name} has not once:\n{before}"
    file.write_text(text.replace(before, after))


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package and of what its tests share, with everything on the page added."""
    folder = tmp_path_factory.mktemp("extended")
    skip = shutil.ignore_patterns("__pycache__")
    for part in ("src/backsweep", "tests/support", "docs/generate"):
        shutil.copytree(ROOT / part, folder / part, ignore=skip)
    script = []
    for language, path, text in re.findall(r"(?ms)^```(python|diff)\n(?:# |--- )(\S+)\n(.*?)^```", TEXT):
        if path == "page.py":
            script.append(text)
        elif language == "python":
            assert not (folder / path).exists()
            (folder / path).write_text(text)
        else:
            change(folder / path, text)
    (folder / "page.py").write_text("\n".join(script))
    (folder / "oracle_agrees.py").write_text(ORACLE)
    (folder / "sweep.yaml").write_text(SWEEP)
    (folder / "file_knows.py").write_text(FILE)
    return folder


def run(folder, script, **settings):
    paths = [str(folder / part) for part in ("src", "tests/support", "docs")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **settings}
    words = [sys.executable, "-W", "error", script]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", ["page.py", "oracle_agrees.py", "file_knows.py"])
def test_what_the_page_adds_works_interpreted(extended, script):
    run(extended, script, NUMBA_DISABLE_JIT="1")


@pytest.mark.long
@pytest.mark.slow
def test_what_the_page_adds_works_compiled(extended, tmp_path):
    run(extended, "page.py", NUMBA_CACHE_DIR=str(tmp_path))


def test_every_block_of_the_page_is_used():
    blocks = re.findall(r"(?m)^```(\w+)\n(.*)$", TEXT)
    assert len(blocks) > 10
    assert [first for language, first in blocks if not first.startswith("--- " if language == "diff" else "# ")] == []
    assert {language for language, _ in blocks} == {"python", "diff"}
