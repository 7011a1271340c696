"""Studies in which nothing is to be chosen are inconclusive, whatever shape they have."""

import json
from datetime import date

import polars as pl
import pytest

import backsweep as bs
from backsweep.cli import main

pytestmark = pytest.mark.long


STRATEGY = """
import backsweep as bs

class Toy(bs.Strategy):
    size: float = bs.param(0.1, 0.9)

    def on_data(self, timestamp, data, context, broker):
        if data.session % 2 == 0:
            broker.order_target_percent(0, self.size)

class Never(bs.Strategy):
    size: float = bs.param(0.1, 0.9)

    def on_data(self, timestamp, data, context, broker):
        pass
"""
SWEEP = """
study: toy
data: {bars: bars.parquet}
strategy: toy.py:Toy
search: {sampler: sobol, trials: 4, batch: 4}
"""
FOLDS = {
    "none": (),
    "shared": ("walk_forward={mode: rolling, train: 20s, test: 10s, select: top_k}",),
    "searched": ("walk_forward={mode: rolling, train: 20s, test: 10s}", "search.sampler=tpe"),
    "crossed": ("walk_forward={mode: cpcv, groups: 4, test_groups: 2}",),
    "crossed and searched": ("walk_forward={mode: cpcv, groups: 4, test_groups: 1}", "search.sampler=tpe"),
}
NEVER = ("strategy=toy.py:Never",)
INFEASIBLE = ('search.constraints=["trades >= 5000"]',)
TWO_OBJECTIVES = (*NEVER, "search.objective=[{maximize: sharpe}, {minimize: max_drawdown}]")


@pytest.fixture
def play(tmp_path):
    """Run a study on forty sessions of prices that go up and down."""
    days = pl.date_range(date(2020, 1, 1), date(2020, 2, 9), eager=True)
    closes = [100.0 + (day * 7 % 5) + 0.1 * day for day in range(len(days))]
    bars = pl.DataFrame({"timestamp": days, "asset": "A", "close": closes, "volume": 1000.0}).with_columns(
        open="close", high=pl.col("close") + 1, low=pl.col("close") - 1
    )
    bars.write_parquet(tmp_path / "bars.parquet")
    (tmp_path / "toy.py").write_text(STRATEGY)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    return lambda *overrides: bs.run(tmp_path / "sweep.yaml", out=tmp_path / "study", overrides=overrides)


def shown(capsys, study, *options):
    with pytest.raises(SystemExit) as end:
        main(["show", str(study.path), *options])
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("folds", "why"),
    [
        ("none", INFEASIBLE),
        ("none", TWO_OBJECTIVES),
        ("shared", INFEASIBLE),
        ("searched", INFEASIBLE),
        ("searched", NEVER),
        ("crossed", INFEASIBLE),
        ("crossed and searched", TWO_OBJECTIVES),
    ],
)
def test_nothing_chosen_is_inconclusive_and_says_why(play, capsys, folds, why):
    study = play(*FOLDS[folds], *why)
    found = study.statistics
    assert found.verdict.verdict == "inconclusive"
    assert found.verdict.reason.startswith("Nothing was selected" if folds == "none" else "No fold selected a trial")
    assert ("constraints" in found.verdict.reason) == (why is INFEASIBLE)
    assert (study.best, study.selected) == (None, None)
    assert "inconclusive" in shown(capsys, study, "--statistics")
    assert json.loads(shown(capsys, study, "--statistics", "--format", "json"))["verdict"]["verdict"] == "inconclusive"
    if folds != "none":
        chosen = study.walk_forward
        assert chosen.folds["number"].is_null().all()
        assert chosen.folds.schema["number"] == pl.Int64
        assert chosen.folds.schema["params_size"] == chosen.folds.schema["test_sharpe"] == pl.Float64
        assert chosen.paths.schema["sharpe"] == pl.Float64
