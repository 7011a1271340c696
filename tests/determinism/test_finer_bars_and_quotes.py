"""Studies on finer bars and on quotes: the same bytes inline, in shards, on Ray, and killed and resumed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenarios import bracket_study

from backsweep.runtime.inline import InlineBackend
from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import RaySession
from backsweep.study.results.study import open_study

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("brackets")
    bracket_study.write_home(home)
    return home


@pytest.fixture(scope="module")
def cluster():
    session = RaySession(2, "local")
    yield session
    session.close()


def run(home, name, backend, kind, mode):
    try:
        return bracket_study.run(home, name, backend, kind, mode)
    finally:
        backend.close()


@pytest.fixture(scope="module", params=["shared", "sleeves"])
def expected(request, home):
    """Run every study inline: the digests by kind, which are of other fills."""
    mode = request.param
    digests = {kind: run(home, f"{mode} {kind}", InlineBackend(), kind, mode) for kind in bracket_study.KINDS}
    assert len(set(digests.values())) == len(digests)
    return mode, digests


@pytest.mark.parametrize("kind", ["finer bars", "quotes"])
def test_a_study_on_ray_leaves_the_bytes_of_one_process(home, cluster, expected, kind):  # noqa: ARG001
    mode, digests = expected
    shards = 3 if mode == "sleeves" else None
    assert run(home, f"{mode} {kind} ray", RayBackend(2, "local", shards=shards), kind, mode) == digests[kind]


@pytest.mark.parametrize("kind", ["finer bars", "quotes"])
def test_a_study_that_is_killed_goes_on_to_the_same_bytes(home, expected, kind):
    mode, digests = expected
    name, script = f"{mode} {kind} killed", Path(bracket_study.__file__)
    path = os.pathsep.join([str(script.parents[1]), os.environ.get("PYTHONPATH", "")])
    killed = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, script, home, name, kind, mode], env={**os.environ, "PYTHONPATH": path}, check=False
    )
    assert killed.returncode == -9
    assert 0 < open_study(home / name).trials.height < bracket_study.TRIALS
    shards = 2 if mode == "sleeves" else None
    assert run(home, name, InlineBackend(shards=shards), kind, mode) == digests[kind]
