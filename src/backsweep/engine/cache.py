"""Where compiled kernels are kept on disk, and when they are thrown away.

Numba compiles a kernel again when its own file changes, but not when a kernel that it has inlined changes: a cache
beside the sources can serve results of yesterday's engine. So the folder is named after a digest of every source that
is compiled here, and of the versions that compile it. NUMBA_CACHE_DIR, where it is set, is the folder's parent.
"""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import llvmlite
import numba
import numpy as np

_COMPILED_PACKAGES = ("engine", "metrics", "trial", "statistics")


def use_cache_folder() -> None:
    """Point Numba's cache to the folder for these sources; to be called before the first kernel is declared."""
    parent = os.environ.get("NUMBA_CACHE_DIR") or _user_cache() / "backsweep"
    numba.config.CACHE_DIR = str(Path(parent) / f"kernels-{_digest()}")


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _digest() -> str:
    digest = hashlib.sha256()
    for version in (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version()):
        digest.update(version.encode())
    package = Path(__file__).parent.parent
    for folder in _COMPILED_PACKAGES:
        for source in sorted((package / folder).glob("*.py")):
            digest.update(source.name.encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
