"""Workers of Ray that are killed, stopped and given trials that no worker survives; see tests/faults."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from scenarios import toy_study
from scenarios.toy_study import ToyBackend, run_toy

from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import ray
from backsweep.study.results.study import open_study

RAISES, KILLS, NEVER_ENDS = 5, 11, 18
"""Numbers of the trials that no worker survives."""

LIMIT = 2.0
"""Seconds that a trial may take."""

BETWEEN = 4
"""Chunks that come back between two hits: on a busy machine one trial would lose three workers, and rightly fail."""

LEAK, ROOM = 40 * 2**20, 156 * 2**20
"""Bytes that a leaking worker loses with every chunk, and those that it has for it; what is left over is for Ray."""


def make_evaluator(pids, seconds, poison, leaks=False):
    """Build the evaluator's factory inside a function, so that Ray ships its code by value to the workers."""
    ray.cloudpickle.register_pickle_by_value(toy_study)
    numbers = (RAISES, KILLS, NEVER_ENDS) if poison else (-1, -1, -1)

    class Toy:
        """Evaluates the toy study's formula, and does what the poisoned trials do."""

        def __init__(self, spec):
            self.toy = ToyBackend(seconds)
            self.info = self.toy.start(spec)
            self.lost = []
            if leaks:
                used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_DATA, (used + ROOM, used + ROOM))

        def evaluate(self, chunk):
            Path(pids, str(os.getpid())).touch()
            if leaks:
                self.lost.append(bytearray(LEAK))
            raises, kills, never_ends = numbers
            if kills in chunk.numbers:
                os.kill(os.getpid(), signal.SIGKILL)
            while never_ends in chunk.numbers:
                time.sleep(1.0)
            self.toy.submit(chunk)
            outcome = self.toy.wait(1.0)[0]
            if raises in chunk.numbers:
                outcome.errors[raises] = "it raised"
            return outcome

    return Toy


class Counted(RayBackend):
    """Counts the chunks that have come back."""

    back = 0

    def wait(self, timeout):
        """Wait as ever."""
        outcomes = super().wait(timeout)
        self.back += len(outcomes)
        return outcomes


def run_with_workers(folder, workers, *, blow=None, seed=0, trials=40, poison=False, leaks=False, chunk_size=None):
    """Run the toy study through Ray, while `blow(pid, rng)` hits its workers at random moments; counts the hits."""
    pids = folder.parent / f"pids-{folder.name}"
    pids.mkdir()
    ended, hits = threading.Event(), []

    def torment():
        rng, due = random.Random(seed), 0  # noqa: S311 - repeatable
        while not ended.wait(rng.uniform(0.05, 0.6)):
            if backend.back < due:
                continue
            names = [path.name for path in pids.iterdir() if path.name.isdigit()]
            if names:
                victim = rng.choice(sorted(names))
                (pids / victim).unlink()
                with suppress(ProcessLookupError):
                    blow(int(victim), rng)
                    hits.append(victim)
                    due = backend.back + BETWEEN

    backend = Counted(workers, "local", make_evaluator(str(pids), 0.02, poison, leaks), trial_timeout=LIMIT)
    thread = threading.Thread(target=torment)
    if blow is not None:
        thread.start()
    try:
        run_toy(folder, trials=trials, backend=backend, chunk_size=chunk_size)
    finally:
        ended.set()
        if blow is not None:
            thread.join()
    full = len(list(pids.iterdir())) - workers if leaks else 0  # all but the last are gone
    shutil.rmtree(pids)
    assert full > 0 or not leaks, "no worker has reached its limit"
    return len(hits) + full


def kill(pid, _rng):
    """Kill a worker."""
    os.kill(pid, signal.SIGKILL)


def hang(pid, _rng):
    """Stop a worker for good."""
    os.kill(pid, signal.SIGSTOP)


def slow(pid, rng):
    """Stop a worker for a while, which may be longer than a trial may take."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(rng.uniform(0.2, 1.5 * LIMIT))
    os.kill(pid, signal.SIGCONT)


def hit_workers(home, tries, seed, blow=None, trials=400):
    """Run studies while their workers are hit, or leak to their limit, until so many; returns [tried, survived]."""
    home, row = Path(home), [0, 0]
    run_toy(home / "whole", trials=trials)
    expected = open_study(home / "whole").digest()
    while row[0] < tries:
        seed += 1
        folder = home / f"hit-{seed}"
        more = {"blow": blow} if blow else {"leaks": True}
        hits = run_with_workers(folder, 2, seed=seed, trials=trials, chunk_size=4, **more)
        row[0] += hits
        row[1] += hits * (open_study(folder).digest() == expected)
    return {blow.__name__ if blow else "out of memory": row}


def poison_workers(home):
    """Run trials that raise, that kill their worker and that never end; survived if only these fail, in any chunks."""
    home, reasons = Path(home), {RAISES: "it raised", KILLS: "the worker died", NEVER_ENDS: "it took longer than 2 s"}
    digests = set()
    for workers, chunk_size in ((1, 1), (2, 4)):
        folder = home / f"poison-{workers}"
        run_with_workers(folder, workers, poison=True, chunk_size=chunk_size)
        failed = open_study(folder).trials.filter(state="FAIL")
        errors = dict(failed.select("number", "error").iter_rows())
        digests.add(open_study(folder).digest())
    same = len(digests) == 1 and errors.keys() == reasons.keys()
    return {f"trial {number}": [1, int(same and errors[number].startswith(text))] for number, text in reasons.items()}
