"""A Google Cloud Storage on this machine: as much of its XML interface as a study needs, one request at a time.

Requests and answers are those of https://cloud.google.com/storage/docs/xml-api: `x-goog-if-generation-match` makes a
`PUT` conditional (0: no such object yet), every version of an object has a generation, and listings are paged.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import threading
from contextlib import contextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING
from unittest import mock
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "the-token"  # noqa: S105 - it opens nothing
PAGE = 5  # names in one answer to a listing


class FakeStorage:
    """The objects of one bucket, and what became of the requests."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int, str]] = {}
        self.refused = 0  # conditional puts whose condition did not hold
        self.lose = 0  # so many answers to puts that were done are lost
        self.change_after_get: tuple[str, bytes] | None = None  # what another writer puts after the next look at it
        self._generations = itertools.count(1)

    @Request.application
    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Response("<Error><Code>AuthenticationRequired</Code></Error>", 401)
        bucket, _, name = unquote(request.path).lstrip("/").partition("/")
        if bucket != "bucket":
            return Response("<Error><Code>NoSuchBucket</Code></Error>", 404)
        if not name:
            return self._list({key: values[0] for key, values in parse_qs(request.query_string.decode()).items()})
        return {"GET": self._get, "HEAD": self._get, "PUT": self._put, "DELETE": self._delete}[request.method](
            name, request
        )

    def _get(self, name: str, _request: Request) -> Response:
        if name not in self.objects:
            return Response("<Error><Code>NoSuchKey</Code></Error>", 404)
        entry = self.objects[name]
        if self.change_after_get is not None and name == self.change_after_get[0]:
            self.objects[name] = (self.change_after_get[1], next(self._generations), entry[2])
            self.change_after_get = None
        return Response(entry[0], 200, self._headers(*entry))

    def _put(self, name: str, request: Request) -> Response:
        wanted = request.headers.get("x-goog-if-generation-match")
        present = self.objects[name][1] if name in self.objects else 0
        if wanted is not None and int(wanted) != present:
            self.refused += 1
            return Response("<Error><Code>PreconditionFailed</Code></Error>", 412)
        content = request.get_data()
        entry = self.objects[name] = (content, next(self._generations), formatdate(usegmt=True))
        if self.lose > 0:
            self.lose -= 1
            return Response("<Error><Code>ServiceUnavailable</Code></Error>", 503)
        return Response(b"", 200, self._headers(*entry))

    def _delete(self, name: str, _request: Request) -> Response:
        return Response(b"", 204 if self.objects.pop(name, None) else 404)

    @staticmethod
    def _headers(content: bytes, generation: int, modified: str) -> dict[str, str]:
        tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        return {"ETag": tag, "Last-Modified": modified, "x-goog-generation": str(generation)}

    def _list(self, query: dict[str, str]) -> Response:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        entries: dict[str, str] = {}
        for name in sorted(self.objects):
            if name.startswith(prefix):
                head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
                key = prefix + head + delimiter if found else name
                entries[key] = "folder" if found else "object"
        first = int(query.get("continuation-token", "0"))
        page = list(entries.items())[first : first + PAGE]
        more = first + PAGE < len(entries)
        body = "".join(self._entry(key, kind) for key, kind in page)
        following = f"<NextContinuationToken>{first + PAGE}</NextContinuationToken>" if more else ""
        return Response(
            f"<?xml version='1.0' encoding='UTF-8'?><ListBucketResult><Name>bucket</Name>"
            f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{following}{body}</ListBucketResult>",
            content_type="application/xml",
        )

    def _entry(self, key: str, kind: str) -> str:
        if kind == "folder":
            return f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
        content, generation, _ = self.objects[key]
        tag = self._headers(content, generation, "")["ETag"]
        return (
            f"<Contents><Key>{escape(key)}</Key><Generation>{generation}</Generation><Size>{len(content)}</Size>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{escape(tag)}</ETag></Contents>"
        )


@contextmanager
def gcs_server() -> Iterator[FakeStorage]:
    """Serve the bucket `bucket`, and set the environment so that everything here finds it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    storage = FakeStorage()
    server = make_server("127.0.0.1", 0, storage)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    environment = {
        "GOOGLE_BASE_URL": f"http://127.0.0.1:{server.port}",
        "GOOGLE_BEARER_TOKEN": TOKEN,
    }
    try:
        with mock.patch.dict(os.environ, environment):
            yield storage
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
