import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from backsweep.errors import BadData, BadInput
from backsweep.runtime.ray_pool import RayBackend
from backsweep.runtime.ray_session import RaySession, _check_reachable, ray
from backsweep.sweepfile.data import DataSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk

pytestmark = [pytest.mark.apart, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_metrics_report_interval_ms", "500")
        session = RaySession(2, "local")
    yield session
    session.close()


@pytest.fixture
def started(fake, tmp_path, cluster):  # noqa: ARG001 - the backends are guests of the cluster
    backends = []

    def start(workers=2, strategy="good:Strategy", trial_timeout=None, study=""):
        backend = RayBackend(workers, "local", fake(str(tmp_path)), trial_timeout=trial_timeout, study=study)
        backends.append(backend)
        return backend, backend.start(spec(strategy))

    yield start
    for backend in backends:
        backend.close()


def spec(strategy="good:Strategy"):
    return TrialSpec(data=DataSpec(bars="/nowhere.parquet"), strategy=strategy, params=("a", "b"))


def chunk(batch, numbers, first=None):
    values = np.zeros((len(numbers), 2))
    values[:, 0] = numbers if first is None else first
    return Chunk(batch, np.array(numbers, np.int64), values)


def drain(backend, count, seconds=240):
    outcomes, deadline = [], time.monotonic() + seconds
    while len(outcomes) < count and time.monotonic() < deadline:
        outcomes += backend.wait(1.0)
    assert len(outcomes) == count
    return {tuple(outcome.numbers.tolist()): outcome for outcome in outcomes}


def test_every_chunk_comes_back_with_its_own_answer(started):
    backend, info = started()
    assert info.assets == ("A", "B")
    assert info.sessions.tolist() == [0, 1, 2, 3, 4]
    chunks = [chunk(k // 4, [3 * k, 3 * k + 1, 3 * k + 2]) for k in range(12)]
    for each in chunks:
        backend.submit(each)
    outcomes = drain(backend, 12)
    for each in chunks:
        outcome = outcomes[tuple(each.numbers.tolist())]
        assert outcome.batch == each.batch
        assert outcome.metrics[:, 0].tolist() == each.values[:, 0].tolist()
        assert outcome.returns.shape == (3, 5)


def test_a_pool_wants_two_chunks_per_worker(started):
    backend, _ = started()
    while backend.capacity() < 4:
        backend.wait(1.0)
    for k in range(5):
        backend.submit(chunk(0, [k]))
    assert backend.capacity() == 0
    drain(backend, 5)
    assert backend.capacity() == 4
    assert backend.wait(0.01) == []


def test_the_thread_pools_of_a_worker_have_one_thread(started, tmp_path):
    backend, _ = started()
    backend.submit(chunk(0, [0]))
    drain(backend, 1)
    assert [path.read_text() for path in tmp_path.glob("*.pid")] == ["1 1"]
    assert os.environ.get("NUMBA_NUM_THREADS") is None


def test_bad_data_in_a_worker_is_the_same_error_in_the_driver(started):
    with pytest.raises(BadData) as caught:
        started(strategy="bad:Data")
    assert type(caught.value) is BadData
    assert caught.value.where == "bars.parquet, row 7"
    assert str(caught.value).startswith("bars.parquet, row 7: prices are not positive\n  expected: > 0")


def test_a_bug_in_a_worker_keeps_its_type(started):
    with pytest.raises(ZeroDivisionError, match="in the evaluator"):
        started(strategy="broken:Code")


def test_chunks_of_a_dead_worker_run_on_another(started, caplog):
    backend, _ = started()
    for k in range(6):
        backend.submit(chunk(0, [k], 667 if k == 2 else k))
    outcomes = drain(backend, 6)
    assert not any(outcome.errors for outcome in outcomes.values())
    assert outcomes[2,].metrics[0, 0] == 667
    assert "the worker died: The actor died unexpectedly" in caplog.text


def test_a_trial_that_kills_every_worker_fails_and_the_others_of_its_chunk_do_not(started):
    backend, _ = started(workers=1)
    backend.submit(chunk(0, [0, 1]))
    backend.submit(chunk(0, [2, 3, 4], [2, 666, 4]))
    backend.submit(chunk(0, [5, 6]))
    outcomes = drain(backend, 5)
    failed = outcomes.pop((3,))
    assert failed.errors == {3: "the worker died while it ran this trial (3 times)"}
    assert np.isnan(failed.metrics).all()
    assert failed.returns.shape == (1, 5)
    assert sorted(number for numbers in outcomes for number in numbers) == [0, 1, 2, 4, 5, 6]
    assert not any(outcome.errors for outcome in outcomes.values())


def test_a_trial_whose_answer_died_with_the_worker_is_not_to_blame(started, monkeypatch):
    backend, _ = started(workers=1)
    get = ray.get

    def lossy(reference):
        """Lose every answer that had another chunk behind it, as a worker does that dies before it has sent one."""
        followed = any(list(slot.running)[:-1] == [reference] for slot in backend._slots)
        answer = get(reference)
        if followed:
            raise ray.exceptions.ActorDiedError
        return answer

    monkeypatch.setattr(ray, "get", lossy)
    backend.submit(chunk(0, [0]))
    backend.submit(chunk(0, [1], [666]))
    outcomes = drain(backend, 2)
    assert not outcomes[0,].errors
    assert outcomes[1,].errors == {1: "the worker died while it ran this trial (3 times)"}


def test_a_trial_that_never_ends_fails_and_the_others_of_its_chunk_do_not(started):
    backend, _ = started(workers=2, trial_timeout=0.5)
    backend.submit(chunk(0, [0, 1], [0, 555]))
    backend.submit(chunk(0, [2, 3]))
    outcomes = drain(backend, 3)
    reason = "it took longer than 0.5 s; runtime.trial_timeout allows more (3 times)"
    assert outcomes.pop((1,)).errors == {1: reason}
    assert not any(outcome.errors for outcome in outcomes.values())


def test_a_worker_that_hangs_is_ended_and_its_trials_run_on_another(started, tmp_path):
    backend, _ = started(workers=1, trial_timeout=1.0)
    backend.submit(chunk(0, [0]))
    drain(backend, 1)
    for path in tmp_path.glob("*.pid"):
        os.kill(int(path.stem), signal.SIGSTOP)
    backend.submit(chunk(0, [1]))
    assert not drain(backend, 1)[1,].errors


def test_closing_a_guest_leaves_ray_running_and_frees_its_workers(started):
    backend, _ = started()
    backend.close()
    backend.close()
    assert ray.is_initialized()
    again, _ = started()
    again.submit(chunk(0, [1]))
    drain(again, 1)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://somewhere:10001", "nonsense", "host:port"])
def test_an_address_that_cannot_be_joined_is_bad_input(address):
    with pytest.raises(BadInput, match=r"runtime\.address"):
        _check_reachable(address)


INTERRUPTED = """
import os, sys
sys.path.insert(0, {folder!r})
from conftest import _fake
from test_ray_pool import chunk, spec
from backsweep.runtime.ray_pool import RayBackend
backend = RayBackend(1, "local", _fake({marks!r}))
try:
    print("starting", flush=True)
    backend.start(spec())
    backend.submit(chunk(0, [0], 555))
    print("running", flush=True)
    while True:
        backend.wait(10.0)
except KeyboardInterrupt:
    print("interrupted", flush=True)
finally:
    backend.close()
assert "RAY_AUTH_TOKEN" not in os.environ
"""


@pytest.mark.parametrize("moment", ["starting", "running"])
def test_ctrl_c_stops_the_pool_and_leaves_no_process(tmp_path, moment):
    code = INTERRUPTED.format(folder=str(Path(__file__).parent), marks=str(tmp_path))
    home = tmp_path / "home"
    home.mkdir()
    driver = subprocess.Popen(  # noqa: S603 - runs the code above
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**{k: v for k, v in os.environ.items() if k != "RAY_AUTH_MODE"}, "HOME": str(home)},
    )
    while driver.stdout.readline() not in {f"{moment}\n", ""}:
        pass
    time.sleep(0.5)
    os.killpg(driver.pid, signal.SIGINT)
    out, err = driver.communicate(timeout=60)
    assert driver.returncode == 0, err
    assert out.endswith("interrupted\n")
    assert err == ""
    assert not (home / ".ray").exists()
    assert _is_empty(driver.pid, seconds=60)


def _is_empty(session, seconds):
    """Return whether every process of a session ends within so many seconds."""
    deadline = time.monotonic() + seconds
    while any(_session(stat) == session for stat in Path("/proc").glob("[0-9]*/stat")):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _session(stat):
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except OSError:
        return 0


TWICE = """
from pathlib import Path
from backsweep.runtime.ray_session import RaySession, ray
for _ in range(2):
    session = RaySession(1, "local")
    assert ray.get(ray.remote(lambda: 5).remote()) == 5
    session.close()
assert not (Path.home() / ".ray").exists()
"""


def test_ray_starts_twice_in_one_process_and_writes_no_token(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "RAY_AUTH_MODE"} | {"HOME": str(tmp_path)}
    done = subprocess.run(  # noqa: S603 - runs the code above
        [sys.executable, "-c", TWICE], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_prometheus_reads_trials_failures_fills_and_seconds(started):
    backend, _ = started(1, study="metered")
    backend.submit(chunk(0, range(10), [0, -1, *range(2, 10)]))
    backend.submit(chunk(1, range(10, 30)))
    outcomes = []
    while len(outcomes) < 2:
        outcomes += backend.wait(1.0)
    wanted = {"trials_total": 30, "failed_trials_total": 1, "fills_total": 60, "chunk_seconds_count": 2}
    end = time.monotonic() + 60
    while (found := _scrape(wanted, "metered")) != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.2)


def _scrape(names, study):
    """Read the sums over all processes at the node's metrics port."""
    (port,) = {node["MetricsExportPort"] for node in ray.nodes()}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = {}
    for name in names:
        values = re.findall(rf'^ray_backsweep_{name}{{[^}}]*study="{study}"[^}}]*}} (\S+)$', text, re.MULTILINE)
        found[name] = sum(map(float, values))
    return found
