"""Drivers that run at once, whose clocks jump, and that are stopped; see tests/faults."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

from scenarios.toy_study import run_toy

from backsweep.study.results.study import open_study
from faults.sabotage import DONE, TOLD, Drivers, rubbish

DEMO = Path(__file__).parents[3] / "sweeps" / "demo.yaml"
INTERRUPTED = 130
RAY = str(Path(sys.executable).with_name("ray"))
JUMP = 1e9  # seconds
PORT = 28_265  # of the job server, on loopback


def meet(home, tries, seed):
    """Run one study from two drivers at once: one may be refused because of the other, and the study is complete."""
    rng, home, row = random.Random(seed), Path(home), [0, 0]  # noqa: S311 - repeatable
    run_toy(home / "whole")
    expected = open_study(home / "whole").digest()
    with Drivers() as first, Drivers() as second:
        for each in (first, second):  # what they load is loaded
            each.run(home / "warm", "random", "moment", 60.0)
        while row[0] < tries:
            folder = home / "met"
            first.begin(folder, "random", "moment", 60.0)
            time.sleep(rng.uniform(0.0, 0.03))
            second.begin(folder, "random", "moment", 60.0)
            codes = {first.end(), second.end()}
            row[0] += 1
            good = DONE in codes and codes <= {DONE, TOLD} and not rubbish(folder)
            row[1] += good and open_study(folder).digest() == expected
            shutil.rmtree(folder)
    return {"two at once": row}


def jump_clocks(home, tries, seed):
    """Run and resume studies while the clock jumps by years at every reading."""
    rng, home, row = random.Random(seed), Path(home), [0, 0]  # noqa: S311 - repeatable
    run_toy(home / "whole")
    expected = open_study(home / "whole").digest()
    now = time.time

    def jump():
        return now() + rng.uniform(-JUMP, JUMP)

    for _ in range(tries):
        folder = home / "jumped"
        with mock.patch.object(time, "time", jump):
            run_toy(folder, trials=rng.randint(1, 39))
            for path in folder.rglob("*"):
                os.utime(path, (0, rng.uniform(0, 2 * JUMP)))
            run_toy(folder, chunk_size=None)
        row[0] += 1
        row[1] += open_study(folder).digest() == expected
        shutil.rmtree(folder)
    return {"at every look": row}


def stop_runs(home, tries, seed):
    """Send the command line's run a signal; the same command resumes it."""
    rng, home = random.Random(seed), Path(home)  # noqa: S311 - repeatable
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs in the background ignore it
    _command(home / "whole").wait()
    expected = open_study(home / "whole").digest()
    table = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        row = table.setdefault(number.name, [0, 0])
        for _ in range(tries):
            folder = home / "stopped"
            run = _command(folder)
            _wait_for_commit(folder, run)
            time.sleep(rng.uniform(0.0, 0.5))
            run.send_signal(number)
            row[0] += 1
            good = run.wait() == INTERRUPTED
            row[1] += good and _resumes(folder, expected)
            shutil.rmtree(folder)
    return table


def stop_jobs(home, tries, seed):
    """Stop the run as a job of Ray; the same command resumes it."""
    rng, home, row = random.Random(seed), Path(home), [0, 0]  # noqa: S311 - repeatable
    _command(home / "whole").wait()
    expected = open_study(home / "whole").digest()
    with _Jobs(home) as jobs:
        for attempt in range(tries):
            folder = home / "job"
            jobs.submit(f"study-{attempt}", _arguments(folder))
            _wait_for_commit(folder)
            time.sleep(rng.uniform(0.0, 0.5))
            row[0] += 1
            row[1] += jobs.stop(f"study-{attempt}") and _resumes(folder, expected)
            shutil.rmtree(folder)
    return {"ray job stop": row}


def _arguments(folder):
    options = ("--backend", "inline", "--trials", "6000", "--set", "search.sampler=random")
    return [sys.executable, "-m", "backsweep", "run", str(DEMO), "--out", str(folder), *options]


def _command(folder):
    return subprocess.Popen(_arguments(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours


def _resumes(folder, expected):
    before = open_study(folder).state.done
    return _command(folder).wait() == 0 and 0 < before < 6000 and open_study(folder).digest() == expected


def _wait_for_commit(folder, run=None):
    end = time.monotonic() + 120
    while not list((folder / "manifest").glob("*")):
        assert time.monotonic() < end
        assert run is None or run.poll() is None
        time.sleep(0.05)


class _Jobs:
    """A Ray cluster of one node on this machine that accepts jobs with its token."""

    def __init__(self, home):
        self.home = home

    def __enter__(self):
        token = self.home / "token"
        token.touch(mode=0o600)
        token.write_text("ab" * 32)
        self.environment = os.environ | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{PORT}",
        }
        options = ("--num-cpus=1", "--include-dashboard=true", f"--dashboard-port={PORT}", "--dashboard-host=127.0.0.1")
        options += ("--dashboard-agent-listen-port=0",)  # any free one: a fixed one may be that of another cluster here
        self._head = subprocess.Popen(  # noqa: S603 - ends with its own process: `ray stop` would end those of others
            [RAY, "start", "--head", "--block", "--port=0", *options],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 120
        while self._ray("job", "list").returncode:
            assert self._head.poll() is None
            assert time.monotonic() < end
            time.sleep(1.0)
        return self

    def __exit__(self, *_):
        self._head.terminate()
        self._head.wait(timeout=60)

    def submit(self, name, command):
        """Submit a job; a cluster that has begun a moment ago may have no agent for it yet."""
        for _ in range(60):
            done = self._ray("job", "submit", "--no-wait", "--submission-id", name, "--", *command)
            if "No available agent" not in done.stderr:
                break
            time.sleep(1.0)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self, name):
        """Stop a job as a user would; returns whether it was running."""
        self._ray("job", "stop", name)
        answer = self._ray("job", "status", name)
        return "stopped" in (answer.stdout + answer.stderr).lower()

    def _ray(self, *arguments):
        command = [RAY, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603
