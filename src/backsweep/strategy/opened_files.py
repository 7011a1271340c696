"""Collection of the files that the user's code opens while it is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backsweep.strategy.sources import is_installed

_SYSTEM = ("/usr/", "/etc/", "/proc/", "/sys/", "/dev/")


@dataclass(eq=False)
class OpenedFiles:
    """The files that the user's code opens, by absolute path."""

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)


_OPENED: list[OpenedFiles] = []  # one for each import in progress


@contextmanager
def collect_opened() -> Iterator[OpenedFiles]:
    """Collect the files that the user's code opens inside the block, except those that imports open."""
    _install_hook()
    opened = OpenedFiles()
    _OPENED.append(opened)
    try:
        yield opened
    finally:
        _OPENED.remove(opened)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _OPENED:
        return
    name, _, flags = arguments
    if not isinstance(name, (str, bytes, os.PathLike)):
        return
    writes = (flags or 0) & (os.O_WRONLY | os.O_RDWR)
    place = os.path.abspath(os.fsdecode(name))  # noqa: PTH100 - no more than this inside a hook
    frame = sys._getframe(1)  # noqa: SLF001 - who opens it
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return
        if file.endswith(".py") and not is_installed(Path(file)):
            break
        frame = frame.f_back  # type: ignore[assignment]
    if frame is not None and not place.startswith(_SYSTEM) and not is_installed(Path(place)):
        for opened in _OPENED:
            (opened.written if writes else opened.read).add(place)


_HOOKED: list[bool] = []


def _install_hook() -> None:
    if not _HOOKED:
        _HOOKED.append(True)
        sys.addaudithook(_audit)
