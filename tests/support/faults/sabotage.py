"""Drivers that are killed, and file systems that refuse, at a chosen step; see tests/faults.

Run as a script, this is a process that has imported everything and started no thread: it forks a driver for each line
of its standard input, so that a killed driver costs milliseconds.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from scenarios.toy_study import run_toy

from backsweep.errors import BadInput, StudyConflict
from backsweep.storage import local as local_files
from backsweep.study.results.study import open_study

STEPS = ("open", "write", "fsync", "link", "close", "mkdir", "unlink")
DONE, FAILED, TOLD = 0, 1, 3  # how a driver ended that was not killed
SLOW = 0.004  # seconds per chunk of a driver that is killed at a random moment

SUPPORT = Path(__file__).parents[1]  # on the path of whatever is started here


@contextmanager
def watched_steps(act):
    """Call `act(number, step, done)` before every step that files of a study take; `done()` takes the step.

    A `write` takes `done(half=True)` as well, which is as far as a full disk or a killed process may come.
    """
    counter = iter(range(10**9))

    def watch(step, function):
        def taken(*arguments, **options):
            return act(next(counter), step, lambda: function(*arguments, **options))

        return taken

    system = SimpleNamespace(**{name: getattr(os, name) for name in dir(os) if name.isidentifier()})
    for step in ("open", "fsync", "link", "close"):
        setattr(system, step, watch(step, getattr(os, step)))

    def write(handle, content):
        return act(
            next(counter),
            "write",
            lambda half=False: os.write(handle, content[: len(content) // 2] if half else content),
        )

    system.write = write
    with mock.patch.object(local_files, "os", system):
        mkdir, unlink = Path.mkdir, Path.unlink
        with (
            mock.patch.object(Path, "mkdir", watch("mkdir", mkdir)),
            mock.patch.object(Path, "unlink", watch("unlink", unlink)),
        ):
            yield


def count_steps(folder):
    """Count the steps of an undisturbed run."""
    numbers = []

    def act(_number, step, done):
        numbers.append(step)
        return done()

    with watched_steps(act):
        run_toy(folder)
    assert set(numbers) == set(STEPS)
    return len(numbers)


def refuse_steps(home, every, error=errno.ENOSPC):
    """Fail one step of a run, then resume, for each `every`-th step; returns step -> [tried, survived].

    Survived: the error was named or did not matter, the study could be read, and resumed it had the same digest.
    """
    home = Path(home)
    total = count_steps(home / "whole")
    expected = open_study(home / "whole").digest()
    table = {step: [0, 0] for step in STEPS}
    for chosen in range(0, total, every):
        folder = home / "refused"
        hit = []

        def act(number, step, done, chosen=chosen, hit=hit):
            if number == chosen:
                hit.append(step)
                if step == "close":
                    done()  # a close that fails has closed
                elif step == "write":
                    done(half=True)
                raise OSError(error, os.strerror(error))
            return done()

        good = True
        with watched_steps(act):
            try:
                run_toy(folder)
            except BadInput as problem:
                good = os.strerror(error) in str(problem) and "resumes" in problem.remedy
        table[hit[0]][0] += 1
        if (folder / "study.json").exists():
            open_study(folder).digest()
        run_toy(folder)
        table[hit[0]][1] += good and open_study(folder).digest() == expected and not rubbish(folder)
        shutil.rmtree(folder)
    return table


class Drivers:
    """Drivers of toy studies, each in a process of its own."""

    def __enter__(self):
        command = [sys.executable, "-m", "faults.sabotage"]
        self._process = subprocess.Popen(  # noqa: S603 - this file
            command, cwd=SUPPORT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def begin(self, folder, sampler, kind, number):
        """Begin a driver, to be killed at a step or after so many seconds."""
        self._process.stdin.write(f"{folder} {sampler} {kind} {number}\n")
        self._process.stdin.flush()

    def end(self):
        """Wait for the driver's end: DONE, TOLD that another run is there, FAILED, or the number of what killed it."""
        return int(self._process.stdout.readline())

    def run(self, folder, sampler, kind, number):
        """Start a driver; returns whether it was killed before its end."""
        self.begin(folder, sampler, kind, number)
        return self.end() == signal.SIGKILL


def kill_drivers(home, tries, seed):
    """Kill drivers, each study once to three times, then resume; returns kind -> [tried, survived]."""
    rng = random.Random(seed)  # noqa: S311 - repeatable
    home = Path(home)
    expected = {}
    for sampler in ("random", "tpe"):
        run_toy(home / sampler, sampler)
        expected[sampler] = open_study(home / sampler).digest()
    total = count_steps(home / "counted")
    table = {"at a step": [0, 0], "at a random moment": [0, 0]}
    with Drivers() as drivers:
        while sum(tried for tried, _ in table.values()) < tries:
            sampler, folder = rng.choice(list(expected)), home / "killed"
            killed = []
            for _ in range(rng.randint(1, 3)):
                kind = rng.choice(list(table))
                number = rng.randrange(total) if kind == "at a step" else rng.uniform(0.0, 0.3)
                if drivers.run(folder, sampler, kind.split()[-1], number):
                    killed.append(kind)
                if (folder / "study.json").exists():
                    open_study(folder).digest()
            run_toy(folder, sampler)
            good = open_study(folder).digest() == expected[sampler] and not rubbish(folder)
            for kind in killed:
                table[kind][0] += 1
                table[kind][1] += good
            shutil.rmtree(folder)
    return table


def rubbish(folder):
    """Whatever should not be in a study's folder once it is finished: temporary and unnamed files, claims."""
    named = {folder / entry.name(table) for entry in open_study(folder)._entries for table in entry.files}
    parts = {path for path in folder.rglob("*.parquet") if path.parent != folder}
    return [*folder.rglob(".*"), *(parts - named), *folder.glob("lease/*")]


def _serve():
    import backsweep.study.search.optuna_proposer  # noqa: F401, PLC0415 - before the forks, once

    for line in sys.stdin:
        folder, sampler, kind, number = line.split()
        child = os.fork()
        if child == 0:
            _drive(Path(folder), sampler, float("inf") if kind == "moment" else int(number))
        code = _ended(child, float(number)) if kind == "moment" else None
        if code is None:
            os.kill(child, signal.SIGKILL) if kind == "moment" else None
            code = os.waitpid(child, 0)[1]
        print(abs(os.waitstatus_to_exitcode(code)), flush=True)  # noqa: T201 - the answer


def _ended(child, seconds):
    """Wait so many seconds for a process; returns its status, or None if it still runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.001)
    return None


def _drive(folder, sampler, last):
    def act(number, step, done):
        if number == last:
            if step == "write":
                done(half=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return done()

    code = FAILED
    try:
        with watched_steps(act):
            run_toy(folder, sampler, seconds=SLOW if last == float("inf") else 0.0)
        code = DONE
    except StudyConflict:
        code = TOLD
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
