"""Finding the files at a path, glob, folder or URL.

Hidden files and folders, whose names begin with `.` or `_`, are left out of a folder, and so are files of other kinds;
where there are Parquet, Arrow IPC or CSV files, other text and Excel workbooks too, which are mostly notes. Everything
else that cannot be read is an error: a folder without permission is not an empty one.
"""

from __future__ import annotations

import difflib
import fnmatch
import glob
import os
import stat
import textwrap
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from backsweep.errors import BadInput

KINDS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "ipc",
    ".ipc": "ipc",
    ".feather": "ipc",
    ".csv": "text",
    ".csv.gz": "text",
    ".tsv": "text",
    ".tsv.gz": "text",
    ".txt": "text",
    ".txt.gz": "text",
    ".xlsx": "excel",
}
OFTEN_NOTES = (".tsv", ".tsv.gz", ".txt", ".txt.gz", ".xlsx")
"""Endings of files that are left out of a folder which has others."""
_SPECIAL = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def find_files(location: str, role: str) -> tuple[str, ...]:
    """Return all files at `location`, sorted: paths, or URLs where `location` is one of an object store.

    Raises BadInput where there is none, or one that is no regular file of a known kind.
    """
    try:
        found, _ = _find(location, role)
    except OSError as error:
        raise _nothing_found(location, role, first_line(error)) from error
    for file in found:
        if kind_of(file) is None:
            raise BadInput(
                f"unsupported extension of {Path(file).name}",
                where=f"data.{role}: {location}",
                expected=" ".join(KINDS),
                remedy="convert the file, or narrow the glob so that it leaves the file out",
            )
    return tuple(found)


def find_others(location: str, role: str) -> tuple[str, ...]:
    """Return the names of the files in the folder `location` that are of no known kind and so are left out."""
    try:
        return tuple(Path(file).name for file in _find(location, role)[1])
    except OSError as error:
        raise _nothing_found(location, role, first_line(error)) from error


def is_url(location: str) -> bool:
    return "://" in location


def kind_of(file: str) -> str | None:
    """How to read a file, by its extension; None where it is not known."""
    return next((kind for ending, kind in KINDS.items() if file.lower().endswith(ending)), None)


def without_ending(file: str) -> str:
    """Return a file's name without folders and without the ending that says its kind."""
    name = file.rpartition("/")[2]
    ending = max((ending for ending in KINDS if name.lower().endswith(ending)), key=len, default="")
    return name.removesuffix(name[len(name) - len(ending) :])


def open_stream(url: str) -> Any:
    """Open the object at a URL for reading bytes, at any place in it."""
    from backsweep.storage import remote  # noqa: PLC0415 - needs an extra, and only for URLs

    return remote.open_stream(url)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, shortened."""
    return textwrap.shorten((str(error).strip() or type(error).__name__).splitlines()[0], 240)


def _find(location: str, role: str) -> tuple[list[str], list[str]]:
    """Return the files to read, and those of a folder that are of other kinds."""
    if location.startswith("file://"):
        location = unquote(urlsplit(location).path)
    return _find_remote(location, role) if is_url(location) else _find_local(location, role)


def _find_local(location: str, role: str) -> tuple[list[str], list[str]]:
    path = Path(location)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return _find_by_glob(location, role), []
    except ValueError as error:  # a zero byte in the name
        raise _nothing_found(location, role, str(error)) from error
    if not stat.S_ISDIR(mode):
        return _regular([location], role), []
    files = _walk(path)
    known, others = _choose(files)
    if not known:
        raise _nothing_found(location, role, f"a folder without such files: {_shorten(files) or 'it is empty'}")
    return _regular(known, role), others


def _choose(files: list[str]) -> tuple[list[str], list[str]]:
    """Return which files of a folder are read, and which are not."""
    known = [file for file in files if kind_of(file)]
    known = [file for file in known if not file.lower().endswith(OFTEN_NOTES)] or known
    return known, [file for file in files if file not in set(known)]


def _find_by_glob(location: str, role: str) -> list[str]:
    path = Path(location)
    if glob.has_magic(location):
        files = _regular([file for file in _expand(location) if not Path(file).is_dir()], role)
        if files:
            return files
        raise _nothing_found(location, role, "no file matches the glob")
    siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=1)
    raise _nothing_found(location, role, f"no such file; nearest is {close[0]}" if close else "no such file")


def _regular(files: list[str], role: str) -> list[str]:
    """Raise BadInput for pipes, sockets and devices, which may be endless, and for broken links."""
    for file in files:
        try:
            mode = Path(file).stat().st_mode
        except FileNotFoundError:
            raise _nothing_found(file, role, "a link to a file that is not there") from None
        if not stat.S_ISREG(mode):
            raise _nothing_found(file, role, _SPECIAL.get(stat.S_IFMT(mode), "no regular file"))
    return files


def _expand(pattern: str) -> list[str]:
    """Return what a glob matches, sorted; `**` visits every folder once, whatever links there are."""
    parts = pattern.split("/")
    if "**" not in parts:
        return sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob takes hidden files
    at = parts.index("**")
    rest = parts[at + 1 :] or ["*"]
    found: set[str] = set()
    for root in glob.glob("/".join(parts[:at]) or "/"):  # noqa: PTH207 - the same
        for folder in _folders(Path(root)):
            found.update(_expand("/".join([glob.escape(str(folder)), *rest])))
    return sorted(found)


def _walk(root: Path) -> list[str]:
    """Return all files below a folder that are not hidden, sorted."""
    entries = (entry for folder in _folders(root) for entry in folder.iterdir())
    return sorted(str(entry) for entry in entries if not entry.name.startswith((".", "_")) and not entry.is_dir())


def _folders(root: Path) -> list[Path]:
    """Return a folder and all below it that are not hidden, each once, links followed."""
    seen: set[tuple[int, int]] = set()
    found = []

    def fail(error: OSError) -> None:
        raise error

    for folder, inner, _ in os.walk(root, onerror=fail, followlinks=True):
        status = Path(folder).stat()
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            inner.clear()
            continue
        seen.add(identity)
        found.append(Path(folder))
        inner[:] = sorted(name for name in inner if not name.startswith((".", "_")))
    return found


def _find_remote(location: str, role: str) -> tuple[list[str], list[str]]:
    """List the files below a URL; the part of the URL before the first wildcard is the folder to look in."""
    from backsweep.storage import remote  # noqa: PLC0415 - as in open_stream

    has_wildcard = "*" in location or "[" in location
    segments = location.split("/")
    plain = next((i for i, text in enumerate(segments) if "*" in text or "[" in text), len(segments))
    root = "/".join(segments[:plain]).rstrip("/")
    if root.endswith(":"):
        raise _nothing_found(location, role, "no bucket or folder before the wildcard")
    try:
        files = remote.list_below(root)
    except OSError as error:
        raise _nothing_found(location, role, first_line(error)) from error
    if has_wildcard:
        wanted = [file for file in files if fnmatch.fnmatchcase(file, location)]
        others: list[str] = []
    elif files == [location]:
        return files, []
    else:
        wanted, others = _choose(files)
    if not wanted:
        raise _nothing_found(location, role, "no file matches the glob" if has_wildcard else "no such files below it")
    return wanted, others


def _nothing_found(location: str, role: str, found: str) -> BadInput:
    return BadInput(
        f"no file to read {role} from",
        where=f"data.{role}: {location}",
        expected=f"a file, glob, folder or URL of {' '.join(KINDS)}",
        found=found,
        remedy=f"correct data.{role}; paths in a sweep file are relative to that file",
    )


def _shorten(files: list[str]) -> str:
    return ", ".join(Path(file).name for file in files[:5]) + (" ..." if len(files) > 5 else "")
