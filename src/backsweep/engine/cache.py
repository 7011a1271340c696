"""Where compiled code is kept on disk, and when it is thrown away.

Numba compiles a kernel again when its own file changes, but not when a kernel that it has inlined changes: a cache
beside the sources can serve results of yesterday's engine. So the folder is named after a digest of every source that
is compiled here, of the versions that compile it, and of Numba's settings. NUMBA_CACHE_DIR, where it is set, is the
folder's parent, or else XDG_CACHE_HOME, or ~/.cache; where nobody may write there, a folder that ends with the process.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import platform
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import llvmlite
import numba
import numpy as np

_COMPILED_PACKAGES = ("", "engine", "metrics", "strategy", "trial", "statistics")
_NO_MATTER = ("NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER")  # settings that change no compiled code


def use_cache_folder() -> None:
    """Point Numba's cache to the folder for these sources; to be called before the first kernel is declared."""
    numba.config.CACHE_DIR = str(cache_folder())


@functools.cache
def cache_folder() -> Path:
    """Give the folder for what is compiled from these sources."""
    return _writable(_parent() / f"kernels-{_digest()}")


def _parent() -> Path:
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backsweep"


def _writable(folder: Path) -> Path:
    """Make the folder, or else one for this process alone: Numba would take one beside the sources instead."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        return folder
    folder = Path(tempfile.mkdtemp(prefix="backsweep-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _digest() -> str:
    digest = hashlib.sha256()
    for version in (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version()):
        digest.update(version.encode())
    for name, value in sorted(os.environ.items()):
        if name.startswith("NUMBA_") and name not in _NO_MATTER:
            digest.update(f"{name}={value};".encode())
    package = Path(__file__).parent.parent
    for folder in _COMPILED_PACKAGES:
        for source in sorted((package / folder).glob("*.py")):
            digest.update(f"{folder}/{source.name}".encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
