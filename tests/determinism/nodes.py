"""Workers on several nodes - real raylets on this machine - that come and go."""

import numpy as np
import pytest
from ray.cluster_utils import Cluster
from universe import write_universe

from backsweep.dataset import DataSpec
from backsweep.runtime.inline import InlineBackend
from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import ray
from backsweep.trial.exchange import Chunk
from backsweep.trial.spec import AccountSpec, TrialSpec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def cluster():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def run(backend, number):
    values = np.random.default_rng(number).integers((2, 20), (9, 31), (6, 2)).astype(float)
    backend.submit(Chunk(number, np.arange(6), values))
    found = {}
    while len(found) < 6:  # a chunk that lost its worker comes in halves
        for outcome in backend.wait(1.0):
            found |= dict(zip(outcome.numbers.tolist(), outcome.metrics.tolist(), strict=True))
    return np.array([found[trial] for trial in range(6)]).tobytes()


def settle(backend, count):
    """Wait until so many workers have loaded."""
    while sum(not seat.loading for seat in backend._seats) < count:
        backend.wait(1.0)


def test_workers_spread_over_nodes_join_as_nodes_come_and_outlive_them(cluster, tmp_path):
    path = tmp_path / "bars.parquet"
    write_universe(path)
    spec = TrialSpec(
        data=DataSpec(bars=str(path)),
        strategy="backsweep.strategies.moving_average_cross:MovingAverageCross",
        account=AccountSpec(mode="sleeves"),
        params=("fast", "slow"),
    )
    inline = InlineBackend()
    inline.start(spec)
    expected = [run(inline, number) for number in range(3)]
    first = cluster.add_node(num_cpus=2)
    second = cluster.add_node(num_cpus=2)
    backend = RayBackend(3, cluster.address, shards=2)
    try:
        backend.start(spec)
        settle(backend, 3)
        places = [ray.get(seat.actor.join_node.remote()) for seat in backend._seats]
        assert set(places) == {first.node_id, second.node_id}
        assert run(backend, 0) == expected[0]
        third = cluster.add_node(num_cpus=2)
        cluster.remove_node(second)
        assert run(backend, 1) == expected[1]
        settle(backend, 3)
        places = [ray.get(seat.actor.join_node.remote()) for seat in backend._seats]
        assert set(places) == {first.node_id, third.node_id}
        assert run(backend, 2) == expected[2]
        backend.wind_down()
        assert backend._seats == []
    finally:
        backend.close()
