"""Arguments and options that several commands have, and how a command that takes long is ended."""

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
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the file, for instance search.batch=128."),
]
Workers = Annotated[int | None, typer.Option(help="How many processes run trials.", min=1)]
Backend = Annotated[
    str | None,
    typer.Option(metavar="inline|ray", help="In this process, or in Ray's.  [default: ray if workers > 1]"),
]
Address = Annotated[str | None, typer.Option(metavar="local|auto|HOST:PORT", help="Where Ray is.")]
Trials = Annotated[int | None, typer.Option(help="How many trials, instead of search.trials.", min=1)]
Seed = Annotated[int | None, typer.Option(help="The seed, instead of search.seed.", min=0)]


@contextmanager
def interruptible(said: str) -> Iterator[None]:
    """Leave with exit code 130, and with what is `said`, on Ctrl-C or on SIGTERM, which is a batch system's Ctrl-C."""
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        echo(said, err=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
