"""Files in an object store: S3 and compatible stores, and Google Cloud Storage.

A file is put with a condition (`If-None-Match: *`; generation 0 with Google), so one of two writers wins. A request is
retried when its response is lost; then the store may reject a file that it has already stored. Therefore an existing
file with the same content counts as put.

Location and credentials of the store come from the environment, as for other tools: `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, the role of the machine, `AWS_ENDPOINT_URL` (with `AWS_ALLOW_HTTP=true` for a plain one);
`GOOGLE_SERVICE_ACCOUNT` or application default credentials.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from backsweep.errors import BadInput
from backsweep.storage.protocol import RESUME, unreadable

try:
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
    from obstore.store import from_url
except ImportError as error:
    raise BadInput(
        "object stores need a package that is not installed",
        expected="obstore",
        remedy="pip install 'backsweep[cloud]', or keep data and studies in folders",
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_AT_ONCE = 8  # files that are read at a time
RETRIES: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}


class ObjectFiles:
    """The `Files` below a URL, `s3://bucket/prefix`."""

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/")
        scheme, _, rest = self.location.partition("://")
        bucket, _, self._prefix = rest.partition("/")
        self._bucket = f"{scheme}://{bucket}"
        with self._asking():
            self._store: Any = from_url(self._bucket, retry_config=RETRIES)

    def where(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.location}/{name}"

    def exists(self, name: str) -> bool:
        """Return whether the file exists."""
        return self.touched(name) is not None

    def contents(self) -> list[str]:
        """List files and prefixes directly below the URL."""
        with self._asking():
            listed = obstore.list_with_delimiter(self._store, self._prefix or None)
        found = [*(item["path"] for item in listed["objects"]), *listed["common_prefixes"]]
        return sorted(path.removeprefix(self._prefix).strip("/") for path in found)

    def names(self, folder: str) -> list[str]:
        """List the files directly below a prefix."""
        with self._asking():
            listed = obstore.list_with_delimiter(self._store, self._path(folder))["objects"]
        return sorted(item["path"].removeprefix(self._prefix).lstrip("/") for item in listed)

    def get(self, name: str) -> bytes:
        """Read a file."""
        try:
            with self._asking():
                return bytes(obstore.get(self._store, self._path(name)).bytes())
        except FileNotFoundError:
            raise unreadable(self.where(name), "no such object") from None

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Read files in order, several ahead."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            coming: deque[Future[bytes]] = deque()
            for name in names:
                coming.append(pool.submit(self.get, name))
                if len(coming) == _AT_ONCE:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()

    def put(self, name: str, content: bytes) -> bool:
        """Write a file if the store has none of that name."""
        try:
            self._put(name, content, "create")
        except AlreadyExistsError:
            return self.get(name) == content
        return True

    def replace(self, name: str, content: bytes) -> None:
        """Write a file, over the one that is there."""
        self._put(name, content, "overwrite")

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._asking(), suppress(FileNotFoundError):
            obstore.delete(self._store, self._path(name))

    def touch(self, name: str, content: bytes) -> None:
        """Write a file again, if the store still has the version that was read."""
        with suppress(FileNotFoundError, PreconditionError), self._asking():
            found = obstore.get(self._store, self._path(name))
            if bytes(found.bytes()) == content:
                version = {key: found.meta[key] for key in ("e_tag", "version") if found.meta.get(key) is not None}
                self._put(name, content, version)

    def touched(self, name: str) -> object | None:
        """Version and time of an object, by the store's clock."""
        try:
            with self._asking():
                meta = obstore.head(self._store, self._path(name))
        except FileNotFoundError:
            return None
        return meta["e_tag"], meta["version"], meta["last_modified"]

    def tidy(self, folder: str) -> None:
        """Do nothing: objects are written atomically, and there are no folders."""

    def parent(self) -> ObjectFiles:
        """Return the prefix above this one; at the top, the bucket itself."""
        return ObjectFiles(f"{self._bucket}/{self._prefix.rpartition('/')[0]}")

    def inside(self) -> list[ObjectFiles]:
        """Return the prefixes directly below this one."""
        with self._asking():
            found = obstore.list_with_delimiter(self._store, self._prefix or None)["common_prefixes"]
        return [ObjectFiles(f"{self._bucket}/{prefix}") for prefix in sorted(found)]

    def _path(self, name: str) -> str:
        return f"{self._prefix}/{name}".strip("/")

    def _put(self, name: str, content: bytes, mode: Any) -> None:
        with self._asking():
            try:
                obstore.put(self._store, self._path(name), content, mode=mode, use_multipart=False)
            except FileNotFoundError as error:
                raise self._refused(error) from error

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Convert errors of the store, or of reaching it."""
        try:
            yield
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            raise
        except (BaseError, ValueError, OSError) as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> BadInput:
        return BadInput(
            "the object store rejects the request or does not answer",
            where=self.location,
            expected="a bucket, and credentials in the environment that may read, write, list and delete in it",
            found=str(error).splitlines()[0][:240],
            remedy=f"check the URL and the credentials, {RESUME}",
        )
