"""A fake of Ray without processes: calls return immediately, and workers fail as a test specifies."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np

from backsweep.metrics import METRICS
from backsweep.runtime import ray_pool
from backsweep.runtime.ray_session import ray
from backsweep.trial.contract import DataInfo, Outcome

STARVED = "Unable to allocate internal buffer."


def starve():
    """Fail as Ray does in its own part of a task, before or after ours."""
    raise ray.exceptions.RaySystemError(MemoryError(STARVED))


class FakeRay:
    """What the pool uses of Ray. `script(actor, method, *given)` is asked before every call and may raise.

    An actor that has raised `ActorDiedError` stays dead. `actors` are all that were ever made; each has `calls`, the
    names of what it was asked, and `number`.
    """

    exceptions = ray.exceptions

    def __init__(self, script):
        self.script, self.actors = script, []

    def install(self, monkeypatch):
        """Put this in the pool's hands."""
        session = SimpleNamespace(worker_options={}, close=lambda: None)
        monkeypatch.setattr(ray_pool, "ray", self)
        monkeypatch.setattr(ray_pool, "RaySession", lambda *_: session)
        monkeypatch.setattr(ray_pool, "StudyMeters", lambda *_: SimpleNamespace(record=lambda _: None))
        monkeypatch.setattr(ray_pool, "job_folder", lambda: None)
        monkeypatch.setattr(ray_pool, "is_gone", lambda _, error: isinstance(error, ray.exceptions.NodeDiedError))
        return self

    def remote(self, **_options):
        return lambda _worker: SimpleNamespace(remote=self._new)

    def _new(self, *_):
        self.actors.append(FakeActor(self, len(self.actors)))
        return self.actors[-1]

    def wait(self, references, num_returns, timeout):  # noqa: ARG002 - everything is done at once
        return references[:num_returns], references[num_returns:]

    def get(self, reference):
        return reference()

    def kill(self, actor):
        actor.dead = True

    def cluster_resources(self):
        return {"CPU": 8.0}


class FakeActor:
    """A worker that answers a chunk with its numbers, in whatever process the test is."""

    def __init__(self, fake, number):
        self.fake, self.number, self.calls, self.dead = fake, number, [], False
        self._actor_id = SimpleNamespace(hex=lambda: f"{number:032x}")

    def __getattr__(self, name):
        call = SimpleNamespace(remote=lambda *given: _once(lambda: self._answer(name, given)))
        if name == "partial_sums":
            pair = SimpleNamespace(remote=lambda *given: (_once(lambda: self._answer(name, given)), given[0]))
            call.options = lambda **_: pair
        return call

    def _answer(self, name, given):
        if self.dead:
            raise self.died()
        self.calls.append(name)
        try:
            self.fake.script(self, name, *given)
        except ray.exceptions.ActorDiedError as error:
            self.dead |= error.actor_id == self._actor_id.hex()  # or it is of one that it depends on
            raise
        if name == "join_node":
            return "node"
        if name == "load":
            return DataInfo(np.arange(5, dtype=np.int64), ("A", "B"))
        return _outcome(given[0]) if name in {"evaluate", "finish"} else None

    def died(self):
        """Return the error of an actor whose process has ended."""
        error = ray.exceptions.ActorDiedError()
        error.actor_id = self._actor_id.hex()
        return error


def _once(answer):
    """Return a reference: Ray runs a task once, however often its result is requested."""
    known = []

    def reference():
        if not known:
            try:
                known.append((answer(), None))
            except Exception as error:  # noqa: BLE001 - whatever it is, it comes again
                known.append((None, error))
        value, error = known[0]
        if error is not None:
            raise error
        return value

    return reference


def _outcome(chunk):
    shape, now = (len(chunk.numbers), len(METRICS)), np.full(len(chunk.numbers), time.time())
    metrics = np.tile(chunk.numbers[:, None].astype(float), (1, shape[1]))
    returns = np.ones((shape[0], 5), np.float32)
    return Outcome(chunk.batch, chunk.numbers, metrics, np.zeros(shape, np.uint8), returns, {}, now, now)
