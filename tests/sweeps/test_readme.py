"""The README's own example runs as it is printed."""

import re
import shutil
from pathlib import Path

import pytest

import backsweep as bs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def example(tmp_path):
    shutil.copytree(ROOT / "sweeps", tmp_path / "sweeps")
    blocks = re.findall(r"    # sweeps/(\S+)\n((?:    .*\n|\n)+)", (ROOT / "README.md").read_text())
    for name, body in blocks:
        (tmp_path / "sweeps" / name).write_text("\n".join(line[4:] for line in body.split("\n")))
    return tmp_path


def test_the_sweep_of_the_readme_runs(example):
    study = bs.run(example / "sweeps" / "my_trend.yaml", trials=32, backend="inline", out=example / "study")
    assert study.trials.height == 32
    assert study.best["value"] > 0.0
