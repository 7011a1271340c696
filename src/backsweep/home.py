"""The user's home folder, which may not exist."""

from __future__ import annotations

import os
from pathlib import Path


def home_folder() -> Path | None:
    """Return the home folder; None where HOME is empty or relative, or is not set and the user has no passwd entry."""
    chosen = os.environ.get("HOME")
    if chosen is None:
        try:
            return Path.home()
        except RuntimeError:
            return None
    return Path(chosen) if Path(chosen).is_absolute() else None


def expand_home(path: str) -> Path:
    """Return the path with `~` replaced by the home folder; unchanged where that is not known."""
    if path.split("/", maxsplit=1)[0] == "~":
        home = home_folder()
        return home / path[2:] if home else Path(path)
    try:
        return Path(path).expanduser()
    except RuntimeError:  # ~NAME of a user that the system knows nothing of
        return Path(path)
