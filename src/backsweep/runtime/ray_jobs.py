"""The job server of a Ray cluster, over HTTP: its token, and the few requests that are made.

Whoever reaches a job server without authentication runs any program on the cluster. So a cluster that asks for no token
is refused unless the caller insists, and a token in a file that others can read is refused as ssh refuses such a key.
The token goes into a header of each request and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from backsweep.errors import BacksweepError, BadInput
from backsweep.home import expand_home
from backsweep.runtime.ray_session import ray  # ray by way of its session, which sets its environment
from backsweep.textfile import read_small

from ray.job_submission import JobSubmissionClient  # isort: skip - below ray, for the same reason

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Job", "JobServer", "find_token"]

ANSWER_SECONDS = 10.0
"""How long the server may take for its first answer."""

REPLY_SECONDS = 60.0
"""How long any later answer may take, and how long to read one; starting a job takes a while."""

REPLY_BYTES = 2**24
"""The most that an answer may hold; a log comes in pieces and has no bound."""

SILENCE_SECONDS = 10.0
"""After so long without a word in a job's log its state is asked for, which notices a connection that is gone."""

_UNREADABLE_BY_OTHERS = 0o077
_NOT_FOUND = 404
_TOKEN_BYTES = 4096
_REFUSED = (401, 403)
_TALKATIVE = ("dashboard.modules.dashboard_sdk", "dashboard.modules.job.sdk", "_private.runtime_env.packaging")
_OVERRIDES = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")  # Ray's client takes them over the address it is given


@dataclass(frozen=True)
class Job:
    """What the server knows of a job.

    Attributes
    ----------
    status : PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED.
    exit_code : of its process; None while it runs, or if it was lost with its node.
    message : the server's own words.

    """

    status: str
    exit_code: int | None
    message: str

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {"STOPPED", "SUCCEEDED", "FAILED"}


def _read_bounded(answer: requests.Response, **_: Any) -> None:
    """Read an answer as far as it is of a sensible size and comes in a sensible time; raises RequestException."""
    content = bytearray()
    end = time.monotonic() + REPLY_SECONDS
    with answer:
        while piece := answer.raw.read1(2**16, decode_content=True):
            content += piece
            if len(content) > REPLY_BYTES:
                raise requests.RequestException(f"an answer of more than {REPLY_BYTES:,} bytes")
            if time.monotonic() > end:
                raise requests.Timeout(f"an answer that takes longer than {REPLY_SECONDS:g} s")
    answer._content = bytes(content)  # noqa: SLF001 - where `content` looks before it reads, without bounds


_BOUNDED: Any = {"stream": True, "hooks": {"response": _read_bounded}}


class _Client(JobSubmissionClient):  # type: ignore[misc]  # Ray ships no types for it
    """Ray's client, whose answers have bounds."""

    def _do_request(self, method: str, endpoint: str, **options: Any) -> Any:
        return super()._do_request(method, endpoint, **{"timeout": REPLY_SECONDS, **options, **_BOUNDED})


class JobServer:
    """A connection to the job server at `http://HOST:PORT`, or https.

    Raises BadInput if nothing answers there, if the token is missing or wrong, if the cluster wants none and
    `unauthenticated` does not allow that, or if the token would cross a network in clear and `plain_http` does not.
    """

    def __init__(self, address: str, *, unauthenticated: bool = False, plain_http: bool = False) -> None:
        self.address = _check_address(address)
        secured = self._ask_for_authentication()
        if not secured and not unauthenticated:
            raise BadInput(
                "this cluster accepts jobs without a token",
                where=self.address,
                expected="token authentication, as the files in cluster/ start it",
                found="answers to a request without a token",
                remedy="start Ray with RAY_AUTH_MODE=token; --allow-unauthenticated if nobody else can reach it",
            )
        if secured and not plain_http:
            _check_encrypted(self.address)
        for name in _TALKATIVE:
            logging.getLogger(f"ray.{name}").setLevel(logging.WARNING)
        headers = {"Authorization": f"Bearer {find_token()}"} if secured else {}
        with _without_overrides():
            try:
                self._client = _Client(self.address, headers=headers)
            except ray.exceptions.AuthenticationError:
                raise BadInput(
                    "the cluster refuses the token",
                    where=self.address,
                    expected="the token that the cluster was started with",
                    found=f"another one, in {_token_place()}",
                    remedy="copy the token file from the head node, or set RAY_AUTH_TOKEN_PATH to the right one",
                ) from None
            except (RuntimeError, OSError) as error:
                raise _no_answer(self.address, error) from error

    def submit(self, name: str, entrypoint: str, runtime_env: dict[str, Any], metadata: dict[str, str]) -> bool:
        """Start a job under a name that is used once in a cluster's life; False if there is such a job already."""
        try:
            self._client.submit_job(
                submission_id=name, entrypoint=entrypoint, runtime_env=runtime_env, metadata=metadata
            )
        except RuntimeError as error:
            if "already exists" in str(error):
                return False
            raise _refusal(self.address, f"the job {name} is refused", error) from error
        except OSError as error:
            raise _no_answer(self.address, error) from error
        return True

    def job(self, name: str) -> Job | None:
        """Return a job, None if there is none of that name. Raises ConnectionError if the server does not answer."""
        try:
            details = self._client.get_job_info(name)
        except RuntimeError as error:
            if f"status code {_NOT_FOUND}" in str(error):
                return None
            raise ConnectionError(str(error)) from error
        except requests.RequestException as error:
            raise ConnectionError(str(error)) from error
        return Job(str(details.status), details.driver_exit_code, details.message or "")

    def log(self, name: str, skip: int = 0, patience: float | None = None) -> Iterator[str]:
        """Follow a job's log until the job has ended, leaving out the first `skip` characters; pieces of any length.

        Raises ConnectionError if the server does not answer any more, or says nothing for `patience` seconds.
        """
        import aiohttp  # noqa: PLC0415 - comes with the extra `cluster`, which only this needs

        stream = self._client.tail_job_logs(name)
        with asyncio.Runner() as runner:
            try:
                while (text := runner.run(self._next(stream, name, patience))) is not None:
                    yield text[skip:]
                    skip = max(0, skip - len(text))
            except (RuntimeError, OSError, aiohttp.ClientError) as error:
                raise ConnectionError(str(error)) from error
            finally:
                with suppress(RuntimeError):  # still in use when a signal came in between
                    runner.run(stream.aclose())

    async def _next(self, stream: Any, name: str, patience: float | None) -> str | None:
        """Wait for the next piece of a log; None at its end, also where the connection stays open after that."""
        begun = time.monotonic()
        piece = asyncio.ensure_future(anext(stream, None))
        try:
            while not (await asyncio.wait({piece}, timeout=SILENCE_SECONDS))[0]:
                job = await asyncio.to_thread(self.job, name)
                if job is None or job.ended:
                    return None
                if patience is not None and time.monotonic() - begun > patience:
                    raise ConnectionError(f"nothing for {patience:g} s")
            return piece.result()
        finally:
            piece.cancel()

    def stop(self, name: str) -> bool:
        """End a job; False if it had ended. Returns before it has."""
        try:
            return bool(self._client.stop_job(name))
        except (RuntimeError, OSError) as error:
            raise _refusal(self.address, f"the job {name} cannot be stopped", error) from error

    def forget(self, name: str) -> None:
        """Remove a job that has ended from the server's list."""
        try:
            self._client.delete_job(name)
        except (RuntimeError, OSError) as error:
            raise ConnectionError(str(error)) from error

    def _ask_for_authentication(self) -> bool:
        """Whether the server turns a request without a token away."""
        try:
            answer = requests.get(f"{self.address}/api/version", timeout=ANSWER_SECONDS, **_BOUNDED)
        except requests.RequestException as error:
            raise _no_answer(self.address, error) from error
        if answer.status_code in _REFUSED:
            return True
        if not answer.ok or "ray_version" not in answer.text:
            raise _no_answer(self.address, f"HTTP status {answer.status_code}")
        return False


def find_token() -> str:
    """Read the token where Ray would: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token.

    Raises BadInput if there is none, or if others can read the file.
    """
    if token := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return token
    path = _token_path()
    try:
        mode = path.stat().st_mode
        token = read_small(path, _TOKEN_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            "no authentication token",
            where=str(path),
            expected="the cluster's token in RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token",
            found=getattr(error, "strerror", None)
            or ("not a text file" if isinstance(error, ValueError) else str(error)),
            remedy="copy the token file from the head node; cluster/README.md shows how",
        ) from None
    if mode & _UNREADABLE_BY_OTHERS:
        raise BadInput(
            "the authentication token can be read by others",
            where=str(path),
            expected="mode 0600",
            found=f"mode {mode & 0o7777:04o}",
            remedy=f"chmod 600 {path}",
        )
    return token


@contextmanager
def _without_overrides() -> Iterator[None]:
    before = {name: os.environ.pop(name) for name in _OVERRIDES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)


def _token_path() -> Path:
    return expand_home(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token")


def _token_place() -> str:
    return "RAY_AUTH_TOKEN" if os.environ.get("RAY_AUTH_TOKEN", "").strip() else str(_token_path())


def _check_address(address: str) -> str:
    try:
        parts = urlsplit(address)
        good = parts.port != 0
    except ValueError:
        good = False
    if not good or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise BadInput(
            "not the address of a cluster's job server",
            where="--address",
            expected="http://HEAD:8265, the address of the dashboard",
            found=address,
            remedy="8265 is the dashboard's port; `ray start --head` prints its address",
        )
    return address.rstrip("/")


def _check_encrypted(address: str) -> None:
    """Refuse to send the token to another machine in clear: whoever reads it there may run programs."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        near = ip_address(host).is_loopback
    except ValueError:
        near = host == "localhost"
    if parts.scheme == "http" and not near:
        raise BadInput(
            "the token would cross the network in clear",
            where=address,
            expected="https, or a tunnel's end on this machine",
            found=f"http to {host}",
            remedy="ssh -N -L 8265:127.0.0.1:8265 HEAD, then --address http://127.0.0.1:8265; --allow-plain-http on a "
            "network that nobody else can read",
        )


def _no_answer(address: str, error: object) -> BadInput:
    return BadInput(
        "no job server answers at this address",
        where=address,
        expected="the dashboard of a Ray cluster that was installed as ray[default]",
        found=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
        remedy="check the address and the tunnel to it: ssh -L 8265:127.0.0.1:8265 HEAD, or kubectl port-forward",
    )


def _refusal(address: str, problem: str, error: Exception) -> BacksweepError:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return BacksweepError(problem, where=address, found=lines[-1][:300] if lines else type(error).__name__)
