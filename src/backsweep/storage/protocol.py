"""The protocol of a place with files, which a folder (`local`) and an object store (`object_store`) implement.

Files are written once and atomically, and read as they were written or not at all. Both places have an atomic
put-if-absent, on which everything else is built.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from backsweep.errors import StudyConflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

RESTORE = "restore the file from a copy, or start again in another folder with --out"

RESUME = "then run the same command: it resumes the study"


class Files(Protocol):
    """A place with files. Their names are relative to it and may have a folder, `trials/part-0`.

    Reading raises StudyConflict for a file that cannot be read; all other failures raise BadInput, and the call can be
    repeated.
    """

    @property
    def location(self) -> Path | str:
        """The folder, or the URL."""
        ...

    def where(self, name: str) -> str:
        """Return the path or URL of a file, for messages."""
        ...

    def exists(self, name: str) -> bool:
        """Return whether the file exists."""
        ...

    def contents(self) -> list[str]:
        """List everything directly in this place, folders and hidden files too, except what `tidy` removes."""
        ...

    def names(self, folder: str) -> list[str]:
        """List the files directly in a folder by their full names, sorted; none if there is no such folder."""
        ...

    def get(self, name: str) -> bytes:
        """Read a file."""
        ...

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Read files in their order, several at a time from a remote store."""
        ...

    def put(self, name: str, content: bytes) -> bool:
        """Write a file unless it exists; False if it exists with other content. Atomic, also in a crash."""
        ...

    def replace(self, name: str, content: bytes) -> None:
        """Write a file, replacing an existing one; BadInput if that is not a regular file."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it exists; BadInput if it is not a regular file."""
        ...

    def touch(self, name: str, content: bytes) -> None:
        """Change what `touched` returns, if the file exists with this content."""
        ...

    def touched(self, name: str) -> object | None:
        """Return a value that changes whenever the file is written or touched; None if it does not exist."""
        ...

    def tidy(self, folder: str) -> None:
        """Remove what a killed `put` has left in a folder, and the folder if it is empty then."""
        ...

    def parent(self) -> Files:
        """Return the place that holds this one."""
        ...

    def inside(self) -> Sequence[Files]:
        """Return the places directly in this one, sorted."""
        ...


def unreadable(where: str, found: str) -> StudyConflict:
    """Return the error for a file that cannot be read."""
    remedy = f"make it readable for this user, or {RESTORE}"
    return StudyConflict("the file cannot be read", where=where, found=found, remedy=remedy)
