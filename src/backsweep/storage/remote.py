"""Reading objects by their URLs: data in S3 and compatible stores, in Google Cloud Storage and in Azure.

Location and credentials of a store come from the environment, as `storage.object_store` says. What a store does not
give, for whatever reason, is an OSError with its reason in one line.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backsweep.errors import BadInput
from backsweep.storage.object_store import RETRIES

import obstore  # isort: skip - below object_store, which says what is missing where it is not installed
from obstore.exceptions import BaseError  # isort: skip - the same
from obstore.store import from_url  # isort: skip - the same

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMES = ("s3", "gs", "abfs", "abfss")


def list_below(url: str) -> list[str]:
    """Return the URLs of all objects below a prefix, sorted; of the object itself where `url` names one."""
    store, path = _open(url)
    with _asking():
        if path and _is_object(store, path):
            return [url]
        found = [item["path"] for batch in obstore.list(store, path or None) for item in batch]
    return sorted(f"{url.rstrip('/')}{each.removeprefix(path.rstrip('/')) if path else '/' + each}" for each in found)


def size_and_time(url: str) -> tuple[int, int]:
    """Return an object's size in bytes, and when it was last changed: nanoseconds of UTC by the store's clock."""
    store, path = _open(url)
    with _asking():
        meta = obstore.head(store, path)
    return meta["size"], int(meta["last_modified"].timestamp()) * 1_000_000_000


def open_stream(url: str) -> io.BufferedReader:
    """Open an object for reading bytes, at any place in it."""
    store, path = _open(url)
    with _asking():
        return io.BufferedReader(_Stream(obstore.open_reader(store, path)), 1 << 20)


class _Stream(io.RawIOBase):
    """A reader of the store's package as a raw stream of Python."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _asking():
            content = memoryview(self._reader.read(len(buffer)))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _asking():
            return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())


def _open(url: str) -> tuple[Any, str]:
    """Return the store of a URL, and the path in it."""
    scheme, _, rest = url.partition("://")
    bucket, _, path = rest.partition("/")
    if scheme not in SCHEMES:
        raise BadInput(
            "cannot open this URL",
            where=url,
            expected=", ".join(f"{known}://" for known in SCHEMES) + " or file://",
            found=f"{scheme}://",
            remedy="download the data first, or put it into an object store",
        )
    with _asking():
        return from_url(f"{scheme}://{bucket}", retry_config=RETRIES), path


def _is_object(store: Any, path: str) -> bool:
    try:
        obstore.head(store, path)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _asking() -> Iterator[None]:
    """Convert errors of the store, or of reaching it."""
    try:
        yield
    except (BaseError, ValueError) as error:
        raise OSError(str(error).splitlines()[0][:240]) from error
