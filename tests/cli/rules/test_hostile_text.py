"""Names and texts of others come in at every door, and leave as plain lines without secrets."""

import csv
import logging
import os
import sys

import pytest
from scenarios.hostile import TEXTS, is_clean

import backsweep as bs
from backsweep.cli import console
from backsweep.cli.progress import show_progress
from backsweep.study.run.progress import Progress

SHORT = {name: text for name, text in TEXTS.items() if name != "long"}

DOORS = {
    "command": lambda text: [text],
    "option": lambda text: ["check", "sweep.yaml", f"--{text}"],
    "number": lambda text: ["run", "sweep.yaml", "--workers", text],
    "sweep file": lambda text: ["check", text],
    "study": lambda text: ["show", text],
    "study address": lambda text: ["show", f"s4://{text}"],
    "out": lambda text: ["run", "sweep.yaml", "--out", f"s4://{text}"],
    "ray address": lambda text: ["run", "sweep.yaml", "--backend", "ray", "--address", text],
    "job server": lambda text: ["submit", "sweep.yaml", "--address", text],
    "override": lambda text: ["check", "sweep.yaml", "--set", text],
    "key": lambda text: ["check", "sweep.yaml", "--set", f"search.{text}=1"],
    "value": lambda text: ["check", "sweep.yaml", "--set", f"search.sampler={text}"],
    "data file": lambda text: ["check", "sweep.yaml", "--set", f"data.bars={text}"],
    "strategy file": lambda text: ["check", "sweep.yaml", "--set", f"strategy={text}.py:A"],
    "strategy class": lambda text: ["check", "sweep.yaml", "--set", f"strategy=strategy.py:{text}"],
    "parameter": lambda text: ["backtest", "sweep.yaml", "--param", f"{text}=1"],
    "value of a parameter": lambda text: ["backtest", "sweep.yaml", "--param", f"entry={text}"],
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.usefixtures("sweep")
def test_what_is_wrong_with_a_hostile_name_is_one_plain_message(door, text, command):
    code, out, err = command(*DOORS[door](text))
    assert (code, out) == (2, "")
    assert is_clean(err)
    assert sum(line.startswith("error: ") for line in err.splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("text", SHORT.values(), ids=SHORT)
@pytest.mark.parametrize("key", ["study", "search.fixed.x", "account.per_asset.A", "data.columns.open", "x"])
def test_a_hostile_text_in_a_file_is_one_plain_message(key, text, sweep, command):
    *parents, last = key.split(".")
    mapping = '"' + "".join(f"\\U{ord(letter):08x}" for letter in text) + '"'
    entry = f"{last}: {mapping}" if key in {"study", "data.columns.open"} else f"{mapping}: {mapping}"
    for parent in reversed(parents):
        entry = f"{parent}: {{{entry}}}"
    top = entry.partition(":")[0]
    kept = [line for line in sweep.read_text().splitlines() if not line.startswith(top)]
    sweep.write_text("\n".join([*kept, entry, ""]))
    code, out, err = command("check", sweep)
    assert (code, out) == (2, "")
    assert is_clean(err)
    assert "Traceback" not in err


@pytest.mark.usefixtures("sweep")
def test_hostile_names_of_assets_columns_and_folders_are_shown_as_plain_text(command, tmp_path):
    names = [text for text in SHORT.values() if "\r" not in text]
    rows = list(csv.reader((tmp_path / "bars.csv").read_text().splitlines()))
    with (tmp_path / "bars.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*rows[0], *names])
        for row in rows[1:]:
            asset = SHORT["right to left"] if row[1] == "AAA" else SHORT["markup"]
            writer.writerow([row[0], asset, *row[2:], *["1"] * len(names)])
    place = tmp_path / names[0].replace("/", "")
    (tmp_path / "sweep.yaml").rename(place)
    for arguments in (["check", place], ["run", place, "--out", "a\nb\x1b[31m"], ["show", "a\nb\x1b[31m"]):
        code, out, err = command(*arguments)
        assert code == 0, err
        assert is_clean(out)
        assert is_clean(err)
        assert "\\x1b[31m" in out or arguments[0] == "show"
        assert "\\u202e" in out or arguments[0] != "check"


def test_the_error_of_a_trial_is_one_plain_line(sweep, command, tmp_path):
    features = (
        '    def features(self):\n        raise ValueError("a\\nerror: forged\\x1b[31m ?sig=hidden")\n\n    def on_data'
    )
    text = (tmp_path / "strategy.py").read_text().replace("    def on_data", features)
    (tmp_path / "strategy.py").write_text(text)
    code, _, err = command("run", sweep)
    assert code in {1, 2}
    assert is_clean(err)
    assert "hidden" not in err
    assert not any(line.startswith("error: forged") for line in err.splitlines())


@pytest.mark.parametrize("text", SHORT.values(), ids=SHORT)
def test_lines_cells_logs_and_progress_are_plain(text, capsys):
    screen = console.make_console()
    screen.print(text)
    screen.print(console.make_listing({text: text}))
    console.print_columns(screen, {text: ["1", text], "b" + text: [text, "2"]})
    console.echo(text)
    console.echo(text, err=True)
    console.write_log(text)
    with show_progress() as show:
        show(Progress(done=1, total=2, failed=0, best={text: 1.0, "value": 2.0}, batches=1))
    captured = capsys.readouterr()
    assert is_clean(captured.out)
    assert is_clean(captured.err)


def test_a_cell_keeps_its_square_brackets_and_colons(capsys):
    console.make_console().print(console.make_listing({"a": "[bold red]a[/] [/x] :smile:"}))
    assert "[bold red]a[/] [/x] :smile:" in capsys.readouterr().out


def test_a_warning_of_a_logger_is_one_plain_line(sweep, command, monkeypatch):
    def warn(*_, **__):
        logging.getLogger("backsweep.test").warning("%s lost", "a\n\x1b[31m s3://K:S@b")
        raise bs.errors.BadInput("enough")

    monkeypatch.setattr(bs.api.sweeps, "load_sweep", warn)
    assert command("check", sweep)[2] == "a\\n\\x1b[31m s3://***@b lost\nerror: enough\n"


@pytest.mark.parametrize(
    "address", ["s3://K:HIDDEN@b/p", "s3://b/p?X-Amz-Signature=HIDDEN", "az://b/p?account_key=HIDDEN"]
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "sweep.yaml", "--set", "data.bars=ADDRESS"],
        ["check", "sweep.yaml", "--set", "data.context=ADDRESS"],
        ["check", "sweep.yaml", "--set", "runtime.address=ADDRESS"],
        ["run", "sweep.yaml", "--out", "ADDRESS"],
        ["run", "sweep.yaml", "--backend", "ray", "--address", "ADDRESS"],
        ["show", "ADDRESS"],
        ["backtest", "sweep.yaml", "--study", "ADDRESS", "--trial", "1"],
        ["backtest", "sweep.yaml", "--out", "ADDRESS"],
        ["null", "sweep.yaml", "--out", "ADDRESS"],
        ["submit", "sweep.yaml", "--address", "ADDRESS"],
    ],
)  # fmt: skip
@pytest.mark.usefixtures("sweep")
def test_a_secret_in_an_address_is_refused_and_neither_shown_nor_kept(arguments, address, command, tmp_path):
    code, out, err = command(*[argument.replace("ADDRESS", address) for argument in arguments])
    assert (code, out) == (2, "")
    assert "HIDDEN" not in err
    assert not any(b"HIDDEN" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_secret_in_the_file_is_named_with_its_line(sweep, command):
    sweep.write_text(sweep.read_text().replace("bars.csv", '"s3://K:HIDDEN@b/bars.csv"'))
    _, _, err = command("check", sweep)
    assert err.startswith("error: sweep.yaml:3: a secret in a value that is stored and printed\n")
    assert "AWS_SECRET_ACCESS_KEY" in err
    assert "HIDDEN" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_or_closed_output_ends_with_1_and_no_traceback(sweep, run_process):
    full = run_process("check", sweep, stdout=os.open("/dev/full", os.O_WRONLY))
    assert (full.returncode, full.stderr) == (
        1,
        "error: the output cannot be written\n  found:    No space left on device\n",
    )
    reader, writer = os.pipe()
    os.close(reader)
    closed = run_process("check", sweep, stdout=writer)
    assert (closed.returncode, closed.stderr) == (1, "")
    silent = run_process("run", sweep, stderr=os.open("/dev/full", os.O_WRONLY))
    assert silent.returncode == 0
    assert silent.stdout.startswith("40 trials are in studies/small")


def test_a_traceback_is_plain_text_without_secrets(run_process, sweep):
    done = run_process("--debug", "check", sweep, "--set", "data.bars=s3://K:HIDDEN@b/\x1b[31m")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "HIDDEN" not in done.stderr
    assert is_clean(done.stderr)
