"""Shards of sleeves on Ray workers: tasks of a chunk, put together without the driver, whoever dies meanwhile."""

from functools import partial

import numpy as np
import polars as pl
import pytest
from scenarios.universe import write_universe

from backsweep.dataset import DataSpec, sealed
from backsweep.errors import BadData, StrategyError
from backsweep.runtime.inline import InlineBackend
from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import RaySession, ray
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.code import code_digests
from backsweep.trial.contract import Chunk

pytestmark = [pytest.mark.apart, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("universe") / "bars.parquet"
    write_universe(path)
    return partial(
        TrialSpec,
        data=DataSpec(bars=str(path)),
        strategy="backsweep.strategies.moving_average_cross:MovingAverageCross",
        params=("fast", "slow"),
    )


@pytest.fixture(scope="module")
def cluster():
    session = RaySession(2, "local")
    yield session
    session.close()


def chunks(count, trials=6):
    generator = np.random.default_rng(0)
    for number in range(count):
        values = np.column_stack([generator.integers(2, 9, trials), generator.integers(20, 31, trials)])
        yield Chunk(number, np.arange(number * trials, (number + 1) * trials), values.astype(float))


def run(backend, spec, meanwhile):
    backend.start(spec)
    return outcomes(backend, meanwhile=meanwhile)


def outcomes(backend, count=8, meanwhile=None):
    """Run chunks and give the bytes of every trial by its number: one that lost its worker comes in halves."""
    waiting, found = list(chunks(count)), {}
    trials = sum(len(chunk.numbers) for chunk in waiting)
    while len(found) < trials:
        while waiting and backend.capacity() > 0:
            backend.submit(waiting.pop(0))
        for outcome in backend.wait(1.0):
            assert not outcome.errors
            rows = zip(outcome.numbers.tolist(), outcome.metrics, outcome.reasons, outcome.returns, strict=True)
            found |= {number: b"".join(each.tobytes() for each in arrays) for number, *arrays in rows}
            if meanwhile is not None:
                meanwhile = meanwhile(backend)
    return found


@pytest.fixture(scope="module")
def expected(spec):
    backend = InlineBackend()
    backend.start(spec(account={"mode": "sleeves"}))
    return outcomes(backend)


def test_shards_give_the_bytes_of_one_process_whoever_dies_meanwhile(cluster, spec, expected, monkeypatch):  # noqa: ARG001
    backend = RayBackend(2, "local", shards=7)
    get, lost = ray.get, []

    def lossy(reference):
        """Lose the answer of the first task that puts parts together, as a node does that goes down with them."""
        closing = [ref for slot in backend._slots for ref, task in slot.running.items() if task.part is None]
        if reference in closing and not lost:
            lost.append(reference)
            raise ray.exceptions.ObjectLostError("0" * 56, None, "")
        return get(reference)

    def kill(backend):
        ray.kill(backend._slots[1].actor)

    try:
        backend.start(spec(account={"mode": "sleeves"}))
        assert [len(builder.shards) for builder in backend._builders] == [3, 4]
        assert outcomes(backend) == expected
        assert outcomes(backend, meanwhile=kill) == expected
        with monkeypatch.context() as patch:
            patch.setattr(ray, "get", lossy)
            assert outcomes(backend) == expected
        assert lost
    finally:
        backend.close()


def test_workers_of_one_node_share_one_copy_of_the_data_and_are_given_back_when_idle(cluster, spec):  # noqa: ARG001
    backend = RayBackend(2, "local")
    try:
        backend.start(spec())
        while any(slot.loading for slot in backend._slots):
            backend.wait(1.0)
        assert len(backend._sources) == 1
        backend.submit(next(chunks(1)))
        backend.wind_down()
        assert len(backend._slots) == 1
        while not backend.wait(1.0):
            pass
        assert backend._slots == []
    finally:
        backend.close()


@pytest.mark.parametrize("when", ["before a worker loads", "before a worker loads again"])
def test_data_that_are_swapped_are_refused_by_every_worker(cluster, spec, tmp_path, when):  # noqa: ARG001
    file = tmp_path / "bars.parquet"
    write_universe(file)
    own = spec(account={"mode": "sleeves"}, data=sealed(DataSpec(bars=str(file))))
    swap = pl.read_parquet(file).with_columns(volume=pl.col("volume") + 1.0)
    backend = RayBackend(2, "local", shards=7)
    divide = backend._divide

    def divided(spec):
        found = divide(spec)  # by the survey of what was sealed
        swap.write_parquet(file)
        return found

    def kill(backend):
        swap.write_parquet(file)
        ray.kill(backend._slots[1].actor)

    try:
        if when == "before a worker loads":
            backend._divide = divided
        with pytest.raises(BadData, match="have changed since their fingerprint was taken") as caught:
            run(backend, own, kill)
        assert caught.value.where == str(file)
    finally:
        backend.close()


@pytest.mark.parametrize(
    ("mode", "edited"),
    [
        ("shared", "PERIOD = 5\n"),
        pytest.param("shared", "PERIOD = (\n", marks=pytest.mark.long),
        pytest.param("sleeves", "PERIOD = 5\n", marks=pytest.mark.long),
        ("sleeves", "PERIOD = (\n"),
    ],
    ids=["shared, changed", "shared, broken", "sleeves, changed", "sleeves, broken"],
)
def test_a_worker_that_takes_anothers_place_refuses_a_file_that_was_edited(cluster, spec, tmp_path, mode, edited):  # noqa: ARG001
    helper = tmp_path / "helpers.py"
    helper.write_text("PERIOD = 4\n")
    (tmp_path / "mine.py").write_text(
        "import helpers\nfrom backsweep.strategies.moving_average_cross import MovingAverageCross\n\n\n"
        "class Mine(MovingAverageCross):\n    PERIOD = helpers.PERIOD\n"
    )
    strategy = f"{tmp_path}/mine.py:Mine"
    own = spec(account={"mode": mode}, strategy=strategy, code=code_digests(strategy, CostsSpec()))
    backend = RayBackend(2, "local")

    def wait_for_workers():
        while killed in backend._slots or any(slot.loading for slot in backend._slots):
            backend.wait(1.0)

    killed = None
    try:
        backend.start(own)
        wait_for_workers()
        for each in chunks(4):
            backend.submit(each)
        helper.write_text(edited)
        killed = backend._slots[1]
        ray.kill(killed.actor)
        with pytest.raises(StrategyError) as caught:
            wait_for_workers()
        assert "helpers.py" in caught.value.where
        assert caught.value.problem in {"helpers.py has changed during the run", "the strategy cannot be imported"}
    finally:
        backend.close()
