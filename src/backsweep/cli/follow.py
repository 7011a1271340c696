"""`backsweep report STUDY --follow`: the report of a study that grows, served to a browser of this machine alone."""

from __future__ import annotations

import hashlib
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from backsweep.errors import BacksweepError
from backsweep.report import write
from backsweep.storage.open import open_files
from backsweep.study.results.study import open_study
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.selected import PARAMS, SELECTED

if TYPE_CHECKING:
    from pathlib import Path

HERE = "127.0.0.1"
"""The only address that is listened at: no other machine can connect."""
_SHARE = 5  # a page may be rendered for a fifth of the time


class FollowedReport:
    """The page of a study, rendered again when the study has grown; raises StudyConflict where there is none."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._state = self._page = b""
        self._next = 0.0  # when it may be rendered again
        self.page()

    def page(self) -> bytes:
        """Return the page of the study as it is now, or was a moment ago where rendering takes long."""
        with self._lock:
            state, begun = self._current(), time.monotonic()
            if state != self._state:
                self._page = write.report_bytes(open_study(self._path), state=state.decode())
                self._state, self._next = state, begun + (1 + _SHARE) * (time.monotonic() - begun)
            return self._page

    def state(self) -> bytes:
        """Return what changes when there is another page."""
        with self._lock:
            return self._current()

    def _current(self) -> bytes:
        """Return a digest of what was committed and selected; the page's until it may be rendered again."""
        if time.monotonic() < self._next:
            return self._state
        files, name = open_files(self._path), SELECTED + PARAMS
        selected = files.get(name) if files.exists(name) else b""
        commits = len(StudyFolder(self._path).entries())
        return hashlib.sha256(b"%d " % commits + selected).hexdigest()[:16].encode()


def serve(report: FollowedReport, port: int) -> ThreadingHTTPServer:
    """Return a server of the page at `/` and its state at `/state`, not yet serving; with port 0 any free one.

    A request that names another host than this one is refused: a page of the web whose name leads to this address
    would else read the report.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Host") not in {f"{name}:{self.server.server_port}" for name in (HERE, "localhost")}:  # type: ignore[attr-defined]  # a ThreadingHTTPServer
                self.send_error(HTTPStatus.FORBIDDEN, "another host's name")
                return
            known = {"/": ("text/html; charset=utf-8", report.page), "/state": ("text/plain", report.state)}
            if self.path not in known:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            kind, read = known[self.path]
            try:
                content = read()
            except BacksweepError as error:  # the study was moved, or is damaged
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "the study cannot be read", str(error))
                return
            self.send_response(HTTPStatus.OK)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(content))),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True  # Ctrl-C waits for no page

        def handle_error(self, *_: object) -> None:
            """Ignore a browser that has closed the connection."""

    return Server((HERE, port), Handler)
