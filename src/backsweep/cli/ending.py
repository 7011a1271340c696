"""Handling of signals, also inside compiled code, and of output that cannot be encoded."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from backsweep.cli.console import echo, flush_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERRUPTED = 130

GRACE = 15.0
"""Seconds after SIGINT or SIGTERM until the process ends if its main thread has not handled the signal."""

_TWICE = "interrupted twice: stopped immediately; finished work is kept"

_seen = threading.Event()  # the main thread has handled a signal


def interrupt(_number: int, _frame: Any) -> None:
    """Handle SIGINT or SIGTERM: raise KeyboardInterrupt in the main thread, and end the process the second time."""
    if _seen.is_set():
        _end(_TWICE)
    _seen.set()
    raise KeyboardInterrupt


@contextmanager
def always_stoppable() -> Iterator[None]:
    """End the process with code 130 on a second SIGINT or SIGTERM, or on one that is not handled for 15 seconds.

    Python handles signals between two instructions of its main thread, so never while compiled code runs there. Another
    thread therefore reads the signal's number from a pipe: the compiled loop releases the GIL. A study loses nothing:
    commits are atomic, and the same command resumes it. A deferred signal, as while Ray starts, has another handler
    meanwhile and may stay unhandled until `interrupt` is called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _seen.clear()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # not where the shell has told it to ignore SIGINT
        signal.signal(signal.SIGINT, interrupt)
    threading.Thread(target=_watch, args=(reader,), daemon=True).start()
    try:
        yield
    finally:
        if not _seen.is_set():  # or the second one may come while Python takes itself down
            signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(writer)


def _watch(reader: int) -> None:
    """Read the numbers of signals until the pipe is closed."""
    stops = 0
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while number := pipe.read(1):
            stops += number[0] in {signal.SIGINT, signal.SIGTERM} and _is_handled(number[0])
            if stops == 1:
                threading.Thread(target=_end_unseen, args=(number[0],), daemon=True).start()
            if stops > 1:
                _end(_TWICE)


def _is_handled(number: int) -> bool:
    return signal.getsignal(number) not in {signal.SIG_IGN, signal.SIG_DFL}


def _end_unseen(number: int) -> None:
    while not _seen.wait(GRACE):
        if signal.getsignal(number) is interrupt:
            _end("interrupted: stopped inside compiled code; finished work is kept")


def _end(message: str) -> None:
    echo(message, err=True)
    os._exit(INTERRUPTED)


@contextmanager
def clean_output() -> Iterator[None]:
    """Write what the output cannot encode as escapes, and warnings of backsweep's loggers as lines of their own."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logger, handler = logging.getLogger("backsweep"), _Lines()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        flush_errors()


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        echo(record.getMessage(), err=True)
