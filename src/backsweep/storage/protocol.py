"""What a place with files can do: the protocol that a folder (`local`) and an object store (`object_store`) implement.

Files are written once, whole or not at all, and read as they were written or not at all. Both places put a file if it
is absent as one atomic step, and everything else is built on that.
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

    Reading raises StudyConflict for a file that cannot be read, everything else BadInput where the place refuses;
    then the same call may be made again.
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
        """Return a value that changes whenever the file is written or touched; None if it does not exist."""
        ...

    def tidy(self, folder: str) -> None:
        """Remove what a `put` that was killed has left in a folder, and then the folder if nothing is in it."""
        ...

    def parent(self) -> Files:
        """Return the place that holds this one."""
        ...

    def inside(self) -> Sequence[Files]:
        """Return the places directly in this one, sorted."""
        ...


def unreadable(where: str, found: str) -> StudyConflict:
    """Make the error for a file that cannot be read."""
    remedy = f"make it readable for this user, or {RESTORE}"
    return StudyConflict("the file cannot be read", where=where, found=found, remedy=remedy)
