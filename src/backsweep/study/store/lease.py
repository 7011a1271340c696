"""The lock of a study, for one run at a time: a claim in the folder `lease/`, renewed by a heartbeat.

Claims are numbered and put if absent, so one of two runs that claim the same number wins; the highest claim holds. A
claim expires when its process is known to be dead (same machine: by process id and the moment it started), or when
its file has not been touched for `PATIENCE` seconds *of the clock of the run that waits*: clocks are never compared
with each other, so they may jump. A run that lost its lease, because it was suspended or disconnected, notices before
its next commit. If it commits at that very moment, one entry of the manifest wins (see `manifest`): the lease prevents
double work, and the manifest keeps the study consistent.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backsweep.errors import BadInput, StudyConflict
from backsweep.storage.protocol import Files
from backsweep.storage.sealed import sealed
from backsweep.study.store.documents import STRICT, Count, read_document

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

BEAT = 2.0
"""Seconds between two touches of a claim. Compiled code may delay it for the length of a chunk."""

PATIENCE = 30.0
"""Seconds without a touch after which a claim from elsewhere is dead."""

LEASE = "lease"

_CLAIM = re.compile(rf"{LEASE}/claim-([1-9][0-9]{{0,17}})\.json")
_HELD: set[str] = set()  # tokens of this process's leases: a claim whose removal failed does not hold


@dataclass(frozen=True)
class Holder:
    """A process that runs a study.

    Attributes
    ----------
    host : name of its machine.
    place : boot and process namespace; process ids of one place can be compared, empty where that is not known.
    pid, started : the process, and when it began in ticks since the boot.
    since : for messages only.
    token : distinguishes two claims of one process.

    """

    __pydantic_config__ = STRICT

    host: str
    place: str
    pid: Count
    started: Count
    since: str
    token: str

    @classmethod
    def here(cls) -> Holder:
        """Describe this process."""
        pid = os.getpid()
        since = datetime.now(UTC).isoformat(" ", "seconds")
        return cls(socket.gethostname(), _place(), pid, _started(pid), since, secrets.token_hex(8))

    @property
    def is_near(self) -> bool:
        """Whether this process could see that one if it were alive."""
        return bool(self.place) and (self.host, self.place) == (socket.gethostname(), _place())

    @property
    def is_alive(self) -> bool:
        """Whether a process that is near is alive and, if it is this one, still holds the lease."""
        if self.pid == os.getpid() and self.token not in _HELD:
            return False
        return self.started != 0 and _started(self.pid) == self.started


class Lease:
    """The right to commit to a study, as long as the `with` block lasts.

    Entering it raises StudyConflict, which names the holder, if another run is alive; that takes up to
    `patience` seconds if the last run was on another machine and left its claim.
    """

    def __init__(self, study: Files, beat: float = BEAT, patience: float = PATIENCE) -> None:
        self._study = study
        self._beat, self._patience = beat, patience
        self._content, self._token = b"", ""
        self._number = 0
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        holder = Holder.here()
        self._content, self._token = sealed(asdict(holder)), holder.token
        _HELD.add(self._token)
        try:
            while not self._claim():
                pass
        except BaseException:
            _HELD.discard(self._token)
            raise
        threading.Thread(target=self._renew, name="lease", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        _HELD.discard(self._token)
        with suppress(BadInput):
            if self._is_mine():
                self._study.remove(_name(self._number))
                self._study.tidy(LEASE)

    def check(self) -> None:
        """Raise StudyConflict if another run has taken the study over."""
        if not self._is_mine() or self._claims()[-1] != self._number:
            raise StudyConflict(
                "another run has taken this study over",
                where=str(self._study.location),
                expected=f"a lease that is renewed within {self._patience:g} s",
                remedy="run the same command when the other has ended: it resumes the study",
            )

    def _claim(self) -> bool:
        """Claim the study when no other run holds it; False if another claim came first."""
        claims = self._claims()
        if claims:
            self._wait(_name(claims[-1]))
        self._number = max(claims, default=0) + 1
        if not self._study.put(_name(self._number), self._content):
            return False
        if self._claims()[-1:] != [self._number]:
            self._study.remove(_name(self._number))
            return False
        for number in claims:
            self._study.remove(_name(number))
        return True

    def _wait(self, claim: str) -> None:
        """Return when a claim is dead; raises StudyConflict if it is alive."""
        holder: Holder | None = None
        with suppress(StudyConflict):  # a claim that cannot be read is watched like one from elsewhere
            holder = read_document(self._study, claim, Holder)
        if holder is not None and holder.is_near:
            if holder.is_alive:
                raise self._conflict(holder)
            return
        before, end = self._study.touched(claim), time.monotonic() + self._patience
        while (now := self._study.touched(claim)) is not None and time.monotonic() < end:
            if now != before:
                raise self._conflict(holder)
            time.sleep(self._beat / 4)

    def _conflict(self, holder: Holder | None) -> StudyConflict:
        who = f"process {holder.pid} on {holder.host}, since {holder.since}" if holder else "an unknown process"
        return StudyConflict(
            "another run is working on this study",
            where=str(self._study.location),
            found=who,
            remedy="wait until it ends, or end it; then run the same command again: it resumes the study",
        )

    def _renew(self) -> None:
        """Touch the claim until the lease ends; a claim that was removed is not written again."""
        while not self._ended.wait(self._beat):
            with suppress(BadInput):  # a place that does not answer now may answer at the next beat
                self._study.touch(_name(self._number), self._content)

    def _is_mine(self) -> bool:
        try:
            return self._study.get(_name(self._number)) == self._content
        except StudyConflict:
            return False

    def _claims(self) -> list[int]:
        found = map(_CLAIM.fullmatch, self._study.names(LEASE))
        return sorted(int(claim[1]) for claim in found if claim is not None)


def _name(claim: int) -> str:
    return f"{LEASE}/claim-{claim}.json"


def _place() -> str:
    """Name this boot of this machine, and the namespace of its process ids; empty where Linux's /proc is missing."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> int:
    """Return when a process started, in ticks since the boot; 0 if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])
