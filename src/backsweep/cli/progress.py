"""The progress of a running study: a bar on a terminal, a line per batch elsewhere; both on standard error."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from backsweep.cli.console import make_console
from backsweep.report.formats import format_number
from backsweep.study.table.columns import VALUE, VALUES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from backsweep.study.run.progress import Progress


_COUNTABLE = 10.0
"""Trials per second below which the speed has two significant digits, so that a slow study is not one of 0."""


class Clock:
    """Formats a study's progress; the speed is that of this run, without trials of earlier runs."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._start: tuple[float, int] | None = None

    def describe(self, progress: Progress) -> str:
        """Return trials per second, the best so far, failures and the time left.

        Speed and time left follow from two looks between which trials were committed; before that they are left out.
        """
        now = self._now()
        start, before = self._start = self._start or (now, progress.done)
        speed = (progress.done - before) / (now - start) if now > start else 0.0
        standing = f"best {_best(progress.best)} · {progress.failed:,} failed"
        if not speed > 0.0:
            return standing
        left = _duration((progress.total - progress.done) / speed)
        pace = f"{speed:,.0f}" if speed >= _COUNTABLE else f"{speed:.2g}"
        return f"{pace} trials/s · {standing} · {left} left"


@contextmanager
def show_progress(console: Console | None = None) -> Iterator[Callable[[Progress], None]]:
    """Yield the function that shows a study's progress while the block runs."""
    console = console or make_console(stderr=True)
    clock = Clock()
    if not console.is_terminal:
        yield _Log(console, clock)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}"),
    )
    with Bar(*columns, console=console, transient=False) as bar:
        task = bar.add_task("starting", total=None, text="")

        def show(progress: Progress) -> None:
            description = f"{progress.done:,}/{progress.total:,}"
            text = clock.describe(progress)
            bar.update(task, total=progress.total, completed=progress.done, description=description, text=text)

        yield show


class _Log:
    """Writes a line when a batch has been committed, and at the end."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._batches = 0

    def __call__(self, progress: Progress) -> None:
        text = self._clock.describe(progress)
        if progress.batches != self._batches:
            self._batches = progress.batches
            line = f"batch {progress.batches:,} · {progress.done:,} of {progress.total:,} trials · {text}"
            with suppress(OSError):  # the run goes on without a terminal
                self._console.print(line, soft_wrap=True)


def _best(row: dict[str, Any] | None) -> str:
    if row is None:
        return "-"
    return " ".join(format_number(value) for name, value in row.items() if name == VALUE or name.startswith(VALUES))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
