"""`backsweep init` on the command line: what it says, and what it asks on a terminal."""

import importlib
import io

import pytest
from scenarios.platform_files import yfinance_wide
from scenarios.vendor_files import make_days

import backsweep as bs

module = importlib.import_module("backsweep.cli.init")  # whose name is also that of its function

DAY_FIRST = "date,open,high,low,close,volume\n03/01/2024,10,11,9,10,100\n04/01/2024,10,11,9,10,100\n"


@pytest.fixture
def bars(tmp_path, monkeypatch):
    (tmp_path / "bars.csv").write_text(DAY_FIRST)
    monkeypatch.chdir(tmp_path)
    return "bars.csv"


def test_what_was_read_and_written_is_said(command, bars, tmp_path):
    code, out, err = command("init", bars, "--out", "new", "--set", "data.format.timestamp=%d/%m/%Y")
    assert (code, err) == (0, "")
    assert "2024-01-03 to 2024-01-04" in out
    assert "next: backsweep check new/sweep.yaml, then backsweep run new/sweep.yaml" in out
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "strategy.py",
        "sweep.yaml",
        "test_strategy.py",
    ]
    assert command("check", "new/sweep.yaml")[0] == 0


def test_two_readings_end_the_command_without_a_terminal(command, bars):
    code, out, err = command("init", bars)
    assert (code, out) == (2, "")
    assert "month first (%m/%d/%Y) or day first (%d/%m/%Y)" in err
    assert "--set 'data.format.timestamp=%d/%m/%Y'" in err


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("typed", "first"), [("1\n", "2024-03-01"), ("2\n", "2024-01-03"), ("3\nx\n2\n", "2024-01-03")]
)
def test_two_readings_are_asked_on_a_terminal(command, bars, monkeypatch, typed, first):
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr(module, "_is_terminal", lambda: True)
    code, out, err = command("init", bars, "--out", "new")
    assert code == 0
    assert f"{first} to" in out
    assert "1. month first (data.format.timestamp: %m/%d/%Y)" in err
    assert "'03/01/2024', '04/01/2024'" in err


@pytest.mark.parametrize(
    ("place", "said"), [("nowhere.csv", "no file to read bars from"), ("bars.doc", "unsupported extension")]
)
@pytest.mark.usefixtures("bars")
def test_what_is_no_data_is_refused(command, tmp_path, place, said):
    (tmp_path / "bars.doc").write_text(DAY_FIRST)
    code, _, err = command("init", place)
    assert code == 2
    assert said in err


@pytest.mark.slow
def test_a_file_goes_from_init_to_a_finished_study(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, content = yfinance_wide(make_days(60))
    (tmp_path / name).write_bytes(content)
    assert command("init", name, "--out", "new")[0] == 0
    options = ("--trials", "4", "--backend", "inline", "--workers", "1", "--out", "study")
    code, _, err = command("run", "new/sweep.yaml", *options, "--set", "data.benchmark=ACME")
    assert (code, "error" in err) == (0, False)
    trials = bs.open_study("study").trials
    assert trials["state"].to_list() == ["COMPLETE"] * 4
    assert "user_attrs_beta" in trials.columns
