"""The files in cluster/, as far as one machine can tell; the other tests here start them."""

import json
import os
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import jsonschema
import pytest
import ray.autoscaler
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from typer.main import get_command

from backsweep.cli import app
from backsweep.submission.pins import read_pins

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "cluster"
SCRIPTS = sorted(CLUSTER.glob("*.sh"))
LAUNCHER = sorted(CLUSTER.glob("up-*.yaml"))
SCHEMA = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())

# What KubeRay's custom resource knows (ray-operator/apis/ray/v1), as far as somebody would use it here.
RAYJOB = {
    "activeDeadlineSeconds", "backoffLimit", "rayClusterSpec", "submitterPodTemplate", "metadata", "clusterSelector",
    "submitterConfig", "managedBy", "deletionStrategy", "entrypoint", "runtimeEnvYAML", "jobId", "submissionMode",
    "entrypointResources", "entrypointNumCpus", "entrypointNumGpus", "ttlSecondsAfterFinished",
    "shutdownAfterJobFinishes", "suspend",
}  # fmt: skip
RAYCLUSTER = {
    "suspend", "managedBy", "autoscalerOptions", "headServiceAnnotations", "enableInTreeAutoscaling",
    "gcsFaultToleranceOptions", "headGroupSpec", "rayVersion", "workerGroupSpecs", "authOptions",
}  # fmt: skip
HEAD = {"template", "headService", "enableIngress", "resources", "labels", "rayStartParams", "serviceType"}
WORKERS = {
    "suspend", "groupName", "replicas", "minReplicas", "maxReplicas", "idleTimeoutSeconds", "resources", "labels",
    "rayStartParams", "template", "scaleStrategy", "numOfHosts",
}  # fmt: skip


@pytest.fixture
def node(tmp_path):
    """Copy the files to where no environment lies beside them, with a `ray` that writes down how it was called."""
    shutil.copytree(CLUSTER, tmp_path / "cluster")
    fake = tmp_path / "bin" / "ray"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nenv | grep ^RAY_\numask\n')
    fake.chmod(0o755)
    path = f"{fake.parent}:/usr/bin:/bin"
    settings = {"PATH": path, "HOME": str(tmp_path), "RAY_AUTH_TOKEN_PATH": str(tmp_path / "ray" / "token")}

    def run(script, *arguments, **more):
        command = [tmp_path / "cluster" / script, *arguments]
        return subprocess.run(  # noqa: S603 - our own script
            command, env={**settings, **more}, capture_output=True, text=True, check=False
        )

    run.token = tmp_path / "ray" / "token"
    return run


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_bash_that_stops_at_the_first_error(script):
    subprocess.run(["/bin/bash", "-n", script], check=True)  # noqa: S603 - our own script
    text = script.read_text()
    if script.name != "environment.sh":  # which is sourced by those that say so
        assert text.startswith("#!/usr/bin/env bash\n")
        assert "set -euo pipefail" in text
        assert os.access(script, os.X_OK)


def test_a_token_is_made_once_for_its_owner_alone_and_never_shown(node):
    first = node("token.sh")
    token = node.token.read_text()
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert node.token.stat().st_mode & 0o777 == 0o600
    assert node.token.parent.stat().st_mode & 0o777 == 0o700
    node.token.chmod(0o644)
    second = node("token.sh")
    assert node.token.read_text() == token
    assert node.token.stat().st_mode & 0o777 == 0o600
    assert token not in first.stdout + first.stderr + second.stdout + second.stderr


@pytest.mark.parametrize(("script", "arguments"), [("head.sh", ()), ("worker.sh", ("head:6379",))])
def test_nodes_want_a_token_that_others_cannot_read(node, script, arguments):
    missing = node(script, *arguments)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "cluster/token.sh" in missing.stderr
    node("token.sh")
    node.token.chmod(0o640)
    readable = node(script, *arguments)
    assert (readable.returncode, readable.stdout) == (2, "")
    assert f"chmod 600 {node.token}" in readable.stderr


def test_nodes_start_with_the_token_on_loopback_and_without_reports(node):
    node("token.sh")
    head, worker = node("head.sh", "--num-cpus=0"), node("worker.sh", "head:6379", "--num-cpus=8")
    asked = [one.stdout.splitlines() for one in (head, worker)]
    assert asked[0][:3] == ["start", "--head", "--port=6379"]
    assert "--dashboard-host=127.0.0.1" in asked[0]
    assert "--num-cpus=0" in asked[0]
    assert asked[1][:2] == ["start", "--address=head:6379"]
    for lines in asked:
        assert {"RAY_AUTH_MODE=token", f"RAY_AUTH_TOKEN_PATH={node.token}", "RAY_USAGE_STATS_ENABLED=0"} <= {*lines}
        assert lines[-1] == "0077"
        assert "--disable-usage-stats" in lines
        assert node.token.read_text() not in "".join(lines)


def test_a_worker_without_an_address_says_how_it_is_used(node):
    assert node("worker.sh").returncode == 2
    assert "usage: cluster/worker.sh HEAD:6379" in node("worker.sh", "--num-cpus=8").stderr


@pytest.mark.parametrize("file", LAUNCHER, ids=lambda path: path.name)
def test_what_ray_up_reads_is_valid_and_starts_the_same_scripts(file):
    config = yaml.safe_load(file.read_text())
    jsonschema.validate(config, SCHEMA)
    assert "head.sh" in config["head_start_ray_commands"][-1]
    assert config["worker_start_ray_commands"][-1].endswith("worker.sh $RAY_HEAD_IP:6379")
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"  # noqa: S105 - a path
    assert any("-c constraints.txt '.[cluster]'" in command for command in config["setup_commands"])
    prepared = prepare_config(config)
    validate_config(prepared)
    assert prepared["head_node_type"] in prepared["available_node_types"]


@pytest.fixture(scope="module")
def rayjob():
    documents = list(yaml.safe_load_all((CLUSTER / "rayjob.yaml").read_text()))
    assert [one["kind"] for one in documents] == ["PersistentVolumeClaim", "NetworkPolicy", "RayJob"]
    return documents[-1]


def test_the_rayjob_has_no_key_that_kuberay_does_not_know(rayjob):
    spec = rayjob["spec"]
    cluster = spec["rayClusterSpec"]
    assert rayjob["apiVersion"] == "ray.io/v1"
    assert spec.keys() <= RAYJOB
    assert cluster.keys() <= RAYCLUSTER
    assert cluster["headGroupSpec"].keys() <= HEAD
    assert all(group.keys() <= WORKERS for group in cluster["workerGroupSpecs"])
    assert all(isinstance(value, str) for value in cluster["headGroupSpec"]["rayStartParams"].values())


def test_the_rayjob_runs_as_nobody_special_with_a_token_and_resumes_on_its_volume(rayjob):
    cluster = rayjob["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert rayjob["spec"]["backoffLimit"] > 0
    assert "--out /studies/" in rayjob["spec"]["entrypoint"]
    head = cluster["headGroupSpec"]["template"]["spec"]
    assert head["containers"][0]["volumeMounts"] == [{"name": "studies", "mountPath": "/studies"}]
    for pod in (head, *(group["template"]["spec"] for group in cluster["workerGroupSpecs"])):
        assert pod["securityContext"]["runAsNonRoot"]
        assert {entry["name"] for entry in pod["containers"][0]["env"]}.isdisjoint({"RAY_AUTH_TOKEN", "RAY_AUTH_MODE"})


def _instructions():
    text = (CLUSTER / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_is_pinned_without_secrets_and_runs_as_nobody_special():
    lines = _instructions()
    words = [word for word, _ in lines]
    rest = {word: [text for other, text in lines if other == word] for word in words}
    assert words[0] == "FROM"
    assert re.fullmatch(r"python:3\.11-\S+", rest["FROM"][0])
    assert rest["USER"][-1] == "1000"
    assert "RUN" not in words[words.index("USER") :]
    assert not {"ADD", "ARG"} & {*words}
    assert "-c constraints.txt" in next(text for text in rest["RUN"] if "pip install" in text)
    packages = next(text for text in rest["RUN"] if "apt-get install" in text)
    assert "--no-install-recommends" in packages
    assert "rm -rf /var/lib/apt/lists/*" in packages
    assert not re.search(r"(?i)token[^ ]*=(?!token\b)|secret|password", " ".join(rest["ENV"]))
    for text in rest["COPY"]:
        assert all((ROOT / source).exists() for source in text.split()[:-1])


def test_versions_are_those_that_are_pinned(rayjob):
    ray_version = read_pins()["ray"]
    assert rayjob["spec"]["rayClusterSpec"]["rayVersion"] == ray_version
    assert f"Ray {ray_version}" in (CLUSTER / "README.md").read_text()
    tag = f"backsweep:{metadata.version('backsweep')}"
    assert all(tag in (CLUSTER / name).read_text() for name in ("rayjob.yaml", "Dockerfile", "README.md"))


def test_nothing_listens_on_every_interface_and_no_file_names_an_index():
    for file in CLUSTER.iterdir():
        text = file.read_text()
        assert "0.0.0.0" not in text  # noqa: S104 - looked for, not bound
        assert "index-url" not in text
        assert "ray://" not in text


def test_the_page_names_every_file_and_uses_options_that_exist():
    page = (CLUSTER / "README.md").read_text()
    for file in CLUSTER.iterdir():
        assert file.name in page or file.name in {"README.md", "Dockerfile.dockerignore"}
    submit = get_command(app).commands["submit"]
    known = {name for option in submit.params for name in [*option.opts, *option.secondary_opts]}
    for line in re.findall(r"backsweep submit .*", page):
        assert {*re.findall(r"--[a-z-]+", line)} <= known
    section = page[page.index("## What submit does") : page.index("## Watching")]
    assert {*re.findall(r"--[a-z-]+", section)} - {"--set"} <= known
