"""The folder that compiled code is kept in, and whether it can be trusted.

A kernel is compiled together with the kernels that it calls, so kept code is valid for one state of all the sources.
The folder is therefore named after a digest of every source that is compiled, of the versions that compile it, and of
Numba's settings. Its parent is NUMBA_CACHE_DIR, or else `backsweep` in XDG_CACHE_HOME or in ~/.cache; a variable that
is empty or a relative path counts as no folder.

What is read from the folder runs as machine code. So nobody else may be able to write there: a folder that belongs to
another user, or that its group or others can write to, is neither read nor written. Without a folder nothing is kept,
and every process compiles for itself.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import stat
import tempfile
import warnings
from pathlib import Path

import llvmlite
import numba
import numpy as np

from backsweep.home import home_folder

_FOLDERS = ("", "engine", "metrics", "strategy", "trial", "statistics")  # their sources always count
_COMPILES = re.compile(rb"^\s*(?:from|import)\s+(?:numba|llvmlite|backsweep\.engine\.compile)\b", re.MULTILINE)
_NO_MATTER = ("NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER")  # settings that change no compiled code
_PACKAGE = Path(__file__).parents[2]
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@functools.cache
def cache_folder() -> Path | None:
    """Return the folder for what is compiled from these sources; None if there is none that can be trusted."""
    parent = _parent()
    if parent is None:
        return None
    folder = parent / f"kernels-{_digest()}"
    try:
        make_private(parent)
        make_private(folder)
        tempfile.TemporaryFile(dir=folder).close()
    except UntrustedFolderError as error:
        warnings.warn(f"{error}; until then every process compiles for itself", RuntimeWarning, stacklevel=2)
        return None
    except OSError:
        return None
    return folder


class UntrustedFolderError(OSError):
    """A folder of compiled code that another user could have written to."""


def make_private(folder: Path) -> None:
    """Create a folder that only this user can enter; raise UntrustedFolderError if others can write to it."""
    if not folder.is_symlink():
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir(mode=0o700)
            folder.chmod(0o700)  # whatever the umask
        except FileExistsError:
            pass
    link, status = folder.lstat(), folder.stat()
    if {link.st_uid, status.st_uid} != {os.geteuid()}:
        problem, remedy = "belongs to another user", "set NUMBA_CACHE_DIR to a folder of your own"
    elif status.st_mode & _OTHERS_WRITE:
        problem = f"other users can write to (mode {stat.S_IMODE(status.st_mode):04o})"
        remedy = f"chmod 700 {folder}, or set NUMBA_CACHE_DIR to another folder"
    else:
        return
    raise UntrustedFolderError(f"compiled code is not kept in {folder}, which {problem}: {remedy}")


def is_covered(source: str) -> bool:
    """Return whether the folder's name covers the contents of a source file."""
    return Path(source) in _covered()


def _parent() -> Path | None:
    for variable, below in (("NUMBA_CACHE_DIR", ""), ("XDG_CACHE_HOME", "backsweep")):
        place = Path(os.environ.get(variable, ""))
        if place.is_absolute():
            return place / below
    home = home_folder()
    return home and home / ".cache" / "backsweep"


def _digest() -> str:
    digest = hashlib.sha256()
    for version in (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version()):
        digest.update(version.encode())
    digest.update(repr(numba.config.USING_SVML).encode())
    for name, value in sorted(os.environ.items()):
        if name.startswith("NUMBA_") and name not in _NO_MATTER:
            digest.update(f"{name}={value};".encode())
    for source, content in _covered().items():
        digest.update(f"{source.relative_to(_PACKAGE).as_posix()}={content};".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _covered() -> dict[Path, str]:
    """Return the digest of every source that has a part in compiled code."""
    found = {}
    for source in sorted(_PACKAGE.rglob("*.py")):
        content = source.read_bytes()
        top = source.relative_to(_PACKAGE).parts[:-1][:1]
        if "".join(top) in _FOLDERS or _COMPILES.search(content):
            found[source] = hashlib.sha256(content).hexdigest()
    return found
