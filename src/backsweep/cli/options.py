"""Arguments and options that several commands have, and the interruption of long commands."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backsweep.cli.console import echo
from backsweep.cli.ending import INTERRUPTED, interrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

SweepFile = Annotated[Path, typer.Argument(metavar="SWEEP.yaml", help="The sweep file.", show_default=False)]
StudyPlace = Annotated[str, typer.Argument(metavar="STUDY", help="The study's folder or URL.", show_default=False)]
StudyOut = Annotated[
    str | None,
    typer.Option("--out", metavar="DIR", help="The study folder, or s3://BUCKET/PREFIX.  [default: studies/STUDY]"),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the file, for instance search.batch=128."),
]
Workers = Annotated[int | None, typer.Option(help="Number of worker processes.", min=1)]
Backend = Annotated[
    str | None,
    typer.Option(metavar="inline|ray", help="Run in this process, or in Ray workers.  [default: ray if workers > 1]"),
]
Address = Annotated[str | None, typer.Option(metavar="local|auto|HOST:PORT", help="The Ray cluster to use.")]
Trials = Annotated[int | None, typer.Option(help="Number of trials; overrides search.trials.", min=1)]
Seed = Annotated[int | None, typer.Option(help="Random seed; overrides search.seed.", min=0)]


@contextmanager
def interruptible(message: str) -> Iterator[None]:
    """Exit with code 130 and a `message` on Ctrl-C or SIGTERM, which batch systems send."""
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        echo(message, err=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
