"""One node started by the files in cluster/, and one study sent to it: `make cluster-test`."""

import json
import subprocess
import sys

import pytest
from fakes.real_cluster import ROOT, RealCluster

import backsweep as bs
from backsweep.cli import main

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cluster():
    made = RealCluster(head_cpus=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def submitted(cluster, tmp_path_factory):
    """The demo's first 64 trials, sent, followed and fetched by the command."""
    out = tmp_path_factory.mktemp("submitted")
    command = [
        *(sys.executable, "-m", "backsweep", "submit", ROOT / "sweeps" / "demo.yaml", "--address", cluster.address),
        *("--trials", "64", "--out", out / "demo", "--cluster-dir", cluster.home / "studies"),
    ]

    def run(*more):
        return subprocess.run(  # noqa: S603 - our own command
            [*map(str, command), *more], env=cluster.environment, capture_output=True, text=True, check=False
        )

    run.first = run()
    run.out = out / "demo"
    return run


def test_a_submitted_study_has_the_hash_of_the_inline_run(submitted, tmp_path):
    assert submitted.first.returncode == 0, submitted.first.stderr
    assert "batch 2 · 64 of 64 trials" in submitted.first.stderr
    assert "every digest is right" in submitted.first.stderr
    inline = bs.run(ROOT / "sweeps" / "demo.yaml", backend="inline", trials=64, out=tmp_path / "inline")
    assert bs.open_study(submitted.out).digest() == inline.digest()


def test_the_same_submit_again_is_the_same_job(submitted, cluster):
    again = submitted("--detach")
    assert again.returncode == 0
    assert "has run to its end before" in again.stderr
    jobs = cluster.get("/api/jobs/", cluster.token).json()
    assert len([job for job in jobs if job["type"] == "SUBMISSION"]) == 1


def test_a_request_without_the_token_is_turned_away(cluster):
    assert cluster.get("/api/jobs/").status_code == 401
    assert cluster.get("/api/jobs/", token="0" * 64).status_code == 403
    assert cluster.get("/api/jobs/", cluster.token).status_code == 200


def test_a_submit_without_the_token_is_bad_input(cluster, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(SystemExit) as end:
        main(["submit", str(ROOT / "sweeps" / "demo.yaml"), "--address", cluster.address])
    assert end.value.code == 2
    assert "no authentication token" in capsys.readouterr().err


def test_the_token_is_in_no_job_and_no_log(submitted, cluster):
    assert submitted.first.returncode == 0
    assert cluster.token not in submitted.first.stdout + submitted.first.stderr
    assert cluster.token not in json.dumps(cluster.get("/api/jobs/", cluster.token).json())
    logs = [path for path in (cluster.home / "head").rglob("logs/**/*") if path.is_file()]
    assert len(logs) > 10
    assert not [path for path in logs if cluster.token.encode() in path.read_bytes()]
