"""Type checkers accept every strategy that is shipped or printed, and mark the line of a mistake in one."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scenarios.printed import ROOT, examples, scripts

import backsweep as bs

pytestmark = pytest.mark.thorough


STRATEGY = """
from __future__ import annotations

import polars as pl

import backsweep as bs


class Bar(bs.Bar):
    rsi: float
    pred: float


class Context(bs.Context):
    volatility: float


class Rsi(bs.Strategy):
    period: int = bs.param(2, 50)
    low: float = bs.param(5, 50, default=30)
    short: bool = bs.choice([False, True])
    side: float = bs.choice([1, 0.5])
    asked: int = bs.state(0)
    level: bs.PerAsset[float] = bs.state(0.0, per_asset=True)

    def features(self) -> dict[str, pl.Expr]:
        return {"rsi": pl.col("close").rolling_mean(self.period)}

    def wake(self) -> bs.Condition:
        return bs.below("rsi", "low")

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: Context, broker: bs.Broker) -> None:
        for i in range(data.count):
            self.enter(data[i], context.volatility, broker)

    def enter(self, bar: Bar, volatility: float, broker: bs.Broker) -> None:
        if bar.rsi < self.low and bar.pred > volatility and broker.get_position(bar.asset).quantity == 0.0:
            order = broker.submit_order(bar.asset, self.side, bs.LIMIT, limit_price=bar.close, tif=bs.DAY)
            self.asked += broker.get_order(order).status
            self.level[bar.asset] = bar.close


class Fees(bs.CommissionModel):
    rate: float = bs.param(0.0, 0.01)

    def charge(self, fill: bs.Fill, bar: Bar) -> float:
        return self.rate * fill.value + abs(bar.pred)


def play(result: bs.Result, study: bs.Study) -> tuple[float | None, int]:
    strategy: bs.Strategy = Rsi(period=3)
    Fees(rate=0.001)
    return result.metrics["sharpe"], study.trials.height + len(strategy.values())
"""

MISTAKES = {
    "broker_method": ("broker.submit_order(", "broker.submit_ordr("),
    "broker_argument": ("limit_price=", "limt_price="),
    "parameter": ("Rsi(period=3)", "Rsi(perod=3)"),
    "parameter_type": ("Rsi(period=3)", "Rsi(period=3.5)"),
    "variable_as_argument": ("Rsi(period=3)", "Rsi(asked=3)"),
    "own_parameter": ("< self.low", "< self.lwo"),
    "annotation": ("period: int = bs.param(2, 50)", "period: int = bs.param(2.5, 50)"),
    "bar_field": ("= bar.close", "= bar.clsoe"),
    "signal": ("bar.pred > volatility", "bar.prde > volatility"),
    "context_series": ("context.volatility", "context.volatilty"),
    "data_field": ("data.count", "data.cuont"),
    "position_field": (".quantity == 0.0", ".quantty == 0.0"),
    "order_field": (".status", ".sttaus"),
    "variable": ("self.level[bar.asset] = bar.close", "self.level[bar.asset] = 'high'"),
    "cost_field": ("fill.value", "fill.vlaue"),
    "cost_parameter": ("Fees(rate=", "Fees(rte="),
    "exported_name": ("bs.below(", "bs.blow("),
    "study": ("study.trials", "study.trails"),
}
EVERY_NAME = "".join(f"from backsweep import {name} as {name}\n" for name in dir(bs))


def broken(mistake):
    """Return the strategy with one mistake, and its line."""
    right, wrong = MISTAKES[mistake]
    assert right in STRATEGY
    before, _, after = STRATEGY.partition(right)
    return before + wrong + after, before.count("\n") + 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strategies")
    texts = {"right.py": STRATEGY, "every_name.py": EVERY_NAME}
    texts |= {f"broken_{mistake}.py": broken(mistake)[0] for mistake in MISTAKES}
    texts |= {f"page_{name.replace('-', '_')}.py": text for name, text in scripts().items()}
    texts |= {Path(name).name: text for name, text in examples().items() if name.endswith(".py")}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def run_mypy(folder, files, cache):
    """Return what mypy says, as the file's name, the line and the message of each error; its settings are its own."""
    options = ("--strict", "--config-file=", "--follow-imports=silent", "--no-pretty", f"--cache-dir={cache}")
    command = [sys.executable, "-m", "mypy", *options, *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - the command above
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return [
        (Path(file).name, int(line), said) for file, line, said in re.findall(r"(.+):(\d+): error: (.+)", done.stdout)
    ]


def run_pyright(folder, files, _cache):
    """Return what pyright says in its standard mode, in the same form."""
    project = folder / "pyrightconfig.json"
    beside = [str(ROOT / "sweeps" / "strategies")]  # where a strategy's file lies, the modules beside it are known
    included = [str(file) for file in files]
    project.write_text(json.dumps({"include": included, "typeCheckingMode": "standard", "extraPaths": beside}))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "-p", project, "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - the command above
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    said = [each for each in json.loads(done.stdout)["generalDiagnostics"] if each["severity"] == "error"]
    return [(Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"]) for each in said]


@pytest.fixture(scope="module", params=[run_mypy, run_pyright], ids=["mypy", "pyright"])
def errors(request, folder):
    shipped = [
        *(ROOT / "src" / "backsweep" / "strategies").glob("*.py"),
        *(ROOT / "sweeps" / "strategies").glob("*.py"),
    ]
    assert len(shipped) > 4
    return request.param(folder, sorted([*shipped, *folder.glob("*.py")]), request.config.cache.mkdir("mypy"))


def test_the_strategies_that_are_shipped_and_printed_have_no_error(errors):
    assert [error for error in errors if not error[0].startswith("broken_")] == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_an_error_on_its_line(errors, mistake):
    assert {line for name, line, _ in errors if name == f"broken_{mistake}.py"} == {broken(mistake)[1]}


@pytest.mark.parametrize(
    ("mistake", "name"), [("broker_method", "submit_ordr"), ("parameter", "perod"), ("bar_field", "clsoe")]
)
def test_the_error_names_what_is_misspelt(errors, mistake, name):
    assert any(name in said for file, _, said in errors if file == f"broken_{mistake}.py")
