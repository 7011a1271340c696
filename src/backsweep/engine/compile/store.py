"""Compiled code on disk: one file for each function, which is whole or not there.

A file holds a digest of its content and the content; damaged files are as good as none, and are written again. Files
are written beside their place and renamed, so that any number of processes may read and write at once. One process at a
time compiles a function that is missing, and what it calls (`filling`), so that those that start together on an empty
cache do the work once; others compile other functions beside it. The lock is the operating system's: it ends with the
process that holds it, however that ends. Where the file system has no locks, or the holder takes longer than
`PATIENCE`, the work is done twice, and so it is for what two functions call that are compiled at once.

Every version of the sources has a folder of its own. Whoever keeps a loop also removes the folders that nobody has used
for a month, but for the newest few. A process that still reads one of them finds the rest of it gone, and compiles.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backsweep.engine.compile.cache import cache_folder, make_private

KEPT = 200
"""Files that stay in a folder with a limit; the ones that were not used for the longest time go first."""

KEPT_FOLDERS = 3
"""Folders of compiled code that stay, however long they were not used."""

UNUSED = 30 * 86_400.0
"""Seconds without use after which another folder goes."""

PATIENCE = 300.0
"""Seconds that a process waits for another one to compile."""

_DIGEST = 32  # bytes of a SHA-256
_LOCK = 2  # letters of a name that tell its lock from others
_POLL = 0.05  # seconds between two tries for the lock


class Store:
    """The files of one kind of functions, in a folder of their own; `limit` bounds how many."""

    _filling = False  # by this process, of whatever kind

    def __init__(self, kind: str, *, limit: int | None = None) -> None:
        self._kind = kind
        self._limit = limit

    def read(self, name: str) -> bytes | None:
        """Return what was kept under a name; None if it is not there, not whole, or not written by this user."""
        root = cache_folder()
        if root is None:
            return None
        path = self._path(root, name)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(handle, "rb") as file:
                status = os.fstat(handle)
                if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                    return None
                content = file.read()
        except OSError:
            return None
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return None
        for used in (path, root):
            with suppress(OSError):
                os.utime(used)
        return content[_DIGEST:]

    def write(self, name: str, content: bytes) -> None:
        """Store content under a name, where that is possible."""
        root = cache_folder()
        if root is None:
            return
        path = self._path(root, name)
        with suppress(OSError):
            make_private(path.parent)
            _write_private(path, hashlib.sha256(content).digest() + content)
            if self._limit is not None:
                self._drop_old(path.parent)
                _drop_old_folders(root)

    def drop(self, name: str) -> None:
        """Remove what was kept under a name: it cannot be used."""
        if root := cache_folder():
            with suppress(OSError):
                self._path(root, name).unlink(missing_ok=True)

    @contextmanager
    def filling(self, name: str) -> Iterator[bool]:
        """Lock what is kept under a name while it is compiled; yield whether the lock began here, not in a caller's.

        A process holds one lock, that of the outermost function, so that no two wait for each other.
        """
        root = cache_folder()
        if root is None or Store._filling:
            yield False
            return
        handle = _lock(root / f"lock-{name[:_LOCK]}")
        Store._filling = True
        try:
            yield True
        finally:
            Store._filling = False
            if handle is not None:
                os.close(handle)

    def _path(self, root: Path, name: str) -> Path:
        return root / self._kind / name

    def _drop_old(self, folder: Path) -> None:
        for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[: -(self._limit or 1)]:
            path.unlink(missing_ok=True)


def _write_private(path: Path, content: bytes) -> None:
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)  # whatever the umask
            file.write(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock until it is closed; None where there is none, or it takes too long."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_POLL)
        except OSError:
            break
        else:
            return handle
    os.close(handle)
    return None


def _drop_old_folders(own: Path) -> None:
    """Remove what other versions have left beside a version's folder; a folder's time is that of its last use.

    It is renamed first: while it is emptied its time is now, and it would count as one of the newest.
    """
    times = {}
    for folder in own.parent.glob("kernels-*"):
        with suppress(OSError):
            times[folder] = folder.stat().st_mtime
    newest = sorted(times, key=times.__getitem__, reverse=True)
    for folder in newest[KEPT_FOLDERS:]:
        if folder != own and time.time() - times[folder] > UNUSED:
            with suppress(OSError):  # another process was faster
                folder.rename(folder.with_name(f".{folder.name}"))
    for folder in own.parent.glob(".kernels-*"):  # also those of a process that was killed over it
        shutil.rmtree(folder, ignore_errors=True)
