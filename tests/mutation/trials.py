"""Trials of mutants: killed by a test, survived, or stopped because a test went on for too long.

Each mutant has a copy of the tree of its own, which tests may spoil, and a home and temporary folder beside it; all of
it lies at one path, so that compiled code is found again.
"""

from __future__ import annotations

import compileall
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants import Mutant

KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "time-out"
_STOPPED = "Timeout +++"  # what pytest-timeout prints
_PASSED, _FAILED = 0, (1, 2, 4)  # 2 and 4: a test module or conftest.py that cannot be read
_NO_PLUGIN = "Error while loading plugin"  # what the tests share cannot be read: pytest ends as for a fault of its own


@dataclass(frozen=True)
class Verdict:
    """What came out, in how many seconds, and the end of what pytest printed."""

    outcome: str
    seconds: float
    said: str


def tracked(root: Path) -> list[str]:
    """Return the paths of what belongs to the tree: everything that Git knows or would add."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - the command above
    names = found.stdout.split("\0")
    return [name for name in names if name and (root / name).is_file()]


def copy_tree(root: Path, copy: Path) -> None:
    """Copy what belongs to the tree, and compile it to bytecode, which copies of the copy find again."""
    for name in tracked(root):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, copy / name)
    compileall.compile_dir(copy / "src", quiet=2, workers=1)


class Bench:
    """A place where one mutant of a tree after the other is tried."""

    def __init__(self, root: Path, place: Path, seed: int = 0) -> None:
        self._root = root
        self._place = place
        self._seed = seed

    def judge(self, mutant: Mutant | None, tests: Sequence[str], limit: float, *, interpreted: bool) -> Verdict:
        """Run tests on a fresh copy of the tree with the mutant, or as it is, up to the first failure.

        A test that takes more than `limit` seconds is stopped.
        """
        shutil.rmtree(self._place, ignore_errors=True)
        tree = self._place / "tree"
        shutil.copytree(self._root, tree)
        if mutant is not None:
            (tree / mutant.path).write_bytes(mutant.text)
        return self._run(tree, tests, limit, interpreted)

    def _run(self, tree: Path, tests: Sequence[str], limit: float, interpreted: bool) -> Verdict:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider"]
        command += [
            "-m",
            "not slow and not apart and not long and not cluster",
            f"--timeout={limit:.0f}",
            "--timeout-method=thread",
        ]
        command += [f"--hypothesis-seed={self._seed}", *tests]
        begin = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - pytest on our own tests
            command,
            cwd=tree,
            env=self._environment(tree, interpreted),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:  # a test's limit ends it; this one is for what no thread can end
            said, _ = process.communicate(timeout=limit * (len(tests) + 10))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said = process.communicate()[0] + _STOPPED
        return Verdict(_outcome(process.returncode, said), time.monotonic() - begin, said[-4000:])

    def _environment(self, tree: Path, interpreted: bool) -> dict[str, str]:
        """Return the environment of the tests: the copy's sources come before those that are installed."""
        environment = dict(os.environ)
        for name in ("home", "tmp"):
            (self._place / name).mkdir()
        environment.update(PYTHONPATH=str(tree / "src"))
        environment.update(HOME=str(self._place / "home"), TMPDIR=str(self._place / "tmp"))
        environment.setdefault("NUMBA_CACHE_DIR", str(self._place.parent / "compiled"))
        environment.pop("NUMBA_DISABLE_JIT", None)
        if interpreted:
            environment["NUMBA_DISABLE_JIT"] = "1"
        return environment


def _outcome(code: int, said: str) -> str:
    if _STOPPED in said:
        return TIMED_OUT
    if code == _PASSED:
        return SURVIVED
    if code in _FAILED or _NO_PLUGIN in said or code < 0:  # below zero: a signal ended the process
        return KILLED
    raise RuntimeError(f"pytest ended with {code}:\n{said}")
