"""Conversion of panics of Polars, which is written in Rust, to exceptions, without their text on stderr."""

from __future__ import annotations

import faulthandler
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = threading.RLock()


class PanicError(Exception):
    """A panic of Polars, mostly at a damaged file; `except Exception` does not catch Polars' own exception."""


@contextmanager
def panics_caught() -> Iterator[None]:
    """Raise PanicError instead of Polars' exception, and keep its text and stack trace off stderr.

    Rust writes them to descriptor 2 from its own threads. Output to it is buffered meanwhile, and written afterwards
    unless there was a panic; on systems without `memfd_create` it is not buffered. A process that aborts meanwhile, as
    after a failed allocation, prints Python's stack.
    """
    with _LOCK, _held_stderr() as held:
        try:
            yield
        except pl.exceptions.PanicException as panic:
            if held is not None:
                os.ftruncate(held, 0)
                os.lseek(held, 0, os.SEEK_SET)
            raise PanicError(str(panic)) from None


@contextmanager
def _held_stderr() -> Iterator[int | None]:
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield None
        return
    held = os.memfd_create("stderr") if hasattr(os, "memfd_create") else None
    reports = not faulthandler.is_enabled()
    try:
        if held is not None:
            os.dup2(held, 2)
        if reports:
            faulthandler.enable(kept)
        yield held
    finally:
        if reports:
            faulthandler.disable()
        os.dup2(kept, 2)
        os.close(kept)
        if held is not None:
            _release(held)


def _release(held: int) -> None:
    """Write what was held to stderr, as far as it takes it."""
    try:
        os.lseek(held, 0, os.SEEK_SET)
        while block := os.read(held, 1 << 16):
            os.write(2, block)
    except OSError:
        pass
    finally:
        os.close(held)
