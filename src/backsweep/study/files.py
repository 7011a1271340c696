"""Files that are written once, whole or not at all, and read as they were written or not at all.

Every change of a study's folder goes through `put` and `remove`. What they ask of the file system: a hard link is made
atomically and never over another file, and what was fsynced stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backsweep.errors import BadInput, StudyConflict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

RESTORE = "restore the file from a copy, or begin again in another folder with --out"

_SEAL = "sha256"  # the key under which a JSON file holds the digest of its other keys


def put(path: Path, content: bytes) -> bool:
    """Write a file unless it exists; False if it did. After a crash it is there entirely or not at all.

    Raises BadInput if the file system refuses; then the same call may be made again.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(temporary, content)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    return True


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    with _writing(path):
        path.unlink(missing_ok=True)


def clear_temporaries(folder: Path) -> None:
    """Remove what a `put` that was killed has left."""
    for path in folder.glob(".*"):
        remove(path)


def sha256(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read(path: Path, digest: str) -> bytes:
    """Read a file whose digest is known; raises StudyConflict if it is missing or not what was written."""
    content = _read(path)
    if sha256(content) != digest:
        raise StudyConflict(
            "the file is not what was written",
            where=str(path),
            expected=f"SHA-256 {digest[:16]}...",
            found=f"{sha256(content)[:16]}..., {len(content):,} bytes",
            remedy=RESTORE,
        )
    return content


def sealed(content: Mapping[str, Any]) -> bytes:
    """Encode a mapping as JSON that carries its own digest."""
    seal = sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    return (json.dumps({**content, _SEAL: seal}, indent=2) + "\n").encode()


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a mapping back; raises StudyConflict if the file is missing or not what was written."""
    raw = _read(path)
    try:
        content = json.loads(raw)
        del content[_SEAL]
        good = sealed(content) == raw
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        expected = f"JSON whose `{_SEAL}` is the digest of its other keys"
        raise StudyConflict("the file is not what was written", where=str(path), expected=expected, remedy=RESTORE)
    result: dict[str, Any] = content
    return result


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        found = error.strerror or str(error)
        raise StudyConflict("the file cannot be read", where=str(path), found=found, remedy=RESTORE) from None


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn the file system's refusal into a message; what was committed before is not affected."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            "the study's folder cannot be written",
            where=str(path),
            found=error.strerror or str(error),
            remedy="make room or mend the permissions, then run the same command: it resumes the study",
        ) from error
