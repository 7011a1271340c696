"""A study of 40 trials, and a cluster in memory: it keeps what is sent to it and plays jobs as it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenarios.toy_study import DECLARED, SWEEP, ToyBackend

from backsweep.dataset import fingerprint
from backsweep.runtime.ray_jobs import Job
from backsweep.study.run.driver import run_study
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.submission.submit import Submission, Terms
from backsweep.submission.transfer import send
from backsweep.sweepfile.load import load_sweep


class FakeServer:
    """Plays each job by the next of `ends`: (status, exit code, message); a fetch gives what lies in `home`."""

    address = "http://fake:8265"

    def __init__(self, home):
        self.home = home
        self.ends = []
        self.jobs = {}
        self.sent = []
        self.cuts = 0
        self.forgotten = []

    def submit(self, name, entrypoint, runtime_env, metadata):
        if name in self.jobs:
            return False
        self.sent.append((name, entrypoint, runtime_env, metadata))
        if "-fetch-" in name:
            end = ("SUCCEEDED", 0, "") if self.home.exists() else ("FAILED", 2, "error: no study here")
        else:
            end = self.ends.pop(0) if self.ends else ("SUCCEEDED", 0, "")
        self.jobs[name] = Job(*end)
        return True

    def job(self, name):
        return self.jobs.get(name)

    def log(self, name, skip=0, patience=None):  # noqa: ARG002 - as the real one
        if "-fetch-" in name:
            have = int(self.sent[-1][1].split()[-1])
            lines = send(self.home, have) if self.home.exists() else ["error: no study here"]
            text = "Running entrypoint\n" + "".join(f"{line}\n" for line in lines)
        else:
            text = f"log of {name}\n"
        if self.cuts:
            self.cuts -= 1
            yield text[skip : skip + 5]
            raise ConnectionError("reset by peer")
        for start in range(skip, len(text), 50_000):  # pieces end where they will, as on the wire
            yield text[start : start + 50_000]

    def stop(self, name):
        self.jobs[name] = Job("STOPPED", None, "")
        return True

    def forget(self, name):
        self.forgotten.append(name)


def _play(file, folder, trials=40):
    """Run the study of a sweep file into a folder, as a driver on the cluster would."""
    sweep = load_sweep(file, [f"search.trials={trials}"])
    identity = identify(sweep, fingerprint(sweep.data))
    run_study(sweep, build_space(sweep, DECLARED), ToyBackend(), StudyFolder(folder), identity, chunk_size=8)


@pytest.fixture
def sweep_file(tmp_path):
    """A sweep file with its data and strategy beside it; what is in them is never looked at."""
    (tmp_path / "bars.parquet").write_bytes(b"bars")
    (tmp_path / "toy.py").write_text("class Toy: ...\n")
    path = tmp_path / "sweep.yaml"
    path.write_text(SWEEP.replace("SAMPLER", "random"))
    return path


@pytest.fixture
def server(sweep_file, tmp_path):
    _play(sweep_file, tmp_path / "cluster")
    return FakeServer(tmp_path / "cluster")


@pytest.fixture
def make(sweep_file, server, tmp_path):
    """Make a submission of that study; what it says and shows is in `.said`."""
    made = []

    def make(*overrides, **terms):
        said = []
        sweep = load_sweep(sweep_file, overrides)
        made.append(Submission(sweep, server, Terms(**terms), tmp_path / "out", said.append, said.append))
        made[-1].said = said
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def room(tmp_path):
    path = tmp_path / "room"
    path.mkdir()
    return Path(path)


@pytest.fixture
def play():
    return _play
