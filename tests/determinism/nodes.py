"""Workers on several nodes - real raylets on this machine - that come and go; `make determinism` runs it.

These raylets leave a socket open, which pytest may not report as a fault of ours.
"""

import numpy as np
import pytest
from ray.cluster_utils import Cluster
from scenarios.universe import write_universe

from backsweep.dataset import DataSpec
from backsweep.runtime.inline import InlineBackend
from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import ray
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk

pytestmark = [pytest.mark.apart, pytest.mark.timeout(240)]


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
    """Wait until so many workers have loaded; gives their nodes."""
    while sum(not slot.loading for slot in backend._slots) < count:
        backend.wait(1.0)
    return [ray.get(slot.actor.join_node.remote()) for slot in backend._slots if not slot.loading]


def test_workers_spread_over_nodes_join_as_nodes_come_and_outlive_them(cluster, tmp_path, monkeypatch):
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
    expected = [run(inline, number) for number in range(4)]
    first, second = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
    backend = RayBackend(3, cluster.address, shards=2)
    try:
        backend.start(spec)
        assert sorted(settle(backend, 2)) == sorted([first.node_id, second.node_id])
        assert run(backend, 0) == expected[0]
        third = cluster.add_node(num_cpus=1)  # the worker that found no place takes it, and a part that another has
        assert third.node_id in settle(backend, 3)
        assert run(backend, 1) == expected[1]
        alone = next(slot for slot in backend._slots if [s.part for s in backend._slots].count(slot.part) == 1)
        lost = ray.get(alone.actor.join_node.remote())
        monkeypatch.setattr("backsweep.runtime.ray_pool.PATIENCE", 3.0)
        cluster.remove_node(next(node for node in (first, second, third) if node.node_id == lost))
        assert run(backend, 2) == expected[2]  # of the two that hold the same part, one makes place for the other part
        assert lost not in settle(backend, 2)
        assert run(backend, 3) == expected[3]
        backend.wind_down()
        assert backend._slots == []
    finally:
        backend.close()
