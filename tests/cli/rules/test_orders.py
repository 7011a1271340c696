"""From a study to the next bar: the selected parameters on data that have grown."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from tests.cli.conftest import STRATEGY, SWEEP, write_bars

import backsweep as bs

STUDY = ("--study", "studies/small")
FOLDS = "walk_forward: {mode: rolling, train: 40s, test: 20s}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a study of 120 days, run once: a strategy in one place is compiled once."""
    folder = tmp_path_factory.mktemp("made")
    write_bars(folder / "bars.csv")
    (folder / "strategy.py").write_text(STRATEGY)
    (folder / "sweep.yaml").write_text(SWEEP)
    bs.run(folder / "sweep.yaml", out=folder / "studies" / "small")
    return folder


@pytest.fixture
def ran(made, monkeypatch):
    """The sweep file of that study, in the working folder; data are as they were."""
    monkeypatch.chdir(made)
    write_bars(Path("bars.csv"))
    return Path("sweep.yaml")


@pytest.fixture
def grown(ran):
    """The same, with data that now have 165 days."""
    write_bars(Path("bars.csv"), days=165)
    return ran


def read(command, sweep, *options):
    code, out, err = command("orders", sweep, *STUDY, "--format", "json", *options)
    assert (code, err) == (0, "")
    return json.loads(out)


def test_orders_are_what_the_next_bar_fills(grown, command):
    study = bs.open_study("studies/small")
    sent = 0
    for days in range(156, 160):  # the signal of AAA rises above the threshold
        write_bars(Path("bars.csv"), days=days)
        found = read(command, grown)
        assert (found["trial"], found["params"]) == (study.selected, study.best_params)
        assert found["reason"] == "the best feasible one of 40 trials"
        write_bars(Path("bars.csv"), days=days + 1)
        later = bs.replay(grown, trial=study.selected).result
        filled = later.fills.filter(pl.col("timestamp") == later.equity["timestamp"][-1])
        assert [(each["asset"], each["quantity"]) for each in found["send"]] == filled.select(
            "asset", "quantity"
        ).rows()
        sent += len(found["send"])
    assert sent > 0


def test_it_says_which_data_these_are(ran, command):
    sweep = ran
    assert read(command, sweep)["data"] == "those of the study, with no later bar"
    write_bars(Path("bars.csv"), days=125)
    found = read(command, sweep, "--trial", 3)
    assert found["data"] == "newer than the study's, which end at 2002-01-08 00:00: these end at 2002-01-13 00:00"
    assert (found["trial"], found["reason"], found["last_bar"]) == (3, "named by --trial", "2002-01-13 00:00:00")
    code, out, _ = command("orders", sweep, *STUDY)
    assert code == 0
    assert "to send for the next bar: " in out
    code, out, err = command("orders", sweep, *STUDY, "--format", "csv")
    assert out.startswith("table,asset,quantity,")
    assert "the best feasible one of 40 trials" in err


def revise(day):
    """Raise all prices of a day by half."""
    rows = pl.read_csv("bars.csv").with_columns(
        pl.when(pl.col("timestamp") == day).then(pl.col(name) * 1.5).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close")
    )
    rows.write_csv("bars.csv")
    return rows


def refused(command, sweep):
    code, _, err = command("orders", sweep, *STUDY)
    assert code == 2
    return err


def test_what_changed_besides_is_refused_in_words(grown, command):
    rows = revise("2001-03-05")
    err = refused(command, grown)
    assert "the data have changed within the study's sessions" in err
    assert "the first on 2001-03-0" in err
    rows.filter((pl.col("timestamp") > "2001-03-05") | (pl.col("timestamp") < "2001-01-05")).write_csv("bars.csv")
    assert "the data have changed within the study's sessions" in refused(command, grown)
    write_bars(Path("bars.csv"), days=110)
    assert "do not end later" in refused(command, grown)


@pytest.mark.long
def test_another_strategy_is_refused(sweep, command):
    command("run", sweep)
    Path("strategy.py").write_text(Path("strategy.py").read_text() + "\nEDITED = 1\n")
    assert "another study" in refused(command, sweep)


@pytest.mark.long
@pytest.mark.parametrize("search", ["sampler: random", "sampler: tpe"])
def test_revised_prices_are_found_in_trainings_and_tests_too(sweep, command, search):
    text = sweep.read_text().replace('  constraints: ["trades >= 3"]\n', "").replace("sampler: random", search)
    sweep.write_text(text + FOLDS)
    command("run", sweep)
    write_bars(Path("bars.csv"), days=165)
    found, study = read(command, sweep), bs.open_study("studies/small")  # its last 40 sessions begin with number 80
    assert found["data"].endswith("these end at 2002-02-25 00:00")
    assert found["reason"] == "the final choice, trained from 2001-03-25 to 2002-01-08"
    assert found["params"] == study.best_params == study.describe(study.walk_forward.final["number"][0])["params"]
    revise("2001-04-20")
    assert "the first on 2001-04-" in refused(command, sweep)


def test_a_trial_is_run_again_on_newer_data_with_a_note(grown, command):
    study = bs.open_study("studies/small")
    code, _, err = command("backtest", grown, "--trial", study.selected, "--out", "records")
    assert code == 0
    assert "warning: the data are newer than the study's" in err


def test_a_run_says_in_words_how_the_data_have_changed(grown, command):
    def said():
        code, out, err = command("run", grown)
        assert (code, out) == (2, "")
        return " ".join(err.split())

    err = said()  # a study's trials have one data set
    assert "the data have grown since this study was begun" in err
    assert "which end at 2002-01-08 00:00" in err
    assert "the same rows, and later ones up to 2002-02-25 00:00" in err
    assert "`search: {warm_start: {study: studies/small}}`" in err
    revise("2001-03-05")
    err = said()
    assert "the data have changed since this study was begun" in err
    assert "bars of AAA on 2001-03-05: other values; bars of BBB on 2001-03-05: other values" in err
    write_bars(Path("bars.csv"), days=119)
    assert "bars of AAA on 2002-01-08: 1 row fewer" in said()
    write_bars(Path("bars.csv"))
    Path("bars.csv").write_text(Path("bars.csv").read_text() + "\n")
    assert "other files with the same rows, which end at 2002-01-08 00:00" in said()
    Path("studies/small/rows.parquet").rename("rows.parquet")  # as in a study of an earlier version
    assert "data content: " in said()
    write_bars(Path("bars.csv"))
    assert command("run", grown)[0] == 0
    assert Path("studies/small/rows.parquet").read_bytes() == Path("rows.parquet").read_bytes()


@pytest.mark.long
def test_a_run_goes_on_with_folds_and_says_so(sweep, command):
    sweep.write_text(sweep.read_text().replace('  constraints: ["trades >= 3"]\n', "") + FOLDS)
    command("run", sweep)
    write_bars(Path("bars.csv"), days=165)
    code, _, err = command("backtest", sweep, "--trial", 3, *STUDY)
    assert code == 0
    assert "warning: the data are newer than the study's" in err
    code, _, err = command("run", sweep)
    assert code == 0
    assert "goes on with data that have grown: 2002-01-08 to 2002-02-25" in " ".join(err.split())
    shown = command("show", "studies/small")[1]
    assert re.search(r"data grown +2002-01-08 to 2002-02-25, on .*; kept: folds 0 to 3, 40 of 40 trials", shown)
    (entry,) = json.loads(command("show", "studies/small", "--format", "json")[1])["history"]
    assert (entry["folds"], entry["kept"]) == ([0, 1, 2, 3], 40)


@pytest.mark.usefixtures("ran")
def test_a_study_s_backtest_has_the_bits_of_the_row():
    study = bs.open_study("studies/small")
    assert study.backtest().metrics == study.best["metrics"]
    assert study.backtest(7).metrics == study.describe(7)["metrics"]
    assert study.best_params == study.best["params"]
    with pytest.raises(bs.errors.BadInput, match="no such trial"):
        study.backtest(40)
    write_bars(Path("bars.csv"), days=121)
    with pytest.raises(bs.errors.StudyConflict, match="the data have grown"):
        study.backtest(7)


@pytest.mark.long
def test_a_sealed_holdout_is_looked_at_before_orders_are_made_of_it(sweep, command):
    sweep.write_text(
        sweep.read_text().replace('  constraints: ["trades >= 3"]\n', "") + FOLDS.replace("}", ", holdout: 20s}")
    )
    command("run", sweep)
    code, _, err = command("orders", sweep, *STUDY)
    assert code == 2
    assert "which is sealed" in err
    assert command("holdout", "studies/small", "--why", "a check")[0] == 0
    found = read(command, sweep)
    study = bs.open_study("studies/small")
    assert found["params"] == study.best_params == study.describe(study.selected)["params"]
    assert found["reason"].startswith("the final choice, trained from ")
    assert found["last_bar"].startswith("2002-01-08")
