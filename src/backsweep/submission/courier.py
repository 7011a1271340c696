"""A study's folder, carried from the cluster through a job's log: no file system has to be shared.

On the cluster `python -m backsweep.submission.courier FOLDER` writes the files to its output, in lines: a head with
name, size and digest, the content in base64, and at last the number of files. Here every file is compared with its
digest and written as a run would write it: whole or not at all, and never over another. The manifest's entries come
after the parts that they name, so a folder that was fetched by half is a shorter study, and the next fetch goes on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backsweep.errors import BacksweepError, StudyConflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE, DATA, END = "backsweep-file ", "backsweep-data ", "backsweep-end "

_BLOCK = 192 * 2**10  # bytes a line, before base64
_ONCE = ("study.json", "sessions.parquet", "trials", "returns", "folds", "manifest")  # in the order of sending
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_NUMBER = re.compile(r"part-(\d+)")


@dataclass(frozen=True)
class Delivery:
    """What came: files and bytes, those included that were here already."""

    files: int
    size: int


def send(folder: Path, skip: int = 0) -> Iterator[str]:
    """Give the lines that carry a study's folder, without the parts of its first `skip` trials.

    A study that still runs is sent as far as it was committed when this began.
    """
    entries = {path for path in folder.glob("manifest/*") if _is_wanted(path, skip)}
    files = [path for name in _ONCE for path in _files(folder / name) if _is_wanted(path, skip)]
    files = [path for path in files if path.parent.name != "manifest" or path in entries]
    files += [path for path in _files(folder) if path.relative_to(folder).parts[0] not in {*_ONCE, "lease"}]
    for path in files:
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        head = {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        yield FILE + json.dumps(head)
        for start in range(0, len(content), _BLOCK):
            yield DATA + base64.b64encode(content[start : start + _BLOCK]).decode()
    yield END + json.dumps({"files": len(files)})


def receive(pieces: Iterable[str], folder: Path) -> Delivery:
    """Write the files that a log carries, given in pieces of any length; other lines are left out.

    Raises StudyConflict for a file that lies here with another content, BacksweepError if the log is damaged or ends
    too early.
    """
    head: dict[str, Any] | None = None
    content = bytearray()
    files = size = 0
    for line in _lines(pieces):
        if line.startswith(DATA):
            content += _decode(line.removeprefix(DATA))
        elif line.startswith((FILE, END)):
            if head is not None:
                _keep(folder, head, bytes(content))
                files, size = files + 1, size + len(content)
                content.clear()
            if line.startswith(END):
                _expect(files == json.loads(line.removeprefix(END))["files"], "a file is missing")
                return Delivery(files, size)
            head = json.loads(line.removeprefix(FILE))
    raise _damaged("it ends too early")


def _files(place: Path) -> list[Path]:
    found = [place] if place.is_file() else place.rglob("*")
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def _is_wanted(path: Path, skip: int) -> bool:
    number = _NUMBER.match(path.name)
    return number is None or int(number.group(1)) >= skip


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Cut pieces of text into lines; a last one without an end is left out."""
    waiting: list[str] = []
    for piece in pieces:
        first, *others = piece.split("\n")
        waiting.append(first)
        for other in others:
            yield "".join(waiting)
            waiting = [other]


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _damaged("a line is not base64") from None


def _keep(folder: Path, head: dict[str, Any], content: bytes) -> None:
    name = str(head["name"])
    _expect(_NAME.fullmatch(name) is not None, f"a file called {name!r}")
    digest = hashlib.sha256(content).hexdigest()
    _expect((len(content), digest) == (head["size"], head["sha256"]), f"{name} came with another digest")
    path = folder / name
    from backsweep.study.files import put  # noqa: PLC0415 - the sender does without

    if name.partition("/")[0] not in _ONCE:
        _replace(path, content)
    elif not put(path, content) and name != "study.json" and path.read_bytes() != content:
        raise StudyConflict(
            "this file and the cluster's are of different runs",
            where=str(path),
            expected="a folder that holds nothing, or what was fetched from there before",
            remedy="give another folder with --out",
        )


def _replace(path: Path, content: bytes) -> None:
    """Write a file that later runs may write again, such as the records of the best trial."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _expect(good: bool, otherwise: str) -> None:
    if not good:
        raise _damaged(otherwise)


def _damaged(found: str) -> BacksweepError:
    return BacksweepError(
        "the study did not come through whole", found=found, remedy="run the same command again: it fetches the rest"
    )


def main(folder: str, skip: str = "0") -> int:
    """Send a folder to the output; returns the exit code of the command line."""
    place = Path(os.path.expandvars(folder)).expanduser()
    if not (place / "study.json").exists():
        sys.stderr.write(f"error: {place}: no study here\n")
        return 2
    for line in send(place, int(skip)):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
