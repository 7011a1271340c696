import pytest

import backsweep as bs
from backsweep.errors import BadInput
from backsweep.runtime import ray_jobs
from backsweep.runtime.ray_jobs import Job
from backsweep.submission.transfer import send

pytestmark = pytest.mark.thorough


class _Cluster:
    """In the place of the connection: a job runs the study here, and ends as `end` says."""

    end = Job("SUCCEEDED", 0, "")

    def __init__(self, address, *, unauthenticated, **_):
        if address == "http://open:8265" and not unauthenticated:
            raise BadInput("this cluster accepts jobs without a token")
        self.address, self.jobs = address, type(self).jobs

    def submit(self, name, _entrypoint, environment, _metadata):
        if name in self.jobs:
            return False
        self.jobs[name] = Job("SUCCEEDED", 0, "") if "-fetch-" in name else self.end
        if "-fetch-" not in name:
            bs.run(f"{environment['working_dir']}/sweep.yaml", out="cluster")
        return True

    def job(self, name):
        return self.jobs.get(name)

    def log(self, name, _skip=0, **_):
        yield "".join(f"{line}\n" for line in send(bs.open_study("cluster").path)) if "-fetch-" in name else "batch 1\n"

    def stop(self, name):
        self.jobs[name] = Job("STOPPED", None, "")

    def forget(self, name):
        del self.jobs[name]


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setattr(ray_jobs, "JobServer", type("Cluster", (_Cluster,), {"jobs": {}}))
    return ray_jobs.JobServer


ADDRESS = ("--address", "http://127.0.0.1:8265")


@pytest.mark.usefixtures("cluster")
def test_submit_follows_the_job_and_leaves_the_study_that_run_leaves(sweep, command):
    code, out, err = command("submit", sweep, *ADDRESS)
    assert (code, out) == (
        0,
        "40 trials are in studies/small; next: backsweep show studies/small, or backsweep report studies/small\n",
    )
    assert "sent as job small-" in err
    assert "batch 1\n" in err
    assert "every digest is right" in err
    command("run", sweep, "--out", "inline")
    assert bs.open_study("studies/small").digest() == bs.open_study("inline").digest()
    assert (bs.open_study("studies/small").path / "selected" / "params.json").exists()


def test_a_job_that_is_sent_off_is_found_again_and_can_be_stopped(sweep, command, cluster):
    cluster.end = Job("RUNNING", None, "")
    assert command("submit", sweep, *ADDRESS, "--detach")[0] == 0
    code, _, err = command("submit", sweep, *ADDRESS, "--detach")
    assert code == 0
    assert "was sent before and is running" in err
    assert len(cluster.jobs) == 1
    assert "is stopped" in command("submit", sweep, *ADDRESS, "--stop")[2]
    assert "no job of this study is running there" in command("submit", sweep, *ADDRESS, "--stop")[2]


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on(sweep, command, cluster, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "log", interrupt)
    code, out, err = command("submit", sweep, *ADDRESS)
    assert (code, out) == (130, "")
    assert "the same command follows it again, and --stop ends it" in err
    assert next(iter(cluster.jobs.values())).status == "SUCCEEDED"


@pytest.mark.parametrize(("end", "code"), [(("FAILED", 2), 2), (("STOPPED", None), 130), (("FAILED", 1), 1)])
def test_the_drivers_exit_code_is_the_commands(sweep, command, cluster, end, code):
    cluster.end = Job(*end, "")
    assert command("submit", sweep, *ADDRESS)[0] == code


def test_an_open_cluster_is_refused_unless_told_so(sweep, command, cluster):
    code, out, err = command("submit", sweep, "--address", "http://open:8265", "--detach")
    assert (code, out) == (2, "")
    assert "accepts jobs without a token" in err
    assert cluster.jobs == {}
    assert command("submit", sweep, "--address", "http://open:8265", "--detach", "--allow-unauthenticated")[0] == 0


def test_a_mistake_in_the_file_is_found_before_the_cluster_is_asked(sweep, command, cluster):
    code, _, err = command("submit", sweep, *ADDRESS, "--set", "search.sampler=tpa")
    assert code == 2
    assert "tpe" in err
    assert cluster.jobs == {}
