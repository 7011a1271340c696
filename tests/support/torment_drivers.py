"""Drivers that meet, whose clocks jump, and that are told to stop; see tests/faults."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

from sabotage import DONE, TOLD, Drivers, rubbish
from toy_study import run_toy

from backsweep.study.study import open_study

DEMO = Path(__file__).parents[2] / "sweeps" / "demo.yaml"
INTERRUPTED = 130
JUMP = 1e9  # seconds
PORT = 28_265  # of the job server, on loopback


def meet(home, tries, seed):
    """Let two drivers run one study at once: one may be told of the other, and the study is whole."""
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
    """Run and resume studies while the clock jumps by years with every look at it."""
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
    """Send the command line's run a signal, or stop it as a job of Ray; the same command resumes it."""
    rng, home = random.Random(seed), Path(home)  # noqa: S311 - repeatable
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
    row = table.setdefault("ray job stop", [0, 0])
    with _Jobs(home) as jobs:
        for attempt in range(tries):
            folder = home / "job"
            jobs.submit(f"study-{attempt}", _arguments(folder))
            _wait_for_commit(folder)
            time.sleep(rng.uniform(0.0, 0.5))
            row[0] += 1
            row[1] += jobs.stop(f"study-{attempt}") == "STOPPED" and _resumes(folder, expected)
            shutil.rmtree(folder)
    return table


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
    """A Ray cluster of one node on this machine that takes jobs, from those alone who have its token."""

    def __init__(self, home):
        self.home = home

    def __enter__(self):
        token = self.home / "token"
        token.touch(mode=0o600)
        token.write_text("ab" * 32)
        ports = {
            "--port": 0,
            "--dashboard-port": 28_265,
            "--dashboard-agent-grpc-port": 0,
            "--ray-client-server-port": 0,
        }
        self.environment = os.environ | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{PORT}",
        }
        ports = [str(text) for port in ports.items() for text in port]
        self._ray(
            "start",
            "--head",
            "--num-cpus=1",
            "--include-dashboard=true",
            "--temp-dir=" + str(self.home / "ray"),
            *ports,
        )
        return self

    def __exit__(self, *_):
        self._ray("stop")

    def submit(self, name, command):
        self._ray("job", "submit", "--no-wait", "--submission-id", name, "--", *command)

    def stop(self, name):
        self._ray("job", "stop", name)
        listed = json.loads(self._ray("job", "list", "--format=json"))
        return next(job["status"] for job in listed if job["submission_id"] == name)

    def _ray(self, *arguments):
        command = [str(Path(sys.executable).with_name("ray")), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
