"""Where tables come from: files found by path, glob, folder or URL, and scanned lazily.

Every file stays a part of its own until the checks are done, so that an error can name the file and the row in it.
"""

from __future__ import annotations

import difflib
import fnmatch
import glob
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from backsweep.errors import BadData, BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

KINDS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "ipc",
    ".ipc": "ipc",
    ".feather": "ipc",
    ".csv": "csv",
    ".csv.gz": "csv",
}


@dataclass(frozen=True)
class Part:
    """One file, or one frame in memory: `name` is what errors call it, `schema` its columns as stored."""

    name: str
    frame: pl.LazyFrame
    schema: pl.Schema


def open_parts(location: str, role: str) -> tuple[Part, ...]:
    """Scan all files at `location`, in the order of their names.

    `role` is the key of the sweep file's `data` section, for errors. CSV files without a row are left out. Raises
    BadInput where nothing readable lies there, and BadData for a file that cannot be read or where all are empty.
    """
    files = find_files(location, role)
    parts = [part for file in files if (part := _open_file(file)) is not None]
    if not parts:
        raise BadData(
            f"{role} hold no rows" if role != "context" else "context holds no rows",
            where=location,
            expected="at least one row below the header",
            remedy=f"check how the file was written, or point data.{role} at another",
        )
    return tuple(parts)


def part_of_frame(frame: object, role: str) -> Part:
    """Take a Polars frame in memory, eager or lazy, as one part."""
    if not isinstance(frame, pl.DataFrame | pl.LazyFrame):
        raise BadInput(
            f"{role} must be a Polars frame",
            expected="polars.DataFrame or polars.LazyFrame",
            found=f"{type(frame).__module__}.{type(frame).__name__}",
            remedy="convert it first, for instance with polars.from_pandas(frame)",
        )
    lazy = frame.lazy()
    return Part(role, lazy, _guarded(role, lazy.collect_schema))


def gather(scans: Iterable[tuple[str, pl.LazyFrame]], *, streaming: bool = False) -> pl.DataFrame:
    """Collect named scans, one below the other; the one that cannot be read is named.

    With `streaming`, memory holds a few pieces of the files at a time, where the scans allow it.
    """
    named = list(scans)
    try:
        return pl.concat([frame for _, frame in named]).collect(engine="streaming" if streaming else "auto")
    except (pl.exceptions.PolarsError, OSError):
        return pl.concat([_guarded(name, frame.collect) for name, frame in named])


def find_files(location: str, role: str) -> tuple[str, ...]:
    """All files at `location`, sorted: absolute paths, or URLs where `location` is one."""
    found = _find_remote(location, role) if is_url(location) else _find_local(location, role)
    for file in found:
        if kind_of(file) is None:
            raise BadInput(
                f"unsupported extension of {Path(file).name}",
                where=f"data.{role}: {location}",
                expected=" ".join(KINDS),
                remedy="convert the file, or narrow the glob so that it leaves the file out",
            )
    return tuple(found)


def is_url(location: str) -> bool:
    return "://" in location


def kind_of(file: str) -> str | None:
    """How to read a file, by its extension; None where it is not known."""
    return next((kind for ending, kind in KINDS.items() if file.lower().endswith(ending)), None)


def remote(url: str) -> tuple[Any, str]:
    """Open the file system of a URL: the pyarrow file system and the path in it."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and needed for URLs only
    from pyarrow import fs  # noqa: PLC0415

    if url.startswith("gs://"):  # it would try for 15 minutes where there is no network or no access
        url = f"{url}?retry_limit_seconds=15"
    try:
        system, path = fs.FileSystem.from_uri(url)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadInput(
            "cannot open this URL",
            where=url,
            expected="s3://, gs://, abfs:// or file://",
            found=_first_line(error),
            remedy="download the data first, or put it into an object store",
        ) from error
    return system, path


def _find_local(location: str, role: str) -> list[str]:
    path = Path(location)
    if path.is_file():
        return [location]
    if path.is_dir():
        files = sorted(str(file) for file in path.rglob("*") if file.is_file() and not _is_hidden(file, path))
        known = [file for file in files if kind_of(file)]
        if known:
            return known
        raise _nothing_found(location, role, f"a folder without such files: {_shorten(files) or 'it is empty'}")
    if glob.has_magic(location):
        files = sorted(file for file in glob.glob(location, recursive=True) if Path(file).is_file())  # noqa: PTH207 - Path.glob takes hidden files
        if files:
            return files
        raise _nothing_found(location, role, "no file matches the glob")
    siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=1)
    raise _nothing_found(location, role, f"no such file; nearest is {close[0]}" if close else "no such file")


def _find_remote(location: str, role: str) -> list[str]:
    """List the files below a URL; the part of the URL before the first wildcard is the folder to look in."""
    from pyarrow import fs  # noqa: PLC0415 - as in remote

    has_wildcard = "*" in location or "[" in location
    segments = location.split("/")
    plain = next((i for i, text in enumerate(segments) if "*" in text or "[" in text), len(segments))
    root = "/".join(segments[:plain]).rstrip("/")
    if root.endswith(":"):
        raise _nothing_found(location, role, "no bucket or folder before the wildcard")
    system, path = remote(root)
    try:
        if system.get_file_info(path).type == fs.FileType.File:
            return [location]
        infos = system.get_file_info(fs.FileSelector(path, recursive=True))
    except (OSError, ValueError) as error:
        raise _nothing_found(location, role, _first_line(error)) from error
    files = sorted(root + info.path.removeprefix(path.rstrip("/")) for info in infos if info.is_file)
    wanted = [
        file for file in files if (fnmatch.fnmatchcase(file, location) if has_wildcard else kind_of(file) is not None)
    ]
    if not wanted:
        raise _nothing_found(location, role, "no file matches the glob" if has_wildcard else "no such files below it")
    return wanted


def _nothing_found(location: str, role: str, found: str) -> BadInput:
    return BadInput(
        f"no file to read {role} from",
        where=f"data.{role}: {location}",
        expected=f"a file, glob, folder or URL of {' '.join(KINDS)}",
        found=found,
        remedy=f"correct data.{role}; paths in a sweep file are relative to that file",
    )


def _open_file(file: str) -> Part | None:
    kind = kind_of(file)
    if kind == "csv":
        return _guarded(file, lambda: _open_csv(file))
    frame = pl.scan_parquet(file, glob=False) if kind == "parquet" else pl.scan_ipc(file, glob=False)
    return Part(file, frame, _guarded(file, frame.collect_schema))


def _open_csv(file: str) -> Part | None:
    """Scan a CSV with types inferred from all its rows, so that a late row cannot contradict them."""
    try:
        schema = pl.scan_csv(file, glob=False, try_parse_dates=True, infer_schema_length=None).collect_schema()
    except pl.exceptions.NoDataError:
        return None
    frame = pl.scan_csv(file, glob=False, try_parse_dates=True, schema=schema)
    return None if frame.head(1).collect().is_empty() else Part(file, frame, schema)


def _guarded(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadData(
            "cannot be read",
            where=name,
            expected=f"a readable {kind_of(name) or 'frame'}",
            found=_first_line(error),
            remedy="write the file again, or check that its extension says what it is",
        ) from error


def _is_hidden(file: Path, root: Path) -> bool:
    return any(name.startswith((".", "_")) for name in file.relative_to(root).parts)


def _first_line(error: Exception) -> str:
    return textwrap.shorten((str(error).strip() or type(error).__name__).splitlines()[0], 240)


def _shorten(files: list[str]) -> str:
    return ", ".join(Path(file).name for file in files[:5]) + (" ..." if len(files) > 5 else "")
