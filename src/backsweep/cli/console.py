"""Formatting of lines, numbers and tables; all output of the command line goes through here.

Output may contain names and texts of others, so every line and every cell is made `clean` (see `printable`), and square
brackets and colons in it are no markup. Where standard error cannot be written, the message is lost and the command
continues; a command whose standard output cannot be written ends.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from rich.console import Console
from rich.table import Table

from backsweep.errors import BacksweepError
from backsweep.printable import clean, mask_secrets, printable
from backsweep.report.formats import format_metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl
    from rich.text import Text

WIDTH = 100
"""Columns of a table that goes to a file or a pipe."""

GAP = 2
"""Columns between two of a table."""

_WIDEST = 120


class LostOutput(BacksweepError):  # noqa: N818 - the name is the message
    """Standard output cannot be written, or is `closed` by its reader, such as `head`."""

    def __init__(self, error: OSError) -> None:
        super().__init__("the output cannot be written", found=error.strerror or str(error))
        self.closed = isinstance(error, BrokenPipeError)


class _Output:
    """Standard output; its errors become LostOutput, and all further output is discarded."""

    def write(self, text: str) -> None:
        if sys.stdout is not None:
            with _lost():
                sys.stdout.write(text)

    def flush(self) -> None:
        if sys.stdout is not None:
            with _lost():
                sys.stdout.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _discard(sys.stdout)
        raise LostOutput(error) from error


def _discard(stream: IO[str]) -> None:
    """Discard what a stream still holds: Python would write it at its end, with a message and a code of its own."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Console(Console):
    """A console whose texts are printable and without secrets; their line ends stay."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(_clean_lines(text), **options)


def make_console(*, stderr: bool = False) -> Console:
    """Return a console for standard output, at most 120 columns wide, or for standard error."""
    file = None if stderr else cast("IO[str]", _Output())
    console = _Console(highlight=False, soft_wrap=False, markup=False, emoji=False, stderr=stderr, file=file)
    console.width = min(console.width, _WIDEST) if console.is_terminal else WIDTH
    return console


def echo(line: str, *, err: bool = False) -> None:
    """Print one line to standard output, or to standard error, where it is lost if that cannot be written."""
    echo_lines(clean(line), err=err)


def echo_lines(text: str, *, err: bool = False) -> None:
    """Print a text whose line ends are its own, such as that of an error."""
    _write(_clean_lines(text) + "\n", err=err)


def write_data(text: str) -> None:
    """Write a table or JSON to standard output as it is, for other programs; on a terminal made clean."""
    _write(_clean_lines(text) if sys.stdout is not None and sys.stdout.isatty() else text, err=False)


def write_log(text: str) -> None:
    """Write a part of a log to standard error: part of a line, or several lines."""
    _write(_clean_lines(text), err=True)


def _write(text: str, *, err: bool) -> None:
    if not err:
        output = _Output()
        output.write(text)
        output.flush()
    elif sys.stderr is not None:
        with suppress(OSError, ValueError):  # ValueError: it has been closed
            sys.stderr.write(text)
        flush_errors()


def flush_errors() -> None:
    """Write what standard error still holds; where it cannot be written that is lost."""
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except OSError:
            _discard(sys.stderr)
        except ValueError:  # it has been closed
            pass


def _clean_lines(text: str) -> str:
    return "\n".join(mask_secrets(printable(line)) for line in text.split("\n"))


def print_warnings(texts: Sequence[str], *, err: bool = True) -> None:
    """Print warnings, a line each."""
    for text in texts:
        echo(f"warning: {text}", err=err)


def print_next(trials: int, study: Path | str) -> None:
    """Print where a study's trials are, and the commands that show it."""
    place = shlex.quote(str(study))
    echo(f"{trials:,} trials are in {study}; next: backsweep show {place}, or backsweep report {place}")


def print_worth(study: Path | str) -> None:
    """Print the commands that say what the best trials of a study are worth."""
    place = shlex.quote(str(study))
    echo(f"what the best is worth: backsweep show {place} --statistics, or backsweep report {place}")


def print_columns(console: Console, columns: Mapping[str, Sequence[str]], *, left: bool = False) -> None:
    """Print columns under their headings, numbers to the right or texts to the `left`, as one table.

    A long heading breaks after its dots and underscores. Columns stand closer where the width needs it; those that do
    not fit even so are left out, the last ones first, and named below.
    """
    shown = {clean(name): [*map(clean, cells)] for name, cells in columns.items()}
    gap = GAP if _width(shown, GAP) <= console.width else 1
    missing: list[str] = []
    while len(shown) > 2 and _width(shown, gap) > console.width:
        missing.insert(0, shown.popitem()[0])
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
    for heading in shown:
        justify: Literal["left", "right"] = "left" if left else "right"
        table.add_column("\n".join(_break(heading)), justify=justify, no_wrap=True, vertical="bottom")
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    console.print(table)
    if missing:
        console.print(f"left out, as the width does not suffice: {', '.join(missing)}; --format json has all")
    console.print()


def _width(columns: Mapping[str, Sequence[str]], gap: int) -> int:
    widest = (max(map(len, [*_break(heading), *cells])) for heading, cells in columns.items())
    return sum(width + gap for width in widest) - gap


def _break(heading: str) -> list[str]:
    return re.findall(r"[^._]+[._]?|[._]", heading)


def print_benchmarks(console: Console, figures: pl.DataFrame | None) -> None:
    """Print the figures of benchmarks over all sessions that count (`Study.benchmark`), if there are any."""
    if figures is None:
        return
    rows = figures.filter(figures["fold"].is_null()).drop("fold")
    columns = {name: [format_metric(name, value) for value in rows[name]] for name in rows.columns[1:]}
    print_columns(console, {"beside": [name.replace("_", " ") for name in rows["benchmark"]], **columns})


def make_sheet(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Lay out texts in columns under headings; long ones go on in the next line."""
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(clean(heading), overflow="fold", vertical="top")
    for row in rows:
        table.add_row(*map(clean, row))
    return table


def make_listing(entries: Mapping[str, str]) -> Table:
    """Lay out names and texts, one pair a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in entries.items():
        table.add_row(clean(name), clean(text))
    return table
