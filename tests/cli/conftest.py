"""A small study to run: two assets, one signal, a strategy with two parameters."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backsweep.cli import main

STRATEGY = """
import backsweep as bs


class Cross(bs.Strategy):
    entry: float = bs.param(0.1, 0.9)
    size: int = bs.param(10, 50)

    def on_data(self, timestamp, data, context, broker):
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if bar.pred > self.entry and held == 0.0:
                broker.submit_order(bar.asset, self.size)
            elif bar.pred < -self.entry and held != 0.0:
                broker.close_position(bar.asset)
"""

SWEEP = """
study: small
data: {bars: bars.csv}
strategy: strategy.py:Cross
account: {cash: 100000}
costs:
  commission: {kind: percentage, rate: 0.0005}
search:
  sampler: random
  seed: 3
  trials: 40
  batch: 16
  params:
    costs.commission.rate: {low: 0.0, high: 0.001}
  constraints: ["trades >= 3"]
"""


def write_bars(path, days=120):
    lines = ["timestamp,asset,open,high,low,close,volume,pred"]
    for day in range(days):
        date = f"{2001 + day // 112}-{1 + day % 112 // 28:02}-{1 + day % 28:02}"
        for asset, phase in (("AAA", 0.0), ("BBB", 1.0)):
            price = 50 + 5 * math.sin(day / 9 + phase) + 0.02 * day
            last = price + 0.3 * math.cos(day)
            high, low = max(price, last) + 0.2, min(price, last) - 0.2
            lines.append(f"{date},{asset},{price},{high},{low},{last},1000,{math.cos(day / 9 + phase)}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def tmp_path(tmp_path_factory):
    """One folder for all tests, empty for each: a strategy of the same text at the same path is compiled once."""
    folder = tmp_path_factory.getbasetemp() / "cli"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """A folder with a sweep file and all it needs, which is also the working folder."""
    write_bars(tmp_path / "bars.csv")
    (tmp_path / "strategy.py").write_text(STRATEGY)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    monkeypatch.chdir(tmp_path)
    return Path("sweep.yaml")


@pytest.fixture(autouse=True)
def page(request, monkeypatch):
    """Leave pages empty, which take half a second each; test_report.py and test_follow.py write them."""
    if request.path.name not in {"test_report.py", "test_follow.py"}:
        monkeypatch.setattr("backsweep.report.write.report_bytes", lambda _, state="": state.encode())


@pytest.fixture
def command(capsys):
    """Run a command as the shell would; gives exit code, standard output and standard error."""

    def run(*arguments):
        try:
            main([str(argument) for argument in arguments])
            code = 0
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def run_process():
    """Run a command in a process of its own; standard output and error are captured or go where they are told."""

    def run(*arguments, **streams):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        line = [sys.executable, "-m", "backsweep", *map(str, arguments)]
        return subprocess.run(line, text=True, timeout=120, check=False, **streams)  # noqa: S603 - our own program

    return run
