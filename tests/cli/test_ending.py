"""Signals to a process of its own, whose strategy never returns from compiled code."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import typer

import backsweep as bs
from backsweep.cli import ending
from backsweep.cli.options import interruptible

ENDLESS = """
from pathlib import Path

import backsweep as bs


class Cross(bs.Strategy):
    stuck: bool = bs.choice([False, True])
    size: int = bs.param(10, 50)

    def features(self):
        Path(f"begu{'n'}").touch()  # a file that the source names would belong to what identifies the study
        return {}

    def on_data(self, timestamp, data, context, broker):
        step = 0
        while self.stuck and step < 10:
            step = (step + 1) % 5
        if step == 0 and broker.get_position(0).quantity == 0.0:
            broker.submit_order(0, self.size)
"""


@pytest.fixture
def endless(sweep, tmp_path, run_process):
    """A sweep whose trials never end where `stuck` is true, with its compiled code already on disk."""
    (tmp_path / "strategy.py").write_text(ENDLESS)
    text = sweep.read_text()
    sweep.write_text(text[: text.index("search:")] + "search: {sampler: random, seed: 3, trials: 8, batch: 8}\n")
    assert run_process("backtest", sweep, "--param", "stuck=false").returncode == 0
    (tmp_path / "begun").unlink()
    return sweep


@pytest.fixture
def start(tmp_path):
    """Start a command and return when it is in its endless loop; what still runs at the end of the test is killed."""
    running = []

    def begin(*arguments):
        line = [sys.executable, "-m", "backsweep", *map(str, arguments)]
        process = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        running.append(process)
        while not (tmp_path / "begun").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        time.sleep(3)  # to load the compiled code; a signal before would be seen all the same
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.apart
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_a_run_is_interrupted_in_compiled_code_and_resumed_with_a_time_limit(number, endless, start, run_process):
    process = start("run", endless, "--backend", "inline")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("interrupted: committed trials are kept; run the same command to resume the study\n")
    done = run_process("run", endless, "--backend", "inline", "--set", "runtime.trial_timeout=1.5")
    assert done.returncode == 1
    trials = bs.open_study("studies/small").trials
    assert len(trials) == 8
    stuck = trials.filter(trials["params_stuck"])
    assert 0 < len(stuck) < 8
    assert set(stuck["state"]) == {"FAIL"}
    assert set(stuck["error"]) == {"it took longer than 1.5 s; runtime.trial_timeout allows more (3 times)"}
    assert set(trials.filter(~trials["params_stuck"])["state"]) == {"COMPLETE"}


@pytest.mark.apart
def test_a_second_ctrl_c_ends_compiled_code_in_the_main_thread(endless, start):
    process = start("backtest", endless, "--param", "stuck=true")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in {130, -signal.SIGINT}  # a shell's 130: on a slow machine Python took itself down
    assert err in {"interrupted twice: stopped immediately; finished work is kept\n", ""}


@pytest.fixture
def codes(monkeypatch):
    """Exit codes with which the process would have ended at once."""
    codes = []

    def end(code):
        codes.append(code)
        ending._seen.set()

    monkeypatch.setattr(ending.os, "_exit", end)
    return codes


def test_a_signal_that_the_main_thread_does_not_see_ends_the_process(monkeypatch, capsys, codes):
    monkeypatch.setattr(ending, "GRACE", 0.01)
    ending._seen.clear()
    with interruptible(""):
        ending._end_unseen(signal.SIGTERM)
    assert codes == [130]
    assert "inside compiled code" in capsys.readouterr().err


def test_a_signal_that_is_held_back_may_stay_unseen(monkeypatch, codes):
    answers = [False, False, True]
    monkeypatch.setattr(ending._seen, "wait", lambda _: answers.pop(0))
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        ending._end_unseen(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert codes == []
    assert answers == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_while_ray_starts_counts_once_and_ray_is_stopped(number, monkeypatch, codes):
    from backsweep.runtime import ray_session  # noqa: PLC0415 - Ray takes a second to import

    steps = []

    def begin(**_):
        os.kill(os.getpid(), number)
        steps.append("begun")

    monkeypatch.setattr(ray_session.ray, "init", begin)
    monkeypatch.setattr(ray_session.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_session.ray, "shutdown", lambda: steps.append("stopped"))
    threads = []

    class Thread(threading.Thread):
        def start(self):
            super().start()
            threads.append(self)

    monkeypatch.setattr(ending.threading, "Thread", Thread)
    with pytest.raises(typer.Exit) as caught, ending.always_stoppable(), interruptible("stopped"):
        ray_session.RaySession(1, "auto")
    threads[0].join()  # it has read all signals
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process that ends has no need of
    assert caught.value.exit_code == 130
    assert steps == ["begun", "stopped"]
    assert codes == []
