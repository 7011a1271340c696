"""Files that are written once, whole or not at all, and read as they were written or not at all.

Every file of a study goes through `Files`. It has two implementations, a folder (`local_files`) and an object store
(`object_files`); both put a file if it is absent as one atomic step, and everything else is built on that.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from backsweep.errors import BadInput, StudyConflict
from backsweep.study.secrets import refuse_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

RESTORE = "restore the file from a copy, or begin again in another folder with --out"
RESUME = "then run the same command: it resumes the study"
SCHEMES = ("s3", "gs")

_SEAL = "sha256"  # the key under which a JSON file holds the digest of its other keys


class Files(Protocol):
    """A place with files. Their names are relative to it and may have a folder, `trials/part-0`.

    Reading raises StudyConflict for a file that cannot be read, everything else BadInput where the place refuses;
    then the same call may be made again.
    """

    @property
    def location(self) -> Path | str:
        """The folder, or the URL."""
        ...

    def where(self, name: str) -> str:
        """Say where a file is, for messages."""
        ...

    def exists(self, name: str) -> bool:
        """Tell whether a file is there."""
        ...

    def contents(self) -> list[str]:
        """List all that lies directly in this place, folders and what is hidden too, without what `tidy` removes."""
        ...

    def names(self, folder: str) -> list[str]:
        """List the files directly in a folder by their whole names, sorted; none if there is no such folder."""
        ...

    def get(self, name: str) -> bytes:
        """Read a file."""
        ...

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Read files in their order, several at a time where each has far to come."""
        ...

    def put(self, name: str, content: bytes) -> bool:
        """Write a file unless it exists; False if it did, with another content. After a crash it is there or not."""
        ...

    def replace(self, name: str, content: bytes) -> None:
        """Write a file, over the one that is there; BadInput if what is there is no file."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there; BadInput if what is there is no file."""
        ...

    def touch(self, name: str, content: bytes) -> None:
        """Change what `touched` says, if the file is there with this content."""
        ...

    def touched(self, name: str) -> object | None:
        """Give what changes whenever a file is written or touched; None if it is not there."""
        ...

    def tidy(self, folder: str) -> None:
        """Remove what a `put` that was killed has left in a folder, and then the folder if nothing is in it."""
        ...

    def parent(self) -> Files:
        """Give the place in which this one lies."""
        ...

    def inside(self) -> Sequence[Files]:
        """Give the places directly in this one, sorted."""
        ...


def open_files(location: str | Path) -> Files:
    """Open a folder, or an object store by its URL: `s3://bucket/prefix`, `gs://bucket/prefix`.

    Nothing is made or looked for yet. Raises BadInput for an empty location, another kind of URL, one that holds a
    secret, or without the `cloud` extra.
    """
    if not str(location).strip() or "\0" in str(location):
        raise BadInput(
            "the place of a study is empty, or no text",
            expected="a folder, " + " or ".join(f"{known}://BUCKET/PREFIX" for known in SCHEMES),
            found=repr(str(location)),
            remedy="give a folder of its own, such as studies/NAME; a variable of the shell may have been empty",
        )
    scheme, separator, _ = str(location).partition("://")
    if separator:
        refuse_secret(str(location), "the address of a study or of records")
    else:
        from backsweep.study.local_files import LocalFiles  # noqa: PLC0415 - each place loads only itself

        return LocalFiles(Path(location))
    if scheme in SCHEMES:
        from backsweep.study.object_files import ObjectFiles  # noqa: PLC0415 - needs an extra

        return ObjectFiles(str(location))
    raise BadInput(
        "a study cannot be kept at this URL",
        where=str(location),
        expected="a folder, " + " or ".join(f"{known}://BUCKET/PREFIX" for known in SCHEMES),
        found=f"{scheme}://",
        remedy="give a folder or one of these with --out",
    )


def sha256(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def checked(content: bytes, digest: str, where: str) -> bytes:
    """Pass on what was read, if its digest is that of what was written; raises StudyConflict if not."""
    if sha256(content) != digest:
        raise StudyConflict(
            "the file is not what was written",
            where=where,
            expected=f"SHA-256 {digest[:16]}...",
            found=f"{sha256(content)[:16]}..., {len(content):,} bytes",
            remedy=RESTORE,
        )
    return content


def sealed(content: Mapping[str, Any]) -> bytes:
    """Encode a mapping as JSON that carries its own digest."""
    seal = sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    return (json.dumps({**content, _SEAL: seal}, indent=2) + "\n").encode()


def unsealed(raw: bytes, where: str) -> dict[str, Any]:
    """Decode what `sealed` has encoded; raises StudyConflict if it is not that any more."""
    try:
        content = json.loads(raw)
        del content[_SEAL]
        good = sealed(content) == raw
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        expected = f"JSON whose `{_SEAL}` is the digest of its other keys"
        raise StudyConflict("the file is not what was written", where=where, expected=expected, remedy=RESTORE)
    result: dict[str, Any] = content
    return result


def unreadable(where: str, found: str) -> StudyConflict:
    """Make the error for a file that cannot be read."""
    remedy = f"let this user read it, or {RESTORE}"
    return StudyConflict("the file cannot be read", where=where, found=found, remedy=remedy)
