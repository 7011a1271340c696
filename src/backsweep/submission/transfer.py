"""A study's folder, carried from the cluster through a job's log: no file system or store has to be shared.

On the cluster `python -m backsweep.submission.transfer PLACE` writes the files to its output, in lines: a head with
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
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backsweep.errors import BacksweepError, StudyConflict
from backsweep.home import expand_home
from backsweep.storage.open import open_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE, DATA, END = "backsweep-file ", "backsweep-data ", "backsweep-end "

_BLOCK = 192 * 2**10  # bytes a line, before base64
_LONGEST_LINE = 2 * _BLOCK
_MOST_NOISE = 2**26  # characters of lines that are not ours, such as warnings
_MOST_BYTES = 2**36  # of all files
_ONCE = ("study.json", "sessions.parquet", "trials", "returns", "folds", "blocks", "manifest")  # in order of sending
_AGAIN = ("null", "selected", "touches", "report.html")
"""What later runs and commands may write again. The lease stays, and `looks`: what was tried there before it."""
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_NUMBER = re.compile(r"part-([0-9]{1,16})")


@dataclass(frozen=True)
class Delivery:
    """What came: files and bytes, those included that were here already."""

    files: int
    size: int


def send(folder: Path | str, skip: int = 0) -> Iterator[str]:
    """Yield the lines that carry a study, from its folder or URL, without the parts of its first `skip` trials.

    A study that still runs is sent as far as it was committed when this began.
    """
    place = open_files(folder)
    entries = {name for name in place.names("manifest") if _is_wanted(name, skip)}
    here = {name for name in (*_ONCE, *_AGAIN) if "." in name and place.exists(name)}
    found = [each for name in (*_ONCE, *_AGAIN) for each in ([name] if name in here else place.names(name))]
    names = [name for name in found if _is_wanted(name, skip) and _NAME.fullmatch(name)]
    names = [name for name in names if not name.startswith("manifest/") or name in entries]
    for name in names:
        content = place.get(name)
        head = {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        yield FILE + json.dumps(head)
        for start in range(0, len(content), _BLOCK):
            yield DATA + base64.b64encode(content[start : start + _BLOCK]).decode()
    yield END + json.dumps({"files": len(names)})


def receive(pieces: Iterable[str], folder: Path | str) -> Delivery:
    """Write the files that a log carries, given in pieces of any length; other lines are left out.

    Raises StudyConflict for a file that lies here with another content, BacksweepError if the log is damaged or ends
    too early.
    """
    head: dict[str, Any] | None = None
    content = bytearray()
    files = size = noise = 0
    for line in _lines(pieces):
        if line.startswith(DATA):
            content += _decode(line.removeprefix(DATA))
            _expect(head is not None and len(content) <= head["size"], "a file is longer than was said")
            _expect(size + len(content) <= _MOST_BYTES, f"more than {_MOST_BYTES:,} bytes")
        elif line.startswith((FILE, END)):
            if head is not None:
                _keep(folder, head, bytes(content))
                files, size = files + 1, size + len(content)
                content.clear()
            if line.startswith(END):
                _expect(files == _parse(line.removeprefix(END), {"files": int})["files"], "a file is missing")
                return Delivery(files, size)
            head = _parse(line.removeprefix(FILE), {"name": str, "size": int, "sha256": str})
        else:
            noise += len(line)
            _expect(noise <= _MOST_NOISE, f"more than {_MOST_NOISE:,} characters that are no part of a study")
    raise _damaged("it ends too early")


def _is_wanted(name: str, skip: int) -> bool:
    number = _NUMBER.match(name.rpartition("/")[2])
    return number is None or int(number[1]) >= skip


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Cut pieces of text into lines; a last one without an end is left out."""
    waiting: list[str] = []
    length = 0
    for piece in pieces:
        first, *others = piece.split("\n")
        waiting.append(first)
        length = length + len(first) if not others else len(others[-1])
        _expect(length <= _LONGEST_LINE, "a line without end")
        for other in others:
            yield "".join(waiting)
            waiting = [other]


def _parse(text: str, kinds: dict[str, type]) -> dict[str, Any]:
    """Read a line's JSON: a mapping with these keys of these types."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged("a line is not JSON") from None
    good = isinstance(found, dict) and all(type(found.get(key)) is kind for key, kind in kinds.items())
    _expect(good, "a line lacks what belongs into it")
    return dict(found)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _damaged("a line is not base64") from None


def _keep(folder: Path | str, head: dict[str, Any], content: bytes) -> None:
    name = head["name"]
    known = _NAME.fullmatch(name) is not None and name.partition("/")[0] in (*_ONCE, *_AGAIN)
    _expect(known, f"a file called {name!r}")
    digest = hashlib.sha256(content).hexdigest()
    _expect((len(content), digest) == (head["size"], head["sha256"]), f"{name} came with another digest")
    files = open_files(folder)
    if name.partition("/")[0] not in _ONCE:
        files.replace(name, content)  # later runs may write it again, such as the records of the best trial
    elif not files.put(name, content) and name != "study.json" and files.get(name) != content:
        raise StudyConflict(
            "this file and the cluster's are of different runs",
            where=files.where(name),
            expected="a folder that holds nothing, or what was fetched from there before",
            remedy="give another folder with --out",
        )


def _expect(good: bool, otherwise: str) -> None:
    if not good:
        raise _damaged(otherwise)


def _damaged(found: str) -> BacksweepError:
    return BacksweepError(
        "the study did not come through whole", found=found, remedy="run the same command again: it fetches the rest"
    )


def main(folder: str, skip: str = "0") -> int:
    """Send a folder, or what lies at a URL, to the output; returns the exit code of the command line."""
    place = folder if "://" in folder else expand_home(os.path.expandvars(folder))
    try:
        if not open_files(place).exists("study.json"):
            raise StudyConflict("no study here", where=str(place))
        for line in send(place, int(skip)):
            sys.stdout.write(line + "\n")
    except BacksweepError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
