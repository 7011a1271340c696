"""Workers that are lost again and again: who is charged, and that every study ends. Ray's part is played by a fake."""

import numpy as np
import pytest
from fakes.ray_calls import STARVED, FakeRay, starve

from backsweep.errors import BacksweepError
from backsweep.runtime import ray_pool
from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import ray
from backsweep.sweepfile.data import DataSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk

SPEC = TrialSpec(data=DataSpec(bars="/nowhere.parquet"), strategy="good:Strategy", params=("a",))
WORK = {"evaluate", "partial_sums", "finish"}
DIED = "the worker died while it ran this trial (3 times)"


@pytest.fixture
def pool(monkeypatch):
    """Make a pool whose workers do as the script says, not yet started."""

    def make(script, workers=2, parts=1):
        fake = FakeRay(script).install(monkeypatch)
        monkeypatch.setattr(ray_pool, "make_builders", lambda *_: ("builder",) * parts)
        return RayBackend(workers, "local", (lambda _: None) if parts == 1 else None), fake

    return make


def run(backend, trials=24, size=4, rounds=2000):
    """Start the pool and run chunks of so many trials; gives the errors of those that came back, by number."""
    backend.start(SPEC)
    waiting = [np.arange(first, min(first + size, trials)) for first in range(0, trials, size)]
    errors = {}
    for _ in range(rounds):
        while waiting and backend.capacity() > 0:
            numbers = waiting.pop(0)
            backend.submit(Chunk(0, numbers, np.zeros((len(numbers), 1))))
        if not waiting:
            backend.wind_down()
        for outcome in backend.wait(0.0):
            assert not errors.keys() & set(outcome.numbers.tolist())
            errors |= {number: outcome.errors.get(number) for number in outcome.numbers.tolist()}
        if len(errors) == trials:
            return errors
    raise AssertionError(f"{len(errors)} of {trials} trials after {rounds} rounds")


def dies(actor):
    raise actor.died()


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("lose", [lambda _: starve(), dies])
def test_workers_that_nothing_comes_back_from_end_the_run_with_one_error(pool, lose, workers):
    def script(actor, method, *_):
        if method in WORK:
            lose(actor)

    backend, fake = pool(script, workers)
    with pytest.raises(BacksweepError, match="the workers die whatever they run") as caught:
        run(backend, trials=400)
    assert "no trial has come back" in caught.value.found
    if lose is not dies:
        assert STARVED in caught.value.found
    assert "runtime.workers" in caught.value.remedy
    assert len(fake.actors) < 20 * workers


@pytest.mark.parametrize("lose", [lambda _: starve(), dies])
def test_workers_that_die_from_some_moment_on_end_the_run_and_fail_no_trial(pool, lose):
    def script(actor, method, *_):
        if method in WORK and sum(len(each.calls) for each in actor.fake.actors) > 20:
            lose(actor)

    backend, fake = pool(script)
    returned, wait = [], backend.wait
    backend.wait = lambda timeout: returned.extend(outcomes := wait(timeout)) or outcomes
    with pytest.raises(BacksweepError, match="the workers die whatever they run") as caught:
        run(backend, trials=400)
    assert returned
    assert not any(outcome.errors for outcome in returned)
    assert "one that had come back before" in caught.value.found
    assert len(fake.actors) < 40


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("poison", [{0}, {5}, {23}, {3, 4}, {20, 21, 22, 23}, set(range(8, 20))])
@pytest.mark.parametrize("lose", [lambda _: starve(), dies])
def test_a_trial_that_takes_its_worker_along_every_time_fails_and_no_other_does(pool, lose, poison, workers):
    def script(actor, method, *given):
        if method == "evaluate" and poison & set(given[0].numbers.tolist()):
            lose(actor)

    errors = run(pool(script, workers)[0])
    assert {number for number, error in errors.items() if error} == poison
    assert {errors[number] for number in poison} == {DIED}


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_workers_that_leak_until_they_die_fail_no_trial(pool, pieces, workers):
    def script(actor, method, *_):
        if method == "evaluate" and actor.calls.count("evaluate") > pieces:
            dies(actor)

    backend, fake = pool(script, workers)
    assert not any(run(backend, trials=120).values())
    assert len(fake.actors) > 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_trial_that_kills_fails_alone_even_where_workers_leak_until_they_die(pool, workers):
    def script(actor, method, *given):
        if method == "evaluate" and (11 in given[0].numbers or actor.calls.count("evaluate") > 1):
            dies(actor)

    errors = run(pool(script, workers)[0])
    assert {number: error for number, error in errors.items() if error} == {11: DIED}


@pytest.mark.parametrize("lost", ["fetch", "load"])
def test_data_that_no_worker_can_load_end_the_run(pool, lost):
    def script(_actor, method, *_):
        if method == lost:
            raise ray.exceptions.RayTaskError("load", "Traceback\nMemoryError", MemoryError("3 GiB")) from None

    def data_of_fetch(actor, method, *given):
        if method == "load" and given[1] is not None:
            given[1]()  # Ray runs a task when what it asks for is there
        script(actor, method)

    backend, fake = pool(data_of_fetch, workers=8, parts=1)
    backend._factory = None
    with pytest.raises(BacksweepError, match="the workers die while they load the data") as caught:
        run(backend)
    assert caught.value.found == "MemoryError: 3 GiB"
    assert len(fake.actors) < 40


def test_a_copy_that_is_lost_once_is_one_loss_whatever_number_of_workers_waited_for_it(pool):
    lost = []

    def script(actor, method, *given):
        if method == "fetch" and not lost:
            lost.append(actor)
            dies(actor)
        if method == "load" and given[1] is not None:
            given[1]()

    backend, _ = pool(script, workers=8, parts=1)
    backend._factory = None
    assert not any(run(backend).values())
    assert lost


def test_a_node_that_goes_is_held_against_no_trial(pool):
    def script(actor, method, *_):
        if method == "evaluate" and actor.number < 9:
            raise ray.exceptions.NodeDiedError("gone")

    assert not any(run(pool(script, workers=1)[0], trials=1).values())


def test_a_worker_that_cannot_put_parts_together_is_replaced(pool):
    def script(actor, method, *_):
        if method == "finish" and actor.number < 2:
            starve()

    backend, fake = pool(script, parts=2)
    assert not any(run(backend).values())
    assert fake.actors[0].dead


@pytest.mark.parametrize("parts", [2, 3, 8])
@pytest.mark.parametrize("moment", ["partial_sums", "finish"])
@pytest.mark.parametrize("lose", [lambda _: starve(), dies])
def test_a_trial_that_kills_in_any_part_fails_alone(pool, lose, moment, parts):
    def script(actor, method, *given):
        if method == moment and 11 in given[0].numbers:
            lose(actor)

    errors = run(pool(script, workers=parts, parts=parts)[0])
    assert {number: error for number, error in errors.items() if error} == {11: DIED}


@pytest.mark.parametrize("moment", ["partial_sums", "finish"])
def test_workers_of_parts_that_nothing_comes_back_from_end_the_run(pool, moment):
    def script(actor, method, *_):
        if method == moment:
            dies(actor)

    with pytest.raises(BacksweepError, match="the workers die whatever they run"):
        run(pool(script, parts=2)[0])


def test_parts_that_are_lost_again_and_again_end_the_run(pool):
    def script(_actor, method, *_):
        if method == "finish":
            raise ray.exceptions.ObjectLostError("0" * 56, None, "")

    backend, _ = pool(script, parts=2)
    with pytest.raises(BacksweepError, match="parts of a chunk are lost again and again"):
        run(backend)
