"""One command: ship a study to a cluster, follow it, send it again if its driver was killed, fetch the folder.

A job's name is used once in a cluster's life, so a second attempt has a number: NAME, NAME-2, NAME-3. Whoever asks for
the same study finds its latest attempt and follows that one. A driver that ended by its own decision - done, failed
trials, bad input, stopped - is not sent again; one that was killed is, and resumes the study where it was committed.
"""

from __future__ import annotations

import math
import secrets
import shlex
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backsweep.errors import BacksweepError, BadInput
from backsweep.storage.open import SCHEMES
from backsweep.storage.secrets import refuse_secret
from backsweep.study.results.study import open_study
from backsweep.study.results.warm_start import with_warm_start
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.looks import recording_looks
from backsweep.submission.package import PINS, SWEEP, Package, pack
from backsweep.submission.pins import all_pins
from backsweep.submission.transfer import receive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backsweep.runtime.ray_jobs import Job, JobServer
    from backsweep.study.results.study import Study
    from backsweep.sweepfile.sweep import Sweep

HOME = "~/backsweep-studies"
"""Where studies lie, on the head node, unless another place is given."""

_DECIDED = (1, 2)  # exit codes with which a driver says that another attempt would end in the same way
_INTERRUPTED = 130  # that of a driver whose time limit is over, and of one that was told to stop
_SETUP = "runtime_env"  # in the message about a job whose environment could not be made
_POLL = 0.5
_FETCH_SILENCE = 600.0  # seconds that a job which fetches may say nothing; it may wait for its environment
_STOP_SECONDS = 120.0  # until a job that was told to stop has ended
_PATIENCE = 60.0  # seconds for which a cluster that does not answer is asked again


@dataclass(frozen=True)
class Terms:
    """How a study is sent.

    Attributes
    ----------
    cluster_dir : folder on the head node in which studies lie, which has to outlive the job, or the URL of a place in
        an object store that the cluster may read and write.
    install : install the pinned versions for this job, on nodes that do not have them.
    retries : how often a driver that was killed is sent again.
    include : further files and folders of code.
    shared_data : every node sees the files of market data where this machine sees them.

    """

    cluster_dir: str = HOME
    install: bool = False
    retries: int = 3
    include: tuple[Path, ...] = ()
    shared_data: bool = False


@dataclass
class Submission:
    """A study on its way; `say` is called with a line of text for the reader, `log` with pieces of the driver's log."""

    sweep: Sweep
    server: JobServer
    terms: Terms
    out: Path | str
    say: Callable[[str], None]
    log: Callable[[str], None]
    _room: tempfile.TemporaryDirectory[str] = field(default_factory=tempfile.TemporaryDirectory)

    def __post_init__(self) -> None:
        terms, room = self.terms, Path(self._room.name)
        try:
            _check_folder(terms.cluster_dir)
            if not StudyFolder(self.out).exists:
                StudyFolder(self.out).check_empty()
            sweep = with_warm_start(StudyFolder(self.out).completed(self.sweep))
            self.package: Package = pack(sweep, room, include=terms.include, shared_data=terms.shared_data)
            if self.package.identity is not None:
                StudyFolder(self.out).check(self.package.identity)
        except BaseException:
            self.close()
            raise
        self.home = f"{terms.cluster_dir.rstrip('/')}/{self.package.study}"

    @property
    def place(self) -> str:
        """Return where the study lies until it is fetched, for readers."""
        return f"in {self.home}" if "://" in self.home else f"on the head node, in {self.home}"

    def start(self) -> str:
        """Send the job, or find the one that was sent before; returns its name."""
        name, job = self._latest()
        if job is None:
            return self._send(name)
        if not job.ended:
            self.say(f"job {name} was sent before and is {job.status.lower()}")
        elif job.status == "SUCCEEDED":
            self.say(f"job {name} has run to its end before")
        else:
            return self._send(self._after(name))
        return name

    def follow(self, name: str) -> Job:
        """Print a job's log to its end, and send it again if its driver was killed; returns how the last one ended."""
        for left in range(self.terms.retries, -1, -1):
            for piece in self._log(name):
                self.log(piece)
            job = self._end(name)
            killed = job.status == "FAILED" and job.exit_code not in _DECIDED and _SETUP not in job.message
            paused = job.exit_code == _INTERRUPTED and self.sweep.runtime.time_limit is not None
            if not killed or paused or not left:
                return job
            why = f"exit code {job.exit_code}" if job.exit_code is not None else _first_line(job.message)
            self.say(f"job {name} was ended from outside ({why}); it is sent again and resumes, {left} attempts left")
            name = self._send(self._after(name))
        raise AssertionError

    def stop(self) -> str | None:
        """Stop the job, if it runs, and wait for its end; returns its name."""
        name, job = self._latest()
        if job is None or job.ended:
            return None
        self.server.stop(name)
        self._end(name, _STOP_SECONDS)
        return name

    def fetch(self) -> Study:
        """Fetch the study's folder, as far as it is not here, and verify every part by its digest."""
        folder = StudyFolder(self.out)
        entries = folder.entries()
        have = entries[-1].first + entries[-1].count if entries else 0
        name = f"{self.package.name}-fetch-{secrets.token_hex(4)}"
        entrypoint = f"exec python -m backsweep.submission.transfer {_shell(self.home)} {have}"
        self.server.submit(name, entrypoint, {"py_modules": [str(self.package.code)]}, {})
        try:
            delivery = receive(self.server.log(name, patience=_FETCH_SILENCE), self.out)
        except ConnectionError as error:
            raise _gone(self.server.address, error) from error
        except BacksweepError:
            job = self._end(name, _STOP_SECONDS)
            if job.status == "FAILED":
                raise BacksweepError(
                    "the study cannot be fetched",
                    where=self.home,
                    found=_last_line(job.message),
                    remedy="if the cluster has lost its disk since: give another --cluster-dir, which runs it again",
                ) from None
            raise
        self._end(name, _STOP_SECONDS)
        self.server.forget(name)
        with recording_looks(
            self.out
        ):  # those of this machine: what it has tried before decides what the result is worth
            study = open_study(self.out)
        study.digest()  # reads every part, and compares it with the manifest
        self.say(f"fetched {delivery.files:,} files, {delivery.size / 1e6:,.1f} MB; every digest is right")
        return study

    def close(self) -> None:
        """Remove what was packed."""
        self._room.cleanup()

    def _send(self, name: str) -> str:
        options = f'--backend ray --address "$RAY_ADDRESS" --out {_shell(self.home)}'
        entrypoint = f"exec python -m backsweep run {SWEEP} {options}"
        if not self.terms.install:
            entrypoint = f"python -m backsweep.submission.pins {PINS} && {entrypoint}"
        environment: dict[str, Any] = {
            "working_dir": str(self.package.folder),
            "py_modules": [str(self.package.code)],
        }
        if self.terms.install:
            environment["pip"] = [f"{package}=={version}" for package, version in all_pins().items()]
        if self.server.submit(name, entrypoint, environment, {"study": self.package.study}):
            self.say(f"sent as job {name}; its study lies {self.place}")
        else:
            self.say(f"job {name} was sent by another a moment ago")
        return name

    def _latest(self) -> tuple[str, Job | None]:
        """Find the last attempt; the first attempt's name and None if there is none."""
        name = self.package.name
        job = self.server.job(name)
        while job is not None and job.ended and (following := self.server.job(after := self._after(name))) is not None:
            name, job = after, following
        return name, job

    def _after(self, name: str) -> str:
        """Return the name of the attempt after this one."""
        number = name.removeprefix(self.package.name)
        return f"{self.package.name}-{int(number[1:] or 1) + 1}"

    def _log(self, name: str) -> Iterator[str]:
        """Follow a log over lost connections."""
        seen, lost = 0, 0.0
        while True:
            try:
                for piece in self.server.log(name, seen):
                    seen, lost = seen + len(piece), 0.0
                    yield piece
            except ConnectionError as error:
                lost = lost or time.monotonic()
                if time.monotonic() - lost > _PATIENCE:
                    raise _gone(self.server.address, error) from error
                time.sleep(_POLL)
            else:
                if self._end_is_known(name):
                    return
                time.sleep(_POLL)

    def _end_is_known(self, name: str) -> bool:
        """Whether a job has ended; a server that restarts closes a log as if it had."""
        try:
            job = self.server.job(name)
        except ConnectionError:
            return False
        return job is None or job.ended

    def _end(self, name: str, seconds: float = math.inf) -> Job:
        """Wait until the server knows how a job ended; raises BacksweepError after so many seconds."""
        begun = first = time.monotonic()
        job: Job | None = None
        while True:
            try:
                job = self.server.job(name)
            except ConnectionError as error:
                if time.monotonic() - begun > _PATIENCE:
                    raise _gone(self.server.address, error) from error
            else:
                if job is None:
                    raise BacksweepError("the cluster no longer has the job", where=name)
                if job.ended:
                    return job
                begun = time.monotonic()
            if time.monotonic() - first > seconds:
                raise BacksweepError(
                    "the job does not end",
                    where=name,
                    expected=f"its end within {seconds:g} s",
                    found=job.status.lower() if job is not None else "no answer",
                    remedy="run the same command again later, or look at the cluster's dashboard",
                )
            time.sleep(_POLL)


def check_end(job: Job, name: str) -> int:
    """Return a job's end as the exit code of the command line; raises BacksweepError if no driver decided it."""
    if job.status == "SUCCEEDED":
        return 0
    if job.status == "STOPPED" or job.exit_code == _INTERRUPTED:
        return _INTERRUPTED
    if job.exit_code in _DECIDED:
        return int(job.exit_code or 0)
    raise BacksweepError(
        "the job failed on the cluster",
        where=name,
        found=_last_line(job.message),
        remedy="run the same command again: it resumes the study",
    )


def _check_folder(path: str) -> None:
    scheme, separator, _ = path.partition("://")
    refuse_secret(path, "--cluster-dir")
    if scheme not in SCHEMES if separator else not path.startswith(("/", "~/")):
        raise BadInput(
            "not a folder of the head node, nor a place in an object store",
            where="--cluster-dir",
            expected="a path that begins with / or ~/, " + " or ".join(f"{known}://BUCKET/PREFIX" for known in SCHEMES),
            found=path,
            remedy="a relative path would be lost with the job; give a disk or a mounted volume that outlives it",
        )


def _shell(path: str) -> str:
    """Quote a path for the shell; a leading ~ stays what it means."""
    return f'"$HOME"/{shlex.quote(path[2:])}' if path.startswith("~/") else shlex.quote(path)


def _first_line(text: str) -> str:
    return text.splitlines()[0][:200] if text else "no reason given"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no reason given"


def _gone(address: str, error: Exception) -> BadInput:
    return BadInput(
        "the cluster no longer responds",
        where=address,
        found=_first_line(str(error)),
        remedy="the job may still run: run the same command again when the cluster responds, and it goes on following",
    )
