"""`backsweep list`, and one mechanism for the formats of all commands that print tables."""

import csv
import io
import json

import polars as pl
import pytest

from backsweep.cli import console as console_module


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_studies_of_a_folder_are_listed_with_what_the_best_of_each_is_worth(sweep, command, tmp_path):
    assert command("run", sweep, "--trials", 8)[0] == 0
    assert command("run", sweep, "--trials", 4, "--out", "studies/other", "--seed", 9)[0] == 0
    (tmp_path / "studies" / "notes").mkdir()
    code, out, err = command("list")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["study", "state", "trials", "best", "verdict", "last", "trial", "(UTC)"]
    assert [line.split()[:3] for line in lines[1:3]] == [["other", "finished", "4"], ["small", "finished", "8"]]
    listed = json.loads(command("list", "--format", "json")[1])
    assert [row["study"] for row in listed] == ["other", "small"]
    assert listed[0]["verdict"] in {"compatible with noise", "inconclusive", "survives"}
    assert listed[0]["best"] == json.loads(command("show", "studies/other", "--format", "json")[1])["best"]["value"]
    assert [row["trials"] for row in rows_of(command("list", "studies", "--format", "csv")[1])] == ["4", "8"]
    (tmp_path / "studies" / "other" / "study.json").write_text("{}")
    code, out, _ = command("list", "studies")
    assert code == 0
    assert "cannot be read" in out
    assert "small" in out


@pytest.mark.usefixtures("sweep")
def test_a_folder_without_studies_is_an_error_with_a_remedy(command):
    for folder in ("nowhere", "."):
        code, _, err = command("list", folder)
        assert code == 2
        assert "no study here" in err
        assert "backsweep run SWEEP.yaml" in err


def test_every_command_that_prints_a_table_has_it_as_json_and_csv(sweep, command):
    assert command("run", sweep, "--trials", 8)[0] == 0
    backtest = ("backtest", sweep, "--param", "size=20")
    replayed = json.loads(command(*backtest, "--format", "json")[1])
    assert replayed["params"] == {"size": 20}
    values = {(row["part"], row["name"]): row["value"] for row in rows_of(command(*backtest, "--format", "csv")[1])}
    assert float(values["metrics", "final_equity"]) == replayed["metrics"]["final_equity"]
    assert values["params", "size"] == "20"
    found = json.loads(command("show", "studies/small", "--statistics", "--format", "json")[1])
    flat = {
        row["name"]: row["value"]
        for row in rows_of(command("show", "studies/small", "--statistics", "--format", "csv")[1])
    }
    assert flat["verdict.verdict"] == found["verdict"]["verdict"]
    checked = json.loads(command("check", sweep, "--format", "json")[1])
    assert checked["check"]["look-ahead"].startswith("none found")
    names = {row["name"] for row in rows_of(command("check", sweep, "--format", "csv")[1])}
    assert {"look-ahead", "entry", "sharpe"} <= names


def test_a_study_says_whether_its_strategy_was_tested_for_look_ahead(sweep, command, tmp_path, monkeypatch):
    monkeypatch.setattr("backsweep.study.store.lookahead_record.cache_folder", lambda: tmp_path / "kept")
    assert command("run", sweep, "--trials", 4)[0] == 0
    digest = command("show", "studies/small", "--hash")[1]
    shown = command("show", "studies/small")[1]
    assert "not tested: backsweep check does" in shown
    end = "backsweep show studies/small --statistics, or backsweep report studies/small\n"
    assert shown.endswith(f"what the best is worth: {end}")
    assert command("check", sweep)[0] == 0
    assert command("run", sweep, "--trials", 4)[0] == 0
    assert "none found, tested at 36 times on 20" in command("show", "studies/small")[1]
    assert json.loads(command("show", "studies/small", "--format", "json")[1])["lookahead"]["moments"] == 36
    assert command("show", "studies/small", "--hash")[1] == digest
    strategy = sweep.with_name("strategy.py")
    strategy.write_text(strategy.read_text() + "# another\n")
    assert command("run", sweep, "--trials", 4, "--out", "studies/other")[0] == 0
    assert "not tested" in command("show", "studies/other")[1]


def test_a_value_outside_its_declared_range_is_named(sweep, command):
    err = command("backtest", sweep, "--param", "size=500", "--param", "entry=0.5", "--interpreted")[2]
    assert "warning: parameter size: 500 is outside its declared range, 10 to 50; it runs as given" in err
    assert "entry" not in err


def test_a_look_at_the_holdout_without_a_reason_is_an_error_in_words(sweep, command):
    assert command("run", sweep, "--trials", 4, "--set", "walk_forward={train: 40s, test: 20s, holdout: 20s}")[0] == 0
    code, _, err = command("holdout", "studies/small")
    assert code == 2
    assert "a look at the holdout needs a reason" in err
    assert "--why" in err
    assert "Usage" not in err


@pytest.mark.parametrize("width", [80, 100])
def test_columns_make_one_table_that_fits_and_those_left_out_are_named(width, capsys, monkeypatch):
    monkeypatch.setattr(console_module, "WIDTH", width)
    columns = {f"column_{i:02}": ["1.2345678"] * 3 for i in range(14)}
    console_module.print_columns(console_module.make_console(), columns)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    body = [line for line in lines if line.startswith(("1.2345678", " 1.2345678"))]
    assert len(body) == 3
    shown = len(body[0].split())
    said = " ".join(lines[lines.index(body[-1]) + 1 :])
    assert [name in said for name in columns] == [i >= shown for i in range(14)]
    assert pl.DataFrame(columns).width > shown
