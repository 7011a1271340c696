"""A study in the files of other programs, read back by their own readers."""

import optuna
import pandas as pd
import polars as pl
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from backsweep.api.exports import EXPORTS, export
from backsweep.errors import BadInput
from backsweep.study.results.study import open_study

TWO = {"objective": "[{maximize: sharpe}, {minimize: max_drawdown}]"}


@pytest.fixture
def study(bench):
    bench.run("study", bench.sweep())
    return open_study(bench.folder / "study")


def open_journal(path):
    return optuna.load_study(study_name="formula", storage=JournalStorage(JournalFileBackend(str(path))))


def test_a_journal_has_every_trial_as_the_study_table_has_it(study, tmp_path):
    journal = open_journal(export(study, "optuna", tmp_path / "formula.journal"))
    table = study.trials
    assert journal.directions == [optuna.study.StudyDirection.MAXIMIZE]
    assert journal.best_trial.number == study.best["number"]
    states = {TrialState.COMPLETE: 0, TrialState.FAIL: 0}
    for trial, row in zip(journal.get_trials(deepcopy=False), table.iter_rows(named=True), strict=True):
        states[trial.state] += 1
        undefined = row["state"] == "COMPLETE" and row["value"] is None
        assert trial.number == row["number"]
        assert trial.params == {name.removeprefix("params_"): row[name] for name in row if name.startswith("params_")}
        assert trial.state == (TrialState.FAIL if undefined else TrialState[row["state"]])
        assert trial.user_attrs.get("undefined", False) == undefined
        assert trial.user_attrs.get("error") == row["error"]
        assert trial.user_attrs["sharpe"] == row["user_attrs_sharpe"]
        assert trial.datetime_start.timestamp() == row["datetime_start"].timestamp()
        if trial.state == TrialState.COMPLETE:
            assert trial.value == row["value"]
            assert trial.constraints["trades"] == row["constraints_trades"]
    assert all(states.values())


def test_its_distributions_are_the_declared_ranges(study):
    spread = study.to_optuna().trials[0].distributions
    assert spread["entry"] == optuna.distributions.FloatDistribution(0.5, 3.0)
    assert spread["window"] == optuna.distributions.IntDistribution(5, 100, log=True)
    assert spread["stop"] == optuna.distributions.FloatDistribution(1.0, 6.0, step=0.25)
    assert spread["long_only"] == optuna.distributions.CategoricalDistribution((True, False))
    assert spread["costs.slippage.rate"] == optuna.distributions.CategoricalDistribution((0.0, 0.0002, 0.0005))


def test_several_objectives_keep_their_names_and_directions(bench):
    bench.run("study", bench.sweep(**TWO))
    study = open_study(bench.folder / "study").to_optuna()
    assert study.metric_names == ["sharpe", "max_drawdown"]
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert len(study.best_trials) > 1


def test_text_and_workbook_hold_the_study_table(study, tmp_path):
    text = pl.read_csv(export(study, "csv", tmp_path / "formula.csv"))
    book = pl.read_excel(export(study, "excel", tmp_path / "formula.xlsx"), sheet_name="trials")
    for read in (text, book):
        assert read["number"].to_list() == study.trials["number"].to_list()
        assert read["params_entry"].to_list() == pytest.approx(study.trials["params_entry"].to_list())
        assert read["user_attrs_sharpe"].null_count() == study.trials["user_attrs_sharpe"].null_count()
        assert read["duration"].dtype == pl.Float64


def test_returns_are_those_of_the_selected_trial_by_date(study, tmp_path):
    path = export(study, "quantstats", tmp_path / "formula.csv")
    read = pd.read_csv(path, index_col=0, parse_dates=True)["return"]
    expected = study.rows("returns", [study.selected])["returns"][0].to_list()
    assert read.to_list() == pytest.approx(expected)
    assert [str(day.date()) for day in read.index[:2]] == ["1970-01-01", "1970-01-02"]
    series = study.to_quantstats()
    assert series.equals(read.rename("formula"))


def test_nothing_is_overwritten(study, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("mine")
    with pytest.raises(BadInput, match="the file exists"):
        export(study, "csv", path)
    assert path.read_text() == "mine"


def test_an_unknown_kind_names_those_there_are(study):
    with pytest.raises(BadInput, match="csv, excel, optuna, quantstats"):
        export(study, "parquet")


def test_the_command_has_the_same_kinds():
    from backsweep.cli.export import Target  # noqa: PLC0415

    assert [each.value for each in Target] == list(EXPORTS)
