"""Files in a folder.

Requirements on the file system: hard links are atomic and never overwrite a file, and fsync is durable. The folder may
hold other files: only regular files are read, and nothing is removed or overwritten but files of the given names, and
temporary files of this module. Nothing is written through a subfolder that is a link.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from backsweep.errors import BadInput
from backsweep.storage.protocol import RESUME, unreadable
from backsweep.storage.regular import expect_regular, read_regular, status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_LOST_AND_FOUND = "lost+found"  # the file system's own, at the top of a disk
_TEMPORARY = re.compile(r"\.backsweep-[0-9a-f]{16}\.tmp")


class LocalFiles:
    """The `Files` of a folder, which is made when the first file is put."""

    def __init__(self, location: Path) -> None:
        self.location = location

    def where(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.location / name)

    def exists(self, name: str) -> bool:
        """Return whether a file, or anything else, has this name."""
        with self._reading(name):
            return status(self.location / name) is not None

    def contents(self) -> list[str]:
        """List everything directly in the folder, except temporary files."""
        return [name for name in self._listed("") if not _TEMPORARY.fullmatch(name)]

    def names(self, folder: str) -> list[str]:
        """List a folder without hidden files, such as those of a killed `put`."""
        return [f"{folder}/{name}".lstrip("/") for name in self._listed(folder) if not name.startswith(".")]

    def get(self, name: str) -> bytes:
        """Read a file."""
        with self._reading(name):
            return read_regular(self.location / name)

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Read one file after the other."""
        return map(self.get, names)

    def put(self, name: str, content: bytes) -> bool:
        """Write to a temporary name, fsync, link to the final name, unlink, fsync the folder."""
        path = self.location / name
        with self._writing(name), _temporary(path.parent, content) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                if read_regular(path) != content:  # else linked before: the answer of a file system may be lost
                    return False
        with self._writing(name):
            _sync_folder(path.parent)
        return True

    def replace(self, name: str, content: bytes) -> None:
        """Write to a temporary name, fsync, rename."""
        path = self.location / name
        with self._writing(name), _temporary(path.parent, content) as temporary:
            if (found := status(path)) is not None:
                expect_regular(found)
            try:
                temporary.replace(path)
            except FileNotFoundError:
                if read_regular(path) != content:  # else renamed before, as above
                    raise

    def remove(self, name: str) -> None:
        """Remove a file, if it exists; anything but a regular file is an error."""
        path = self.location / name
        with self._writing(name):
            if (found := status(path)) is not None:
                expect_regular(found)
                path.unlink(missing_ok=True)

    def touch(self, name: str, content: bytes) -> None:
        """Set a file's time to now, if it has this content."""
        path = self.location / name
        with suppress(OSError):
            if read_regular(path) == content:
                os.utime(path, follow_symlinks=False)

    def touched(self, name: str) -> object | None:
        """Return a file's time of modification, by the clock of the file system."""
        with self._reading(name):
            found = status(self.location / name)
        return None if found is None else found.st_mtime_ns

    def tidy(self, folder: str) -> None:
        """Remove temporary files, and a folder inside this one if it is empty."""
        place = self.location / folder
        if folder and place.is_symlink():
            return
        with self._writing(folder):
            for name in self._listed(folder):
                if _TEMPORARY.fullmatch(name) and (place / name).is_file() and not (place / name).is_symlink():
                    (place / name).unlink(missing_ok=True)
        if folder:
            with suppress(OSError):
                place.rmdir()

    def parent(self) -> LocalFiles:
        """Return the parent folder."""
        here = self.location.absolute()
        return LocalFiles((here.resolve() if here.name == ".." else here).parent)

    def inside(self) -> list[LocalFiles]:
        """Return the folders directly in this one, and what may be a folder but cannot be examined."""
        return [LocalFiles(self.location / name) for name in self._listed("") if _may_be_folder(self.location / name)]

    def _listed(self, folder: str) -> list[str]:
        place = self.location / folder
        with self._reading(folder):
            try:
                names = os.listdir(place)  # noqa: PTH208 - names are wanted, not paths
            except FileNotFoundError:
                if place.is_symlink():
                    raise
                return []
        return sorted(name for name in names if name != _LOST_AND_FOUND)

    def _expect_inside(self, name: str) -> None:
        folder = (self.location / name).parent
        if name and folder != self.location and folder.is_symlink():  # "" is the study itself, wherever its parent is
            raise OSError(errno.ENOTDIR, f"{folder} is a link to another place, not a folder of the study")

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """Convert errors of the file system: a file that cannot be read is not absent."""
        try:
            yield
        except OSError as error:
            raise unreadable(self.where(name), error.strerror or str(error)) from None

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Convert errors of the file system; earlier commits are not affected."""
        try:
            self._expect_inside(name)
            yield
        except OSError as error:
            raise BadInput(
                "the study's folder cannot be written",
                where=self.where(name),
                found=error.strerror or str(error),
                remedy=f"free disk space or correct the permissions, {RESUME}",
            ) from error


@contextmanager
def _temporary(folder: Path, content: bytes) -> Iterator[Path]:
    """Write a file in a folder, to be linked or renamed to its name in the block."""
    temporary = folder / f".backsweep-{secrets.token_hex(8)}.tmp"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _write(temporary, content)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _may_be_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return True
