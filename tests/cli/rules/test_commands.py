import json
import os
import re
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

import backsweep as bs
from backsweep.cli import progress as progress_module

TIMING = ["datetime_start", "datetime_complete", "duration"]


def test_check_says_what_was_found_and_writes_nothing(sweep, command, tmp_path):
    before = sorted(tmp_path.rglob("*.parquet"))
    code, out, err = command("check", sweep)
    assert (code, err) == (0, "")
    lines = out.split("\n\n")[0].splitlines()
    names = [re.split(r"\s\s+", line)[0] for line in lines if not line.startswith(" ")]
    assert names == [
        *("assets", "span", "interval", "sessions per year", "zone"),
        *("gaps", "suspicious rows", "signals", "warm-up", "look-ahead", "sleep"),
    ]
    listed = re.sub(r"\s+", " ", out)
    assert "span 2001-01-01 to 2002-01-08: 240 bars, 120 sessions" in listed
    assert "sessions per year 365, from the dates of the sessions" in listed
    missing = 2 * (3 + 3 + 247)  # of each asset: 29 to 31 January, the same of March, 29 April to 31 December
    assert f"gaps {missing:,} sessions missing in 6 gaps, up to 247 in a row (first: AAA after 2001-01-28)" in listed
    assert "suspicious rows none" in listed
    assert "signals pred 100.0% of bars" in listed
    assert "warm-up none: no features" in listed
    assert "10 to 50, whole" in out
    assert "36 times, " in out  # the look-ahead test
    assert sorted(tmp_path.rglob("*.parquet")) == before
    assert not (tmp_path / "studies").exists()


def test_orders_that_are_always_rejected_are_told_with_reason_and_remedy_by_every_command(sweep, command):
    strategy = sweep.with_name("strategy.py")
    strategy.write_text(strategy.read_text().replace("bar.asset, self.size)", "bar.asset, 1e6 * self.size)"))
    code, _, err = command("check", sweep)
    assert code == 0
    assert "orders were rejected" in err
    assert "because: exceeds cash" in err
    assert "leave room for costs" in err
    assert "nothing was traded: 0 trades" in err
    assert "because: exceeds cash" in command("backtest", sweep)[2]
    code, _, err = command("run", sweep)
    assert code == 0
    assert "none of 40 trials closed a trade" in err
    assert "40 of 40 trials had orders rejected" in err
    reason = r"trial 0: (\d+) of \d+ orders were rejected, \1 of them because: exceeds cash"
    assert re.search(reason, err)
    assert re.search(reason, command("show", "studies/small")[2])
    strategy.write_text(strategy.read_text() + "# changed\n")
    assert "--trial 0 --study studies/small says why" in command("show", "studies/small")[2]


def test_check_names_what_is_probably_not_meant_and_swallows_what_on_data_prints(sweep, command):
    strategy = sweep.with_name("strategy.py")
    strategy.write_text(strategy.read_text().replace("bar = data[i]", "bar = data[i]; print(77777)"))
    sweep.write_text(sweep.read_text().replace("high: 0.001", "high: 0.1"))
    code, out, err = command("check", sweep, "--set", "search.params.size={low: 1, high: 50}")
    assert code == 0
    assert "77777" not in out
    assert "on_data prints at every call" in err
    assert "costs.commission.rate: 0.1 is 10 % of the value of every fill" in err
    assert "search.params.size: 1 to 50 goes beyond the 10 to 50 of Cross" in err
    assert "with 3 warnings" in out


def test_free_trading_is_warned_of_at_the_start_of_a_run(sweep, command):
    text = sweep.read_text()
    costs = text[text.index("costs:") : text.index("search:")]
    swept = "  params:\n    costs.commission.rate: {low: 0.0, high: 0.001}\n"
    sweep.write_text(text.replace(costs, "").replace(swept, ""))
    err = command("run", sweep)[2]
    assert err.splitlines()[0].startswith("warning: there is no costs section: trading is free")


ONE_BY_ONE = ("--set", "search.sampler=nsga2")  # learns: batches are proposed one by one, however quick their trials


@pytest.mark.usefixtures("commit_at_once")
def test_run_shows_each_batch_and_leaves_a_study(sweep, command, tmp_path):
    code, out, err = command("run", sweep, *ONE_BY_ONE)
    assert code == 0
    lines = [line.split(" · ")[:2] for line in err.splitlines()]
    expected = [["batch 1", "16 of 40 trials"], ["batch 2", "32 of 40 trials"], ["batch 3", "40 of 40 trials"]]
    assert lines == expected
    assert out.splitlines() == [
        "40 trials are in studies/small; next: backsweep show studies/small, or backsweep report studies/small",
        "report: studies/small/report.html",
    ]
    study = bs.open_study(tmp_path / "studies" / "small")
    assert study.trials.height == 40
    selected = json.loads((study.path / "selected" / "params.json").read_text())
    assert selected["params"] == study.best["params"]
    assert selected["metrics"] == study.best["metrics"]
    equity = pl.read_parquet(study.path / "selected" / "equity.parquet")
    assert equity["equity"][-1] == study.best["metrics"]["final_equity"]


def test_run_takes_its_options_over_the_file(sweep, command):
    assert command("run", sweep, "--trials", 8, "--seed", 9, "--out", "here", "--set", "search.batch=4")[0] == 0
    search = bs.open_study("here").sweep.search
    assert (search.trials, search.seed, search.batch) == (8, 9, 4)


@pytest.mark.usefixtures("commit_at_once")
def test_an_interrupted_run_says_so_and_resumes_to_the_same_study(sweep, command, monkeypatch):
    command("run", sweep, "--out", "whole", *ONE_BY_ONE)

    def interrupt(_, standing):
        if standing.batches == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(progress_module._Log, "__call__", interrupt)
        code, out, err = command("run", sweep, "--out", "broken", *ONE_BY_ONE)
    assert (code, out) == (130, "")
    assert err == "interrupted: committed trials are kept; run the same command to resume the study\n"
    assert bs.open_study("broken").trials.height == 32
    assert command("run", sweep, "--out", "broken", *ONE_BY_ONE)[0] == 0
    whole, resumed = (bs.open_study(name).trials.drop(TIMING) for name in ("whole", "broken"))
    assert whole.equals(resumed)


def test_more_trials_continue_the_study_and_the_total_says_so(sweep, command):
    command("run", sweep, "--out", "long", "--trials", 56)
    command("run", sweep)
    code, _, err = command("run", sweep, "--trials", 56)
    assert code == 0
    assert err.splitlines()[-1].startswith("batch 4 · 56 of 56 trials")
    assert "56 of 56" in command("show", "studies/small")[1]
    assert bs.open_study("studies/small").digest() == bs.open_study("long").digest()


def test_changed_data_under_a_study_is_refused(sweep, command, tmp_path):
    command("run", sweep)
    bars = tmp_path / "bars.csv"
    bars.write_text(bars.read_text().replace("1000,", "1001,", 1))
    code, _, err = command("run", sweep, "--trials", 56)
    assert code == 2
    assert "the data have changed since this study was begun" in err
    assert "bars of AAA on 2001-01-01: other values" in err
    assert bs.open_study("studies/small").state.done == 40


@pytest.mark.apart
def test_a_second_run_is_told_of_the_first_and_takes_over_when_that_is_killed(sweep, command):
    first = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "backsweep", "run", str(sweep), "--trials", "1000000"], stderr=subprocess.PIPE, text=True
    )
    with first.stderr as stream:
        assert stream.readline().startswith("batch ")
        code, _, err = command("run", sweep)
        assert code == 2
        assert "another run is working on this study" in err
        assert f"process {first.pid} on " in err
        first.kill()
        first.wait(timeout=20)
    done = bs.open_study("studies/small").state.done
    assert command("run", sweep, "--trials", done + 10)[0] == 0
    assert bs.open_study("studies/small").state.done == done + 10


@pytest.mark.apart
@pytest.mark.parametrize(("number", "options"), [("INT", []), ("TERM", []), ("TERM", ["--workers", "2"])])
def test_ctrl_c_or_a_stop_ends_a_run_with_130_and_one_line(sweep, number, options):
    run = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "backsweep", "run", str(sweep), "--trials", "1000000", *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    with run.stderr as stream:
        assert stream.readline().startswith("batch ")
        time.sleep(0.2)
        os.kill(run.pid, signal.Signals[f"SIG{number}"])
        *batches, last = stream.readlines()
    assert run.wait(timeout=20) == 130
    assert all(line.startswith("batch ") for line in batches)
    assert last.startswith("interrupted: ")
    assert not any((sweep.parent / "studies" / "small").glob("lease/*"))


@pytest.mark.apart
@pytest.mark.long
def test_workers_and_this_process_give_the_same_study(sweep, command):
    assert command("run", sweep, "--backend", "inline", "--out", "inline")[0] == 0
    for workers in (1, 2):
        code, _, err = command("run", sweep, "--backend", "ray", "--workers", workers, "--out", f"ray-{workers}")
        assert code == 0, err
    inline, *others = (bs.open_study(name) for name in ("inline", "ray-1", "ray-2"))
    for ray in others:
        assert inline.trials.drop(TIMING).equals(ray.trials.drop(TIMING))
        assert inline.returns.equals(ray.returns)
        assert inline.digest() == ray.digest()


def test_show_prints_the_digest_and_nothing_else(sweep, command):
    for name in ("one", "two"):
        command("run", sweep, "--out", name)
    assert command("show", "one", "--hash") == (0, f"{bs.open_study('two').digest()}\n", "")


def test_an_inline_run_never_imports_ray(sweep):
    code = f"import sys, backsweep as bs; bs.run({str(sweep)!r}); sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own code


def test_a_study_with_failed_trials_ends_with_1_and_names_the_first(sweep, command, tmp_path):
    strategy = tmp_path / "strategy.py"
    limit = (
        "            if self.size > 30:\n"
        "                for k in range(100000):\n"
        "                    broker.submit_order(bar.asset, 1.0, bs.LIMIT, 0.01)\n"
    )
    text = strategy.read_text().replace("            bar = data[i]\n", "            bar = data[i]\n" + limit)
    strategy.write_text(text)
    code, out, err = command("run", sweep)
    assert code == 1
    assert "40 trials are in studies/small" in out
    assert re.search(r"^[\d]+ of them failed; the first is trial \d+: Cross has ", err, re.MULTILINE)
    assert "too many live orders" in err


def test_a_study_without_a_score_says_so_and_has_no_figures(sweep, command, tmp_path):
    strategy = tmp_path / "strategy.py"
    strategy.write_text(strategy.read_text().replace("bar.pred > self.entry", "bar.pred > 100.0"))
    code, _, err = command("run", sweep, "--trials", 4)
    assert code == 0
    assert "none of them has a defined objective and meets the constraints; for the trades of one: " in err
    code, out, _ = command("show", "studies/small", "--statistics")
    assert code == 0
    assert "0 have a Sharpe ratio" in out
    assert "p-value" not in out


def test_show_prints_the_best_trials_first(sweep, command):
    command("run", sweep)
    code, out, _ = command("show", "studies/small", "--top", 3)
    assert code == 0
    assert "40 of 40" in out
    assert "maximize sharpe" in out
    assert max(map(len, out.splitlines())) <= 100
    assert out.rstrip().splitlines()[-5].split()[0] == str(bs.open_study("studies/small").best["number"])


def test_show_shows_a_study_that_has_no_trial_yet(sweep, command, tmp_path):
    command("run", sweep)
    for entry in (tmp_path / "studies" / "small" / "manifest").iterdir():
        entry.unlink()
    code, _, err = command("show", "studies/small")
    assert (code, err) == (0, "")


def test_show_is_one_table_as_wide_as_it_may_be_and_names_the_columns_left_out(sweep, command, tmp_path):
    many = "\n".join(f"    parameter_{i}: float = bs.param(0.0, 1.0)" for i in range(12))
    strategy = tmp_path / "strategy.py"
    strategy.write_text(strategy.read_text().replace("    size: int", many + "\n    size: int"))
    command("run", sweep, "--trials", 4)
    _, out, _ = command("show", "studies/small", "--top", 2)
    assert len([line for line in out.splitlines() if line.startswith("trial ")]) == 1
    said = out.partition("left out, as the width does not suffice: ")[2]
    assert "size" in said
    assert "parameter_11" in said
    assert "parameter_0" not in said
    assert max(map(len, out.splitlines())) <= 100


def test_show_sets_apart_the_parameters_that_all_trials_share(sweep, command):
    command("run", sweep, "--set", "search.params.size={low: 20, high: 20}")
    _, out, _ = command("show", "studies/small")
    assert "the same in all of these: size=20" in out


def test_show_marks_trials_that_break_a_constraint(sweep, command):
    command("run", sweep, "--set", "search.constraints=['trades >= 1000']")
    _, out, _ = command("show", "studies/small", "--top", 1)
    assert "violates trades" in out


def test_show_writes_json_and_csv(sweep, command):
    command("run", sweep)
    _, out, _ = command("show", "studies/small", "--top", 2, "--format", "json")
    content = json.loads(out)
    assert (content["done"], content["failed"], len(content["trials"])) == (40, 0, 2)
    assert content["trials"][0]["params_size"] == content["best"]["params"]["size"]
    _, out, _ = command("show", "studies/small", "--top", 2, "--format", "csv")
    table = pl.read_csv(out.encode())
    assert table["number"].to_list() == [row["number"] for row in content["trials"]]


def test_export_writes_a_file_once(sweep, command):
    command("run", sweep)
    code, out, err = command("export", "studies/small", "--to", "csv")
    assert (code, out, err) == (0, "written: small.csv\n", "")
    assert pl.read_csv("small.csv")["number"].to_list() == list(range(40))
    code, out, err = command("export", "studies/small", "--to", "csv")
    assert (code, out) == (2, "")
    assert "the file exists" in err


def test_backtest_of_a_trial_gives_the_metrics_of_the_study(sweep, command):
    command("run", sweep)
    best = bs.open_study("studies/small").best
    code, out, err = command("backtest", sweep, "--trial", best["number"], "--out", "records")
    assert (code, err) == (0, "")
    assert "fills, trades, equity and orders are in records" in out
    with open("records/params.json") as stream:  # noqa: PTH123 - as a reader would
        assert json.load(stream)["metrics"] == best["metrics"]
    assert pl.read_parquet("records/fills.parquet").height > 0


def test_backtest_runs_interpreted_to_the_same_bits(sweep, command):
    arguments = ("backtest", sweep, "--param", "entry=0.3", "--param", "costs.commission.rate=0.001")
    command(*arguments, "--out", "compiled")
    assert command(*arguments, "--out", "interpreted", "--interpreted")[0] == 0
    for name in ("fills", "trades", "equity", "orders"):
        frames = [pl.read_parquet(f"{folder}/{name}.parquet") for folder in ("compiled", "interpreted")]
        assert frames[0].equals(frames[1]), name


def test_help_gives_examples_and_version_the_version():
    command = [sys.executable, "-m", "backsweep"]
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert version.stdout == f"backsweep {bs.__version__}\n"
    for name in ("run", "backtest", "show", "check"):
        text = subprocess.run([*command, name, "--help"], capture_output=True, text=True, check=True)  # noqa: S603
        assert f"backsweep {name} " in text.stdout.partition("For example")[2]


def test_the_command_line_loads_nothing_heavy_before_a_command_runs():
    code = (
        "import sys, backsweep.cli; print(sorted({'numba', 'polars', 'ray', 'optuna', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == "[]\n"


def test_show_says_in_words_what_the_results_are_worth(sweep, command):
    command("run", sweep)
    code, out, _ = command("show", "studies/small", "--statistics")
    assert code == 0
    assert out.splitlines()[0].partition(":")[0] in {"compatible with noise", "inconclusive", "survives"}
    assert "With 40 trials over 0.3 years" in out  # 120 sessions of 365 a year
    assert "trials tried" in out
    assert f"(the selected trial, number {bs.open_study('studies/small').selected}); expected maximum" in out
    assert "statistics,tried,40\n" in command("show", "studies/small", "--statistics", "--format", "csv")[1]
    code, out, _ = command("show", "studies/small", "--statistics", "--format", "json")
    found = json.loads(out)
    assert (code, found["tried"], found["sessions"]) == (0, 40, 120)
    assert found["verdict"]["verdict"] in {"compatible with noise", "inconclusive", "survives"}
