"""Workers of Ray that are killed, stopped and given trials that no worker survives; see tests/faults."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import toy_study
from toy_study import ToyBackend, run_toy

from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import ray
from backsweep.study.study import open_study

RAISES, KILLS, NEVER_ENDS = 5, 11, 18
"""Numbers of the trials that no worker survives."""

LIMIT = 2.0
"""Seconds that a trial may take."""


def make_evaluator(pids, seconds, poison):
    """Build the evaluator's factory inside a function, so that Ray ships its code by value to the workers."""
    ray.cloudpickle.register_pickle_by_value(toy_study)
    numbers = (RAISES, KILLS, NEVER_ENDS) if poison else (-1, -1, -1)

    class Toy:
        """Evaluates the toy study's formula, and does what the poisoned trials do."""

        def __init__(self, spec):
            self.toy = ToyBackend(seconds)
            self.ready = self.toy.start(spec)

        def evaluate(self, chunk):
            Path(pids, str(os.getpid())).touch()
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


def run_with_workers(folder, workers, *, number=None, seed=0, trials=40, poison=False, chunk_size=None):
    """Run the toy study through Ray; with a signal's `number` it hits workers at random; counts the hits."""
    pids = folder.parent / f"pids-{folder.name}"
    pids.mkdir()
    ended, hits = threading.Event(), []

    def torment():
        rng = random.Random(seed)  # noqa: S311 - repeatable
        while not ended.wait(rng.uniform(0.05, 0.6)):
            names = [path.name for path in pids.iterdir()]
            if names:
                victim = rng.choice(sorted(names))
                (pids / victim).unlink()
                with suppress(ProcessLookupError):
                    os.kill(int(victim), number)
                    hits.append(victim)

    backend = RayBackend(workers, "local", make_evaluator(str(pids), 0.02, poison), trial_timeout=LIMIT)
    thread = threading.Thread(target=torment)
    if number is not None:
        thread.start()
    try:
        run_toy(folder, trials=trials, backend=backend, chunk_size=chunk_size)
    finally:
        ended.set()
        if number is not None:
            thread.join()
    shutil.rmtree(pids)
    return len(hits)


def hit_workers(home, tries, seed, number, trials=400):
    """Run studies while a signal hits their workers, until so many hits; gives signal -> [tried, survived]."""
    home, table = Path(home), {signal.Signals(number).name: [0, 0]}
    row = table[signal.Signals(number).name]
    run_toy(home / "whole", trials=trials)
    expected = open_study(home / "whole").digest()
    while row[0] < tries:
        seed += 1
        folder = home / f"hit-{seed}"
        hits = run_with_workers(folder, 2, number=number, seed=seed, trials=trials, chunk_size=4)
        row[0] += hits
        row[1] += hits * (open_study(folder).digest() == expected)
    return table


def poison_workers(home):
    """Give workers trials that raise, kill and never end; survived if these fail, and nothing else, in any chunks."""
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
