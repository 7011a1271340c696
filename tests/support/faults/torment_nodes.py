"""Nodes of a Ray cluster on this machine that are taken away while others join; see tests/faults.

It runs as a script in a process of its own: Ray reads when it is imported whether a token is required.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path

from scenarios.toy_study import run_toy

from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import ray
from backsweep.study.results.study import open_study
from faults.torment_workers import make_evaluator

TRIALS = 320
STORE = 80 * 2**20  # bytes of a node's object store, about the least that Ray takes


def move_nodes(home, tries, seed):
    """Run studies while nodes leave, with all that runs on them, and others join; returns [tried, survived]."""
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    command = [sys.executable, "-m", "faults.torment_nodes", str(home), str(tries), str(seed)]
    done = subprocess.run(  # noqa: S603 - this file
        command, cwd=Path(__file__).parents[1], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-5000:]
    tried, survived = done.stdout.splitlines()[-1].split()
    return {"another joins": [int(tried), int(survived)]}


def _main(home, tries, seed):
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - for this alone

    logging.getLogger("backsweep").setLevel(logging.ERROR)  # that a worker died is no news here
    home, tried, survived = Path(home), 0, 0
    run_toy(home / "whole", trials=TRIALS)
    expected = open_study(home / "whole").digest()
    rng = random.Random(seed)  # noqa: S311 - repeatable
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
    try:
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE) for _ in range(2)]
        while tried < tries:
            folder = home / f"nodes-{tried}"
            moved = _run(folder, cluster, nodes, rng)
            tried += moved
            survived += moved * (open_study(folder).digest() == expected)
    finally:
        ray.shutdown()
        cluster.shutdown()
    print(tried, survived)  # noqa: T201 - the answer


def _run(folder, cluster, nodes, rng):
    """Run a study in a thread, and move nodes in this one, as Ray wants it; returns how many were taken away."""
    pids = folder.parent / f"pids-{folder.name}"
    pids.mkdir(exist_ok=True)
    backend = RayBackend(2, cluster.address, make_evaluator(str(pids), 0.3, poison=False))
    options = {"trials": TRIALS, "backend": backend, "chunk_size": 4}
    study = threading.Thread(target=run_toy, args=(folder,), kwargs=options)
    study.start()
    moved = 0
    while study.is_alive() and not any(pids.iterdir()):
        time.sleep(0.05)
    while study.is_alive():
        time.sleep(rng.uniform(0.2, 2.0))
        old = nodes.pop(rng.randrange(len(nodes)))
        nodes.append(cluster.add_node(wait=False, num_cpus=1, object_store_memory=STORE))
        moved += study.is_alive()
        cluster.remove_node(old, allow_graceful=False)
    study.join()
    return moved


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
