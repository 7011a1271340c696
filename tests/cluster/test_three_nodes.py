"""A head and two more nodes, a study sent to them, a node and the driver killed under it: `make cluster-test`."""

import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from fakes.real_cluster import ROOT, RealCluster

import backsweep as bs

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

TRIALS, MANY, BATCH = 12_000, 48_000, 300  # long enough for everything that happens on the way
SIZE = ["--set", "search.sampler=sobol", "--set", f"search.batch={BATCH}", "--trials", str(TRIALS)]


@pytest.fixture(scope="module")
def cluster():
    made = RealCluster(head_cpus=0)
    try:
        for name in ("first", "second"):
            made.add_worker(name)
        made.wait_for(lambda: len(made.alive()) == 3, "three nodes")
        yield made
    finally:
        made.close()


class _Submit:
    """The command in a process of its own; `lines` are what it has said so far."""

    def __init__(self, cluster, out, *more):
        command = [
            *(sys.executable, "-m", "backsweep", "submit", ROOT / "sweeps" / "demo.yaml", "--address", cluster.address),
            *("--out", out, "--cluster-dir", cluster.home / "studies", "--workers", "2", *SIZE, *more),
        ]
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [str(word) for word in command],
            env=cluster.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stderr.readline, "")))
        self._reader.start()

    @property
    def said(self):
        return "".join(self.lines)

    def batch(self):
        return max((int(number) for number in re.findall(r"batch (\d+) ", self.said)), default=0)

    def end(self):
        code = self.process.wait(timeout=600)
        self._reader.join()
        self.process.stderr.close()
        return code


def test_a_study_survives_its_node_its_driver_and_its_follower(cluster, tmp_path, capsys):
    out = tmp_path / "demo"
    submit = _Submit(cluster, out)
    cluster.wait_for(lambda: submit.batch() >= 2, "the second batch", 300)

    cluster.kill("first")
    reached = submit.batch()
    cluster.wait_for(lambda: submit.batch() >= reached + 3, "batches after the loss of a node", 300)

    submit.process.terminate()  # as Ctrl-C, which shells let their background jobs ignore
    assert submit.end() == 130
    assert "the same command follows it again" in submit.said

    submit = _Submit(cluster, out)
    cluster.wait_for(lambda: "was sent before and is running" in submit.said, "the job")
    os.kill(cluster.wait_for(cluster.driver, "the driver"), signal.SIGKILL)
    assert submit.end() == 0, submit.said
    assert "was ended from outside (exit code -9); it is sent again and resumes" in submit.said

    inline = bs.run(
        ROOT / "sweeps" / "demo.yaml",
        backend="inline",
        trials=TRIALS,
        overrides=["search.sampler=sobol", f"search.batch={BATCH}"],
        out=tmp_path / "inline",
    )
    cluster.wait_for(lambda: cluster.alive() == {"head", "second"}, "the news of a lost node", 300)
    fetched = bs.open_study(out)
    assert fetched.state.done == TRIALS
    assert fetched.state.failed == 0
    assert fetched.digest() == inline.digest()
    with capsys.disabled():
        sys.stdout.write(f"\na node, the driver and a follower lost: {fetched.digest()}\n")
        sys.stdout.write(f"the inline run:                         {inline.digest()}\n")


def test_a_study_that_is_stopped_keeps_what_it_has_and_goes_on_when_it_is_sent_again(cluster, tmp_path):
    out = tmp_path / "demo"
    seed = ("--seed", "11", "--no-fetch", "--trials", str(MANY))
    submit = _Submit(cluster, out, *seed)
    cluster.wait_for(lambda: submit.batch() >= 2, "the second batch", 300)
    stop = _Submit(cluster, out, *seed, "--stop")
    assert stop.end() == 0
    assert "is stopped" in stop.said
    assert submit.end() == 130
    assert "the same command resumes it" in submit.said
    again = _Submit(cluster, out, *seed)
    assert again.end() == 0, again.said
    first = re.search(r"batch (\d+) ", again.said)
    assert first is not None, again.said
    assert int(first.group(1)) > 2
    (home,) = {match.group(1) for match in re.finditer(r"its study lies on the head node, in (\S+)", again.said)}
    assert bs.open_study(home).state.done == MANY
