"""Every example of a command's help runs, in a folder that has what the examples name."""

import re
import shlex
from http.server import ThreadingHTTPServer

import pytest
import typer

from backsweep.cli import app

COMMANDS = typer.main.get_command(app).commands
ELSEWHERE = {"submit"}  # needs a cluster: tests/submission
RAY = {"run", "null"}  # run inline here: tests/runtime has Ray


def examples():
    """List the examples of all helps, those that need a study after those that make one."""
    order = ["init", "check", "run", "backtest", "null", "holdout"]
    for name in sorted(COMMANDS, key=lambda name: order.index(name) if name in order else len(order)):
        shown = COMMANDS[name].callback.__doc__.partition("For example:")[2]
        lines = re.findall(r"(?m)^ *- (backsweep .*)$", shown)
        assert lines, name
        if name not in ELSEWHERE:
            yield from lines


def write_files(folder, sweep):
    """Write what the examples name: sweep files of these names, their strategy, and files of prices."""
    small = sweep.read_text().replace("  trials: 40\n  batch: 16\n", "  trials: 6\n  batch: 3\n")
    small = small.replace("bars.csv", "../bars.csv")
    (folder / "sweeps").mkdir()
    sweep.with_name("strategy.py").rename(folder / "sweeps" / "strategy.py")
    sweep.unlink()
    (folder / "sweeps" / "demo.yaml").write_text(small.replace("study: small", "study: demo"))
    walk = "walk_forward: {train: 40s, test: 20s, holdout: 20s}\n"
    text = small.replace("study: small", "study: walk-forward") + walk
    (folder / "sweeps" / "walk_forward.yaml").write_text(text)
    days = [f"2024-01-{day:02},{10 + day},{11 + day},{9 + day},{10 + day},1000" for day in range(1, 29)]
    (folder / "prices").mkdir()
    for place in (folder / "prices" / "AAPL.csv", folder / "prices.csv"):
        place.write_text("\n".join(["date,open,high,low,close,volume", *days]) + "\n")
    slashed = [re.sub(r"^2024-01-(..)", r"\1/01/2024", line) for line in days]
    (folder / "prices.csv").write_text("\n".join(["date,open,high,low,close,volume", *slashed]) + "\n")


def words_of(line):
    """Return the words of an example as this folder can run them: the small study has other names, and no Ray."""
    names = {
        "--param entry=1.5 --param stop_multiple=2": "--param entry=0.5 --param size=20",
        "--trial 17": "--trial 4",
    }
    for name, other in names.items():
        line = line.replace(name, other)
    words = shlex.split(line.partition(" > ")[0])[1:]
    kept = [word for i, word in enumerate(words) if "--workers" not in words[max(i - 1, 0) : i + 1]]
    kept = ["2" if word in {"19", "99"} else "6" if word == "5000" else word for word in kept]
    return kept + (["--backend", "inline"] if words[0] in RAY and "--backend" not in words else [])


def test_the_examples_of_all_helps_run(sweep, command, tmp_path, monkeypatch):
    write_files(tmp_path, sweep)
    opened = []
    monkeypatch.setattr(typer, "launch", opened.append)
    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", lambda _: None)  # else until Ctrl-C
    assert command("run", "sweeps/walk_forward.yaml", "--backend", "inline")[0] == 0
    tried = [*examples()]
    for line in tried:
        code, out, err = command(*words_of(line))
        assert code == 0, f"{line}: {err}"
        assert out.strip(), line
    assert len(tried) > 20
    assert len(opened) == 1


def test_a_help_shows_its_examples(command):
    for name in COMMANDS:
        out = command(name, "--help")[1]
        assert f"backsweep {name}" in out.partition("Usage")[2].partition("\n")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell, command, monkeypatch):
    monkeypatch.setenv("_BACKSWEEP_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", "backsweep ho")
    monkeypatch.setenv("COMP_CWORD", "1")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "backsweep ho")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    assert "holdout" in command()[1]
