"""Reading regular files only: reading a FIFO may block for ever, and reading a device may never end."""

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
    """Read a file, following links; raises OSError for what cannot be read or is not a regular file."""
    expect_regular(path.stat())
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as stream:  # noqa: PTH123 - a handle, not a path
        expect_regular(os.fstat(handle))  # it may have become something else since
        return stream.read()


def status(path: Path) -> os.stat_result | None:
    """Return the status of a path, without following links; None if it does not exist. Raises other OSErrors."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def expect_regular(found: os.stat_result) -> None:
    """Raise OSError unless this is the status of a file."""
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, f"{_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a file")
