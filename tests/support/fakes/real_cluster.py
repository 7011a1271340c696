"""A real cluster on this machine, started by the files in cluster/: a head and nodes with places of their own.

Every process inherits the folder of its node in the environment, by which all of them are found and killed: a node that
dies takes everything with it at once, as a machine does.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import requests

ROOT = Path(__file__).parents[3]
MARK = "BACKSWEEP_TEST_NODE"
PATIENCE = 120.0


class RealCluster:
    """Head and workers; `home` is a folder with the token, the nodes' files and their logs."""

    def __init__(self, head_cpus):
        self._started = []
        self.home = Path(tempfile.mkdtemp(prefix="bs-", dir="/tmp"))
        self.port, self.dashboard, self.metrics, client = _free_ports(4)
        self.address = f"http://127.0.0.1:{self.dashboard}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_AUTH_TOKEN_PATH": str(self.home / "token"),
            "PYTHONWARNINGS": "ignore",
        }
        token = ROOT / "cluster" / "token.sh"
        subprocess.run([token], env=self.environment, check=True, capture_output=True)  # noqa: S603 - our own script
        head = [f"--port={self.port}", f"--dashboard-port={self.dashboard}", f"--metrics-export-port={self.metrics}"]
        self._start("head", "head.sh", *head, f"--ray-client-server-port={client}", f"--num-cpus={head_cpus}")
        self.wait_for(self._answers, "the head")

    @property
    def token(self):
        return (self.home / "token").read_text()

    def get(self, path, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(self.address + path, headers=headers, timeout=10)

    def add_worker(self, name):
        self._start(name, "worker.sh", f"127.0.0.1:{self.port}", "--metrics-export-port=0", "--num-cpus=1")

    def kill(self, name):
        """End every process of a node in the same moment."""
        processes = self._processes(self.home / name)
        assert len(processes) > 3, processes  # ray start, raylet and agents at least
        for pid in processes:
            _kill(pid)

    def close(self):
        while pids := self._processes(self.home):
            for pid in pids:
                _kill(pid)
            time.sleep(0.2)
        for started in self._started:
            started.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def alive(self):
        nodes = self.get("/nodes?view=summary", self.token).json()["data"]["summary"]
        return {node["raylet"]["nodeName"] for node in nodes if node["raylet"]["state"] == "ALIVE"}

    def driver(self):
        """Find the process that drives a study."""
        for pid in self._processes(self.home / "head"):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"backsweep" in words and b"run" in words and b"-m" in words and b"-c" not in words:
                return pid
        return None

    def wait_for(self, condition, what, patience=PATIENCE):
        """Wait for a condition, with a bound that only a broken test reaches."""
        end = time.monotonic() + patience
        while not (value := condition()):
            assert time.monotonic() < end, f"{what} never came:\n{self.logs()}"
            time.sleep(0.2)
        return value

    def logs(self):
        return "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(self.home.glob("*.log")))

    def _start(self, name, script, *arguments):
        folder = self.home / name
        folder.mkdir()
        command = [
            *(ROOT / "cluster" / script, *arguments, f"--temp-dir={folder}", f"--node-name={name}", "--block"),
            *("--object-store-memory=100000000", "--min-worker-port=0", "--max-worker-port=0"),
            "--dashboard-agent-listen-port=0",
        ]
        with (self.home / f"{name}.log").open("w") as log:
            started = subprocess.Popen(  # noqa: S603 - our own script
                command,
                env={**self.environment, MARK: str(folder), "PYTHONPATH": ""},  # the code has to come with the job
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(started)

    def _answers(self):
        try:
            return self.get("/api/version", self.token).ok and self.alive()
        except (requests.RequestException, ValueError, KeyError):
            return False

    def _processes(self, folder):
        """Find every process that carries this folder, or one below it, as its mark."""
        wanted, found = f"{MARK}={folder}".encode(), []
        for place in Path("/proc").iterdir():
            if place.name.isdigit() and int(place.name) != os.getpid():
                try:
                    entries = (place / "environ").read_bytes().split(b"\0")
                except OSError:
                    continue
                if any(entry == wanted or entry.startswith(wanted + b"/") for entry in entries):
                    found.append(int(place.name))
        return found


def _kill(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _free_ports(count):
    """Return free ports below Linux's ephemeral range, so that no other process takes them meanwhile."""
    ports = []
    candidate = 10_000 + (os.getpid() * 37) % 15_000
    while len(ports) < count:
        candidate += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
        ports.append(candidate)
    return ports
