"""`backsweep init`: a sweep file for a file of bars, a strategy and a test of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backsweep.cli.check import describe_data
from backsweep.cli.console import echo, make_console, make_listing, print_warnings
from backsweep.cli.options import Overrides

if TYPE_CHECKING:
    from backsweep.dataset.sniff import Question


def init(
    datafile: Annotated[
        str,
        typer.Argument(metavar="DATAFILE", help="A file, folder, glob or URL with bars.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the files are written.")] = Path(),
    overrides: Overrides = None,
) -> None:
    """Look at a file of bars and write a sweep file that reads it, a strategy and a test of the strategy.

    The sweep file has the keys of `data` that the file needs, each with the reason. Where the file can be read in two
    ways, you are asked; without a terminal it is an error with both, and `--set` says which. Nothing is overwritten.

    For example:

    - backsweep init prices/AAPL.csv --out aapl

    - backsweep init prices.csv --set 'data.format.timestamp=%d/%m/%Y'
    """
    from backsweep.api.init import init as write_files  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.dataset.sniff import refuse  # noqa: PLC0415 - the same

    start = write_files(datafile, out, overrides=overrides or (), ask=_ask if _is_terminal() else refuse)
    console = make_console()
    console.print("Data", style="underline")
    console.print(make_listing(describe_data(start.shard)))
    console.print()
    print_warnings(start.shard.notes)
    sweep = start.folder / start.files[0]
    echo(f"written: {', '.join(str(start.folder / name) for name in start.files)}")
    echo(f"next: backsweep check {sweep}, then backsweep run {sweep}")


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _ask(question: Question) -> Any:
    """Ask on the terminal which reading is meant; returns its value."""
    echo(f"{question.where}: {question.about} can be read in {len(question.readings)} ways", err=True)
    echo(f"  {question.seen}", err=True)
    for number, (value, meaning) in enumerate(question.readings, start=1):
        echo(f"  {number}. {meaning} ({question.key}: {value})", err=True)
    while not 1 <= (chosen := typer.prompt("which", type=int, err=True)) <= len(question.readings):
        echo(f"a number from 1 to {len(question.readings)}", err=True)
    return question.readings[chosen - 1][0]
