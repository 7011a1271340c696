"""Files in a folder.

What this asks of the file system: a hard link is made atomically and never over another file, and what was fsynced
stays.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from backsweep.errors import BadInput
from backsweep.study.files import RESUME, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class LocalFiles:
    """The `Files` of a folder, which is made when the first file is put."""

    def __init__(self, location: Path) -> None:
        self.location = location

    def where(self, name: str) -> str:
        """Say where a file is."""
        return str(self.location / name)

    def exists(self, name: str) -> bool:
        """Tell whether a file is there."""
        return (self.location / name).exists()

    def names(self, folder: str) -> list[str]:
        """List a folder without what a killed `put` has left."""
        return sorted(self._name(path) for path in (self.location / folder).glob("[!.]*"))

    def get(self, name: str) -> bytes:
        """Read a file."""
        try:
            return (self.location / name).read_bytes()
        except OSError as error:
            raise unreadable(self.where(name), error.strerror or str(error)) from None

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Read one file after the other."""
        return map(self.get, names)

    def put(self, name: str, content: bytes) -> bool:
        """Write to a temporary name, fsync, link to the final name, unlink, fsync the folder."""
        path = self.location / name
        with self._writing(name), _temporary(path, content) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
        with self._writing(name):
            _sync_folder(path.parent)
        return True

    def replace(self, name: str, content: bytes) -> None:
        """Write to a temporary name, fsync, rename."""
        path = self.location / name
        with self._writing(name), _temporary(path, content) as temporary:
            temporary.replace(path)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._writing(name):
            (self.location / name).unlink(missing_ok=True)

    def touch(self, name: str, content: bytes) -> None:
        """Set a file's time to now, if it has this content."""
        path = self.location / name
        with suppress(OSError):
            if path.read_bytes() == content:
                os.utime(path)

    def touched(self, name: str) -> object | None:
        """When a file was touched, by whatever clock."""
        try:
            return (self.location / name).stat().st_mtime_ns
        except OSError:
            return None

    def tidy(self, folder: str) -> None:
        """Remove temporary files, and the folder if it is empty."""
        for path in (self.location / folder).glob(".*"):
            self.remove(self._name(path))
        with suppress(OSError):
            (self.location / folder).rmdir()

    def parent(self) -> LocalFiles:
        """Give the folder in which this one lies."""
        return LocalFiles(self.location.absolute().parent)

    def inside(self) -> list[LocalFiles]:
        """Give the folders in this one."""
        return [LocalFiles(path) for path in sorted(self.location.glob("*")) if path.is_dir()]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.location).as_posix()

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Turn the file system's refusal into a message; what was committed before is not affected."""
        try:
            yield
        except OSError as error:
            raise BadInput(
                "the study's folder cannot be written",
                where=self.where(name),
                found=error.strerror or str(error),
                remedy=f"make room or mend the permissions, {RESUME}",
            ) from error


@contextmanager
def _temporary(path: Path, content: bytes) -> Iterator[Path]:
    """Write a file beside another, to be linked or renamed to it in the block."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    path.parent.mkdir(parents=True, exist_ok=True)
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
