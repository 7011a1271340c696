import pytest

import backsweep.api
from backsweep.cli import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "absent.yaml"], "absent.yaml: no such file"),
        (["check", "sweep.yaml", "--set", "search.bath=3"], "did you mean `batch`?"),
        (["check", "sweep.yaml", "--set", "data.bars=absent.csv"], "absent.csv"),
        (["check", "sweep.yaml", "--set", "strategy=strategy.py:Absent"], "Absent"),
        (["run", "sweep.yaml", "--backend", "dask"], "runtime.backend"),
        (["run", "sweep.yaml", "--workers", "2", "--address", "nonsense"], "local, auto or HOST:PORT"),
        (["run", "sweep.yaml", "--set", "nonsense"], "dotted.key=value"),
        (["run", "."], ".: a folder, not a sweep file"),
        (["check", "sweep.yaml", "--set", "walk_forward={train: 4x, test: 1y}"], "a span is a number of years"),
        (["check", "sweep.yaml", "--set", "study=a b"], "a name of letters, digits"),
        (
            ["check", "sweep.yaml", "--set", "costs.commission.kind=percent"],
            "--set costs.commission.kind: unknown `costs.commission.kind`",
        ),
        (
            ["check", "sweep.yaml", "--set", "search.objective.maximize=sharp"],
            "--set search.objective.maximize: unknown metric",
        ),
        (["show", "nowhere"], "no study here"),
        (["show", ""], "the location of a study is empty"),
        (["show", "n" * 300], "File name too long"),
        (["run", "sweep.yaml", "--out", ""], "the location of a study is empty"),
        (["run", "sweep.yaml", "--out", "."], ".: the folder of a new study is not empty"),
        (["run", "sweep.yaml", "--out", "sweep.yaml"], "Not a directory"),
        (["run", "sweep.yaml", "--out", "n" * 300], "File name too long"),
        (["null", "sweep.yaml", "--out", ""], "the location of a study is empty"),
        (["holdout", "", "--why", "to see"], "the location of a study is empty"),
        (["backtest", "sweep.yaml", "--study", "", "--trial", "1"], "the location of a study is empty"),
        (["backtest", "sweep.yaml", "--param", "entri=1"], "did you mean `entry`?"),
        (["backtest", "sweep.yaml", "--param", "entry"], "NAME=VALUE"),
        (["backtest", "sweep.yaml", "--param", "size=1.5"], "a whole number"),
        (["backtest", "sweep.yaml", "--param", "entry=.nan"], "parameter entry: bad value of `entry`"),
        (["backtest", "sweep.yaml", "--param", "size=1e999"], "expected: a finite number"),
        (["backtest", "sweep.yaml", "--param", "costs.commission.rate=2"], "`costs.commission.rate` out of range"),
        (["backtest", "sweep.yaml", "--study", "nowhere"], "--trial N"),
        (["backtest", "sweep.yaml", "--trial", "3"], "no study here"),
    ],
)
@pytest.mark.usefixtures("sweep")
def test_bad_input_is_one_message_exit_code_2_and_nothing_written(arguments, said, command, tmp_path):
    before = sorted(tmp_path.rglob("*.parquet"))
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*.parquet")) == before
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize("verb", ["run", "check", "backtest"])
def test_an_asset_that_the_data_does_not_have_is_named_with_its_line(verb, sweep, command):
    text = sweep.read_text().replace("account: {cash: 100000}", "account:\n  per_asset: {BRK.B: {lot: 1}}")
    sweep.write_text(text)
    code, _, err = command(verb, sweep)
    line = text.splitlines().index("  per_asset: {BRK.B: {lot: 1}}") + 1
    assert code == 2
    assert f"sweep.yaml:{line}: account.per_asset names an asset that the data does not have: 'BRK.B'" in err


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "sweep.yaml", "--wrong"], ["walk"], ["show", "x", "--top", "0"]]
)
def test_a_wrong_option_ends_with_2(arguments, command):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: backsweep" in err


def test_a_changed_sweep_file_is_refused_under_an_existing_study(sweep, command):
    command("run", sweep)
    code, _, err = command("run", sweep, "--seed", 4)
    assert code == 2
    assert "search.seed: 3 -> 4" in err


def test_a_changed_sweep_file_is_refused_for_a_trial_of_the_study(sweep, command):
    command("run", sweep)
    sweep.write_text(sweep.read_text().replace("cash: 100000", "cash: 50000"))
    code, _, err = command("backtest", sweep, "--trial", 3)
    assert code == 2
    assert "account.cash: 100000.0 -> 50000.0" in err


def test_debug_shows_the_traceback(sweep):
    with pytest.raises(backsweep.errors.BadInput, match="bath"):
        main(["check", str(sweep), "--set", "search.bath=3", "--debug"])


def test_a_bug_is_one_line_and_exit_code_1(sweep, command, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("somewhere deep")

    monkeypatch.setattr(backsweep.api.sweeps, "load_sweep", broken)
    code, _, err = command("check", sweep)
    assert code == 1
    assert err.startswith("internal error: ZeroDivisionError: somewhere deep\n")
    assert "Traceback" not in err
