"""Reading small, untrusted text files: regular files only, up to a maximum size."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def read_small(path: Path, most: int) -> str:
    """Return the text of a regular UTF-8 file of at most so many bytes; a byte order mark is left out.

    Raises OSError for what cannot be opened, is no regular file or is larger, and UnicodeDecodeError; waits for no
    writer of a pipe.
    """
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(opened, "rb") as file:  # noqa: PTH123 - of a descriptor there is no path
        mode = stat.S_IFMT(os.fstat(opened).st_mode)
        if mode == stat.S_IFDIR:
            raise IsADirectoryError("it is a folder")
        if mode != stat.S_IFREG:
            raise OSError(f"it is {_KINDS.get(mode, 'no regular file')}")
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"it is larger than {most:,} bytes")
    return content.decode("utf-8-sig")
