"""Reading files of a folder, and nothing that only looks like one: a FIFO would never answer, a device never end."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_regular(path: Path) -> bytes:
    """Read a file, or what a link leads to; raises OSError for what cannot be read and for what is no file."""
    expect_regular(path.stat())
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as stream:  # noqa: PTH123 - a handle, not a path
        expect_regular(os.fstat(handle))  # it may have become something else since
        return stream.read()


def status(path: Path) -> os.stat_result | None:
    """Return what lies at a path, a link as itself, or None if nothing does; raises OSError where nobody can tell."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def expect_regular(found: os.stat_result) -> None:
    """Raise OSError unless this is the status of a file."""
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, f"{_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a file")
