"""Starting Ray here, or joining a cluster, and leaving it as it was found.

Measured with Ray 2.60 on two cores: `ray.init` takes 2.3 s with a small object store and 3.5 s with the default one
(30 % of the memory); thread limits inherited from the environment save 0.9 s per actor against a runtime environment,
which makes Ray start fresh worker processes.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backsweep.errors import BadInput
from backsweep.home import expand_home

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no statistics leave the machine
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # under `uv run` the workers keep this environment
os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of a worker that was replaced: the pool knows
os.environ.setdefault(  # the pool warns of the first itself, and asks for the second
    "RAY_DEDUP_LOGS_SKIP_REGEX", "A worker died or was killed|worker processes have been started"
)

import ray  # below the settings, which it reads while it is imported

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RaySession", "ray"]

ONE_THREAD = dict.fromkeys(
    ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""A worker owns one CPU: the thread pools inside it have one thread each."""

OBJECT_STORE_BYTES = 256 * 2**20
"""Room for the outcomes in flight, mostly per-session returns; Ray spills to disk beyond it."""

REACH_SECONDS = 5.0

_LONGEST_SOCKET = "/ray/session_2000-01-01_00-00-00_000000_0000000/sockets/plasma_store"

TOKEN = secrets.token_hex(32)
"""One for the whole process: Ray remembers the first that it sees."""


class RaySession:
    """The connection of this process to Ray; `close` ends what `__init__` began, and nothing else.

    Parameters
    ----------
    workers : CPUs of a local Ray; a cluster that runs already has its own number.
    address : `local`, `auto` or `HOST:PORT`.

    """

    def __init__(self, workers: int, address: str) -> None:
        self.worker_options: dict[str, Any] = {"num_cpus": 1, "scheduling_strategy": "SPREAD"}
        self._owned = not ray.is_initialized()
        if self._owned and address == "local":
            _check_socket_path()
            with _environment({**ONE_THREAD, **_token()}):
                self._begin(
                    address="local",
                    num_cpus=workers,
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                )
            return
        self.worker_options["runtime_env"] = {"env_vars": ONE_THREAD}
        if self._owned:
            _check_reachable(address)
            self._begin(address=address)

    def close(self) -> None:
        """Leave the cluster, and stop it if it was started here; may be called twice."""
        if self._owned:
            ray.shutdown()
            self._owned = False

    def _begin(self, **options: Any) -> None:
        try:
            with _late_interrupt():
                ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
        except Exception as error:
            self.close()
            raise _not_begun(options["address"], error) from error
        except BaseException:
            self.close()
            raise


def _not_begun(address: str, error: Exception) -> BadInput:
    """Return the error that Ray has not started; on a machine that is too busy Ray raises a bare Exception."""
    found = f"{address!r}: {next(iter(str(error).splitlines()), type(error).__name__)}"
    if address == "local":
        return BadInput(
            "Ray does not start on this machine",
            where="runtime.address",
            expected="some seconds of processor time, memory and room on the disk for Ray's own processes",
            found=found,
            remedy="try again when the machine is less busy, or pass --backend inline to do without Ray",
        )
    return BadInput(
        "Ray does not answer",
        where="runtime.address",
        expected="a Ray cluster of this version of Ray, and its authentication token",
        found=found,
        remedy="check the address, or pass --address local, or --backend inline to do without Ray",
    )


@contextmanager
def _late_interrupt() -> Iterator[None]:
    """Delay Ctrl-C and SIGTERM until the block is done: a Ray that is stopped half-way leaves processes behind.

    Ray puts a handler of its own on SIGTERM, which ends the process at once; afterwards it is what it was. It is called
    and not signalled again: what reads the wakeup pipe has counted the signal when it came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        first = signal.Signals(received[0])
        handler = before[first]
        if callable(handler):
            handler(first, None)
        else:
            signal.raise_signal(first)


def _check_socket_path() -> None:
    """Refuse a folder whose sockets would have longer names than the operating system takes; Ray would start first."""
    linux = sys.platform == "linux"
    name = next((name for name in ("RAY_TMPDIR", *["TMPDIR"] * linux) if name in os.environ), "")
    folder = os.environ[name] if name else "/tmp"  # noqa: S108 - Ray's own choice
    size = len(os.fsencode(f"{folder}{_LONGEST_SOCKET}"))
    most = 107 if linux else 103
    if size > most:
        raise BadInput(
            "the folder for Ray's temporary files has too long a name",
            where=name,
            expected=f"at most {len(os.fsencode(folder)) - size + most} bytes: sockets lie below it",
            found=f"{len(os.fsencode(folder))} bytes, {folder}",
            remedy="set RAY_TMPDIR=/tmp, or to another folder with a short name; or pass --backend inline",
        )


def _check_reachable(address: str) -> None:
    """Refuse an address that nothing listens on: Ray itself would try for minutes, then end the process."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "//" in address or not host or not port.isdigit():
        raise BadInput(
            "not an address of a Ray cluster",
            where="runtime.address",
            expected="local, auto or HOST:PORT",
            found=repr(address),
            remedy="run the study on the cluster itself with `ray job submit`; ray:// is not supported"
            if address.startswith("ray://")
            else "pass --address with one of these forms",
        )
    try:
        socket.create_connection((host, int(port)), timeout=REACH_SECONDS).close()
    except OSError as error:
        raise BadInput(
            "nothing answers at this address",
            where="runtime.address",
            expected="the HOST:PORT of a running Ray head node",
            found=f"{address}: {error}",
            remedy="start one with `ray start --head`, or pass --address local",
        ) from error


def _token() -> dict[str, str]:
    """Return the setting of a token for a local Ray, kept in memory, unless the user has set up authentication.

    Without it Ray would write one to ~/.ray/auth_token, readable by everybody.
    """
    chosen = os.environ.get("RAY_AUTH_MODE", "token").lower() != "token"
    present = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    if chosen or present or expand_home("~/.ray/auth_token").exists():
        return {}
    return {"RAY_AUTH_TOKEN": TOKEN}


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that start inside the block."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
