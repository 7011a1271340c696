"""Groups of assets that are searched apart in one study, and what they select traded together."""

import json

import numpy as np
import polars as pl
import pytest
from scenarios.universe import Kept, run_universe, write_universe

import backsweep as bs
from backsweep.api.exports import export
from backsweep.api.orders import next_orders
from backsweep.api.sweeps import replay
from backsweep.cli import main
from backsweep.errors import BadInput, StudyConflict
from backsweep.runtime.inline import InlineBackend
from backsweep.runtime.ray_pool import RayBackend
from backsweep.study.table.columns import PARAMS, USER_ATTRS

GROUPS = {"many": ["A0001", "A0002", "A0004"], "one": ["A0003"]}
ASSETS = "data.assets=[A0001, A0002, A0003, A0004]"
FOLDS = "walk_forward={train: 40s, test: 20s}"
SWEEP = """\
study: groups
data: {bars: bars.parquet, assets: [A0001, A0002, A0003, A0004]}
strategy: backsweep.strategies.moving_average_cross:MovingAverageCross
account: {mode: sleeves, kind: margin, cash: 1000000}
costs: {commission: {kind: percentage, rate: 0.0005}}
search:
  sampler: tpe
  seed: 11
  trials: 16
  batch: 8
  params: {fast: {low: 2, high: 8}, slow: {low: 9, high: 20}}
  fixed: {short: true, weight: 0.5}
  asset_groups: {many: [A0001, A0002, A0004], one: [A0003]}
runtime: {workers: 1, backend: inline}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("groups")
    write_universe(home / "bars.parquet", assets=5)
    (home / "sweep.yaml").write_text(SWEEP)
    return home


def run(home, name, *overrides):
    return bs.run(home / "sweep.yaml", out=home / name, overrides=overrides)


def said(capsys, *arguments):
    """Run a command and return what it printed."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert not ended.value.code
    printed = capsys.readouterr()
    return printed.out + printed.err


@pytest.fixture(scope="module")
def study(home):
    return run(home, "whole")


@pytest.fixture(scope="module")
def folded(home):
    return run(home, "folded", FOLDS, "search.constraints=[max_drawdown <= 0.5]")


def test_every_group_has_trials_of_its_own_in_batches_that_take_turns(study):
    assert study.trials["asset_group"].to_list() == [*["many"] * 8, *["one"] * 8] * 2
    assert study.statistics.tried == 32
    assert study.statistics.groups == 2


@pytest.mark.parametrize(
    "sampler", ["tpe", pytest.param("sobol", marks=pytest.mark.long), pytest.param("grid", marks=pytest.mark.long)]
)
def test_a_group_is_searched_as_in_a_study_of_its_assets_alone(home, sampler):
    search = (f"search.sampler={sampler}", "search.fixed={short: true, weight: 0.5, band: 0.0}")
    whole = run(home, f"{sampler} in groups", "data.assets=[A0001, A0002]", "search.asset_groups=per_asset", *search)
    alone = run(
        home, f"{sampler} alone", "data.assets=[A0002]", "search.asset_groups=null", "account.cash=500000", *search
    )
    columns = [name for name in alone.trials.columns if name.startswith((PARAMS, USER_ATTRS))]
    mine = whole.trials.filter(pl.col("asset_group") == "A0002")
    assert mine.select(columns).equals(alone.trials.select(columns))
    assert mine["user_attrs_trades"].max() > 0


def test_what_the_groups_select_is_traded_together(study):
    chosen = study.selected_by_group
    for name, number in chosen.items():
        own = study.trials.filter(pl.col("asset_group") == name)
        assert study.trials["value"][number] == own["value"].max()
    assert study.selected is None
    assert study.best_params == {name: study.describe(number)["params"] for name, number in chosen.items()}
    returns = {name: np.array(study.rows("returns", [n])["returns"][0], np.float64) for name, n in chosen.items()}
    worth = 750_000 * np.cumprod(1.0 + returns["many"]) + 250_000 * np.cumprod(1.0 + returns["one"])
    np.testing.assert_allclose(1e6 * np.cumprod(1.0 + study.record["return"].to_numpy()), worth, rtol=1e-9)
    result = study.backtest()
    np.testing.assert_allclose(result.equity["equity"].to_numpy(), worth, rtol=1e-5)  # returns are stored as float32
    assert study.selected_metrics["sharpe"] == pytest.approx(result.metrics["sharpe"], rel=1e-4)
    assert result.fills["asset"].unique().sort().to_list() == ["A0001", "A0002", "A0003", "A0004"]


def test_a_trial_runs_again_on_the_assets_of_its_group_alone(study):
    number = study.selected_by_group["many"]
    result = study.backtest(number)
    assert result.equity["equity"][0] == pytest.approx(750_000, rel=0.05)
    stored = study.rows("returns", [number])["returns"][0].to_numpy()
    assert result.returns.astype(np.float32).tobytes() == stored.tobytes()
    assert set(result.fills["asset"]) <= {"A0001", "A0002", "A0004"}


def test_the_records_of_all_groups_are_kept_with_their_parameters(study):
    content = json.loads((study.path / "selected" / "params.json").read_text())
    assert content["groups"] == study.best_params
    assert content["metrics"]["total_return"] == study.backtest().metrics["total_return"]
    trades = pl.read_parquet(study.path / "selected" / "trades.parquet")
    assert trades["asset"].n_unique() == 4


def test_every_fold_chooses_in_every_group_by_its_training_there(folded):
    rows = folded.walk_forward.folds
    assert rows.select("fold", "asset_group").rows() == [(k, name) for k in range(4) for name in ("many", "one")]
    assert folded.trials.height == 5 * 2 * 16  # a search for every group in every fold, and for the final choice
    for row in rows.iter_rows(named=True):
        mine = (pl.col("fold") == row["fold"]) & (pl.col("asset_group") == row["asset_group"])
        own = folded.trials.filter(mine, pl.col("constraints_max_drawdown") <= 0.0)
        assert row["train_sharpe"] == own["value"].max()
        assert row["number"] in own["number"]
    assert {name: number is not None for name, number in folded.selected_by_group.items()} == {
        "many": True,
        "one": True,
    }
    final = dict(folded.walk_forward.final.select("asset_group", "number").rows())
    assert folded.selected_by_group == final


def test_the_record_adds_up_the_groups_tests_and_divides_the_cash_anew_with_every_fold(folded):
    result = folded.walk_forward
    grown = 1.0
    for fold in range(4):
        rows = result.folds.filter(pl.col("fold") == fold)
        many, one = rows["test_return"]
        grown *= 1.0 + 0.75 * many + 0.25 * one
        last = result.equity.filter(pl.col("fold") == fold)["equity"][-1]
        assert last == pytest.approx(1e6 * grown, rel=1e-9)
    assert folded.statistics.tried >= 160
    assert folded.statistics.out_of_sample.sessions == 80
    assert set(result.drift["asset_group"]) == {"many", "one"}


def test_the_choices_of_folds_and_groups_are_kept_with_the_records_of_their_tests(folded):
    content = json.loads((folded.path / "selected" / "params.json").read_text())
    chosen = [(fold, number) for fold, numbers in folded.chosen for number in numbers]
    assert [(each["fold"], each["number"]) for each in content["folds"]] == chosen
    trades = pl.read_parquet(folded.path / "selected" / "trades.parquet").group_by("fold", "number").len()
    counted = {(fold, number): count for fold, number, count in trades.rows()}
    for each in content["folds"]:
        assert counted.get((each["fold"], each["number"]), 0) == each["metrics"]["trades"]


def test_the_stress_test_runs_what_the_groups_selected(study, folded):
    for each in (study, folded):
        unchanged, dearer, *_ = each.statistics.sensitivity
        assert unchanged.total_return == pytest.approx(float(np.prod(1.0 + each.record["return"].to_numpy())) - 1.0)
        assert dearer.total_return < unchanged.total_return


def test_per_asset_is_a_group_for_every_asset(home):
    named = run(home, "named", "search.asset_groups={A0001: [A0001], A0003: [A0003]}", "data.assets=[A0001, A0003]")
    each = run(home, "each", "search.asset_groups=per_asset", "data.assets=[A0001, A0003]")
    assert each.identity.hash == named.identity.hash
    assert each.digest() == named.digest()


def test_other_groups_are_another_study(home, study):
    with pytest.raises(StudyConflict, match="asset_groups"):
        run(home, "whole", "search.asset_groups={many: [A0001, A0002], one: [A0003, A0004]}")
    assert run(home, "whole").digest() == study.digest()


WAYS = [(None, None), (5, None), (1, 3), (7, 2)]
"""Trials in a chunk, and after how many chunks the run is interrupted."""


@pytest.mark.parametrize(
    ("sampler", "overrides"), [("tpe", ()), pytest.param("auto", (FOLDS, "search.trials=24"), marks=pytest.mark.long)]
)
def test_chunks_and_interruptions_leave_the_same_bytes(tmp_path, sampler, overrides):
    write_universe(tmp_path / "bars.parquet", assets=5)
    kept, given = Kept(InlineBackend()), (ASSETS, f"search.asset_groups={json.dumps(GROUPS)}", *overrides)
    found = {
        run_universe(tmp_path, f"{number}", sampler, kept, overrides=given, chunk=chunk, interrupt_after=stop)
        for number, (chunk, stop) in enumerate(WAYS)
    }
    assert len(found) == 1


@pytest.mark.long
@pytest.mark.timeout(240)
def test_workers_leave_the_same_bytes(home):
    place = home / "workers"
    place.mkdir()
    write_universe(place / "bars.parquet", assets=5)
    options = {"overrides": (ASSETS, f"search.asset_groups={json.dumps(GROUPS)}", FOLDS), "chunk": 5}
    inline = run_universe(place, "inline", "auto", Kept(InlineBackend()), **options)
    kept = Kept(RayBackend(2, "local"))
    try:
        assert run_universe(place, "ray", "auto", kept, **options) == inline
        assert run_universe(place, "again", "auto", kept, interrupt_after=3, **options) == inline
    finally:
        kept.end()


@pytest.mark.long
def test_patience_ends_a_study_when_no_group_finds_better(home):
    study = run(home, "patient", "search.patience=8", "search.trials=400")
    assert study.state.ended
    numbers = study.trials.group_by("asset_group").len()["len"].to_list()
    assert numbers[0] == numbers[1] < 400


def test_orders_are_those_of_all_groups_with_the_parameters_of_each(home, study):
    found = next_orders(home / "sweep.yaml", study.path)
    assert (found.trial, found.params) == (None, study.best_params)
    assert found.reason.startswith("the best feasible trial of each group: many ")
    held = study.backtest().positions
    assert found.positions["asset"].to_list() == held["asset"].to_list()
    one = next_orders(home / "sweep.yaml", study.path, trial=study.selected_by_group["one"])
    assert one.reason == "named by --trial, on the assets of one alone"
    assert set(one.positions["asset"]) <= {"A0003"}


def test_a_backtest_of_the_study_is_that_of_its_groups(home, study, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    done = replay(home / "sweep.yaml", study=study.path)
    assert done.groups == study.best_params
    assert done.result.metrics == study.backtest().metrics
    alone = replay(home / "sweep.yaml", trial=study.selected_by_group["one"], study=study.path)
    assert alone.result.metrics == study.backtest(study.selected_by_group["one"]).metrics
    assert "many" in said(capsys, "backtest", home / "sweep.yaml", "--study", study.path)
    written = json.loads((tmp_path / "backtests" / "groups" / "params.json").read_text())
    assert written["groups"] == study.best_params


@pytest.mark.parametrize(
    "command",
    [["show"], ["show", "--folds"], ["show", "--statistics"], pytest.param(["report"], marks=pytest.mark.long)],
)
def test_what_each_group_selected_is_shown(folded, command, tmp_path, capsys):
    out = ["--out", tmp_path / "page.html"] if command == ["report"] else []
    text = said(capsys, command[0], folded.path, *command[1:], *out)
    text = (tmp_path / "page.html").read_text() if out else text
    expected = "in 2 groups" if "--statistics" in command else "final choice of many"
    assert expected in text


def test_groups_of_a_study_without_folds_are_shown_with_their_selection(study, tmp_path, capsys):
    assert "selected in many" in said(capsys, "show", study.path)
    said(capsys, "report", study.path, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "What each group selected" in page
    assert "What the groups selected, together, in sample" in page


def test_a_group_that_has_nothing_to_select_keeps_its_cash(home, capsys):
    study = run(home, "half", "search.constraints=[trades >= 20]")
    assert list(study.selected_by_group) == ["many"]
    number = study.selected_by_group["many"]
    many = np.array(study.rows("returns", [number])["returns"][0], np.float64)
    worth = 0.75 * np.cumprod(1.0 + many) + 0.25
    np.testing.assert_allclose(np.cumprod(1.0 + study.record["return"].to_numpy()), worth, rtol=1e-9)
    with pytest.raises(BadInput, match="a group without parameters"):
        study.backtest()
    assert "nothing was selected in one" in said(capsys, "show", study.path)


def test_an_exported_trial_has_its_group(study, tmp_path):
    exported = study.to_optuna()
    assert [trial.user_attrs["asset_group"] for trial in exported.trials] == study.trials["asset_group"].to_list()
    path = export(study, "quantstats", tmp_path / "returns.csv")
    assert len(path.read_text().splitlines()) == 1 + len(study.record)


def test_a_null_study_of_groups_is_refused(home, study):
    with pytest.raises(BadInput, match="a null study of groups"):
        bs.null_study(home / "sweep.yaml", 2, out=study.path)


def test_a_study_of_groups_goes_on_with_more_trials(home, study):
    more = run(home, "more")
    more = run(home, "more", "search.trials=24")
    assert more.trials.height == 48
    columns = pl.exclude("datetime_start", "datetime_complete", "duration")
    assert more.trials.head(32).select(columns).equals(study.trials.select(columns))


def test_a_grid_must_end_with_a_batch_of_its_group(home):
    grid = (
        "search.sampler=grid",
        "search.trials=null",
        "search.params={fast: {low: 2, high: 6}, slow: {choices: [9]}}",
    )
    fixed = "search.fixed={short: true, weight: 0.5, band: 0.0}"
    with pytest.raises(BadInput, match="a grid that ends within a batch") as error:
        run(home, "uneven", *grid, fixed)
    assert error.value.remedy == "write `batch: 5` under `search`"
    assert run(home, "even", *grid, fixed, "search.batch=5").trials.height == 10
