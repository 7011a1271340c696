"""Files of the user's that are edited between two calls of one process, or while a study runs."""

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import bars

import backsweep as bs
from backsweep.api import sweeps
from backsweep.errors import BadInput, StrategyError, StudyConflict

pytestmark = pytest.mark.long


FILES = {
    "mine.py": """
import backsweep as bs
from pkg.base import Base
import helpers

class Mine(Base):
    size: float = bs.param(1.0, 5.0)

    def features(self):
        return {"level": helpers.level()}
""",
    "helpers.py": "import polars as pl\n\ndef level():\n    return pl.col('close') - 1.0\n",
    "pkg/__init__.py": "",
    "pkg/base.py": """
import backsweep as bs

class Base(bs.Strategy):
    LARGEST = 1.0

    def on_data(self, timestamp, data, context, broker):
        if data[0].level > 0.0:
            broker.order_target_quantity(0, self.size * self.LARGEST)
        else:
            broker.close_position(0)
""",
    "costs/fees.py": """
import backsweep as bs
from rates import RATE

class Fee(bs.CommissionModel):
    def charge(self, fill, bar):
        return RATE
""",
    "costs/rates.py": "RATE = 0.01\n",
    "own/draw.py": """
import optuna
from urn import SKIP

class Draw(optuna.samplers.RandomSampler):
    def __init__(self, seed):
        super().__init__(seed=seed + SKIP)
""",
    "own/urn.py": "SKIP = 0\n",
    "sweep.yaml": """
study: mine
data: {bars: bars.parquet}
strategy: mine.py:Mine
costs: {commission: {kind: custom, model: costs/fees.py:Fee}}
walk_forward: {mode: anchored, train: 10s, test: 10s, holdout: 10s}
runtime: {backend: inline}
search: {sampler: own/draw.py:Draw, seed: 1, trials: 4, batch: 4, objective: {maximize: sharpe}}
""",
}
EDITED = [name for name in FILES if name.endswith(".py") and name != "pkg/__init__.py"]

SAID = {"mine.py": "strategy source: ", "costs/fees.py": "costs.commission.source: "}


@pytest.fixture
def home(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    close = 10.0 + np.random.default_rng(1).normal(0.0, 1.0, 50).cumsum().clip(-5.0)
    bars(*[[price, price + 0.5, price - 0.5, price] for price in close]).write_parquet(tmp_path / "bars.parquet")
    return tmp_path


def run(home, trials=4, **options):
    return bs.run(home / "sweep.yaml", out=home / "study", trials=trials, **options)


def edit(home, name):
    (home / name).write_text(FILES[name] + "EDITED = 1\n")


def undo(home, name):
    (home / name).write_text(FILES[name])


def test_every_file_that_was_edited_is_named_by_the_next_call_and_undone_the_study_goes_on(home):
    begun = run(home).state.done
    calls = [
        lambda: run(home, trials=8),
        lambda: bs.open_holdout(home / "study", "a test"),
        lambda: bs.null_study(home / "sweep.yaml", 1, out=home / "study"),
        lambda: bs.replay(home / "sweep.yaml", trial=0, study=home / "study"),
    ]
    for name in EDITED:
        edit(home, name)
        for call in calls:
            with pytest.raises(StudyConflict) as caught:
                call()
            assert SAID.get(name, f"{name.rpartition('/')[2]} has changed") in caught.value.found
        undo(home, name)
    assert run(home, trials=8).state.done == 2 * begun


@pytest.mark.parametrize("name", ["mine.py", "helpers.py", "pkg/base.py", "costs/fees.py", "costs/rates.py"])
def test_a_file_that_is_edited_while_trials_run_ends_the_run_before_another_strategy_is_kept(home, name):
    with pytest.raises(StrategyError, match=f"{name.removeprefix('costs/')} has changed during the run"):
        run(home, progress=lambda _: edit(home, name))
    assert not (home / "study" / "selected" / "params.json").exists()
    undo(home, name)
    assert run(home).statistics.sensitivity[0].reason is None


@pytest.mark.parametrize("text", ["EDITED = 1\n", "def (\n"], ids=["edited", "broken"])
@pytest.mark.parametrize("name", ["helpers.py", "costs/rates.py"])
def test_a_file_that_is_edited_before_the_scenarios_run_is_no_answer_of_theirs(home, monkeypatch, name, text):
    write = sweeps.run_stress_test

    def late(*given):
        (home / name).write_text(FILES[name] + text)
        write(*given)

    monkeypatch.setattr(sweeps, "run_stress_test", late)
    with pytest.raises(StrategyError, match=r"has changed during the run|cannot be imported"):
        run(home)
    assert not (home / "study" / "selected" / "sensitivity.json").exists()
    monkeypatch.undo()
    undo(home, name)
    assert all(each.reason is None for each in run(home).statistics.sensitivity[:1])


def test_data_that_are_swapped_before_the_scenarios_run_are_no_answer_of_theirs(home, monkeypatch):
    write = sweeps.run_stress_test

    def late(*given):
        kept = pl.read_parquet(home / "bars.parquet")
        kept.with_columns(volume=pl.lit(7.0)).write_parquet(home / "bars.parquet")
        write(*given)

    monkeypatch.setattr(sweeps, "run_stress_test", late)
    with pytest.raises(BadInput, match="the data have changed"):
        run(home)
    assert not (home / "study" / "selected" / "sensitivity.json").exists()
