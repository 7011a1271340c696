"""A digest of the data files, by which a study identifies its data, and the check that these files are loaded.

A seal records the content of each file. A loader compares before and after reading: where size, inode and times are
those of the seal, the content counts as unchanged, which costs a call of `stat` for each file; otherwise, as on another
machine, the file is digested again (about 1 GB/s). A file that is replaced, by a rename or in place, has another inode
or time of change. A change of equal size within one tick of the file system's clock (some milliseconds) after the
digest is not detected. Objects in a store have a size and a time of change in whole seconds.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backsweep.dataset.complete import names_by_path
from backsweep.dataset.files import find_files, first_line, is_url, open_stream
from backsweep.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backsweep.sweepfile.data import DataSpec

Stamp = tuple[int, ...]

_DIGESTED: dict[tuple[str, Stamp], str] = {}
"""Digests computed in this process: a trial's shards are loaded one by one from the same files."""


@dataclass(frozen=True)
class FileSeal:
    """One file: its SHA-256, and its status in the file system when it was read.

    `names` are the columns that it has by its path.
    """

    role: str
    digest: str
    stamp: Stamp
    names: tuple[tuple[str, str], ...] = ()


def fingerprint(spec: DataSpec) -> str:
    """Digest the bytes of all files of `spec`, in the order of their names: SHA-256, in hexadecimal.

    Locations are not included, so that data may be moved, and names only where they give a file its asset or another
    column. Raises BadInput where there is nothing to read.
    """
    digest = hashlib.sha256()
    for each in spec.seal or _read_seal(spec):
        names = "".join(f" {json.dumps(pair)}" for pair in each.names)
        digest.update(f"{each.role} {each.digest}{names}\n".encode())
    return digest.hexdigest()


def sealed(spec: DataSpec) -> DataSpec:
    """Return `spec` with the seal of its files as they are now: `load` and `survey` refuse others from then on."""
    return spec.with_seal(_read_seal(spec))


@contextmanager
def unchanged(spec: DataSpec) -> Iterator[None]:
    """Raise BadData unless the files are those of the seal, before and after the block; without a seal do nothing."""
    if spec.seal is None:
        yield
        return
    files = _files(spec)
    if [role for role, _ in files] != [each.role for each in spec.seal]:
        raise _changed(files[0][1], f"{len(spec.seal)} files", f"{len(files)} files")
    stamps = []
    for (role, file), seal in zip(files, spec.seal, strict=True):
        stamp = _stamp(file)
        if stamp != seal.stamp:
            digest = _DIGESTED.get((file, stamp))
            if digest is None:
                digest, stamp = _digest(file)
                _DIGESTED[file, stamp] = digest
            if digest != seal.digest:
                raise _changed(file, f"content with SHA-256 {seal.digest[:16]}...", f"{digest[:16]}...")
        names = names_by_path(file, role, spec.files[role])
        if names != seal.names:
            raise _changed(file, f"a path that says {dict(seal.names)}", f"one that says {dict(names)}")
        stamps.append(stamp)
    yield
    for (_, file), stamp in zip(files, stamps, strict=True):
        if _stamp(file) != stamp:
            raise _changed(file, "a file that stays as it is while it is read", "another file, or other times")


def _files(spec: DataSpec) -> list[tuple[str, str]]:
    return [(role, file) for role, entry in spec.files.items() for file in find_files(entry.path, role)]


def _read_seal(spec: DataSpec) -> tuple[FileSeal, ...]:
    entries = spec.files
    return tuple(
        FileSeal(role, *_digest(file), names_by_path(file, role, entries[role])) for role, file in _files(spec)
    )


def _digest(file: str) -> tuple[str, Stamp]:
    """Digest a file that does not change meanwhile; returns its stamp too."""
    stamp = _stamp(file)
    try:
        with open_stream(file) if is_url(file) else Path(file).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(file, error) from error
    if _stamp(file) != stamp:
        raise _changed(file, "a file that stays as it is while it is read", "another file, or other times")
    return found, stamp


def _stamp(file: str) -> Stamp:
    try:
        if is_url(file):
            from backsweep.storage import remote  # noqa: PLC0415 - needs an extra, and only for URLs

            return remote.size_and_time(file)
        status = Path(file).stat()
    except OSError as error:
        raise _unreadable(file, error) from error
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


def _unreadable(file: str, error: OSError) -> BadData:
    return BadData("cannot be read", where=file, found=first_line(error), remedy="check the file and its permissions")


def _changed(file: str, expected: str, found: str) -> BadData:
    return BadData(
        "the data have changed since their fingerprint was taken",
        where=file,
        expected=expected,
        found=found,
        remedy="restore the file and run the same command again, or start a new study on the new data",
    )
