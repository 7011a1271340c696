"""`backsweep null`: the same search on permuted histories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from backsweep.cli.console import echo
from backsweep.cli.forms import Form, Format
from backsweep.cli.options import Address, Backend, Overrides, StudyOut, SweepFile, interruptible

if TYPE_CHECKING:
    from backsweep.api.nulls import NullProgress


def null(
    sweep: SweepFile,
    studies: Annotated[int, typer.Option(help="Permuted histories; at least 19 for a p-value of 5 %.", min=1)] = 99,
    block: Annotated[int, typer.Option(help="Sessions per permuted block.", min=1)] = 5,
    workers: Annotated[int | None, typer.Option(help="Number of worker processes.", min=1)] = None,
    backend: Backend = None,
    address: Address = None,
    out: StudyOut = None,
    form: Form = Format.table,
    overrides: Overrides = None,
) -> None:
    """Repeat a study's search on histories with permuted sessions, and rank its result among theirs.

    The study must have been run. The same command resumes; Ctrl-C or SIGTERM is safe. For example:

    - backsweep null sweeps/demo.yaml --studies 19

    - backsweep null sweeps/demo.yaml --studies 99 --workers 4
    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.cli.findings import show_null  # noqa: PLC0415 - the same

    with interruptible("interrupted: finished histories are kept; run the same command to resume"):
        study = backsweep.null_study(
            sweep,
            studies,
            block=block,
            workers=workers,
            backend=backend,
            address=address,
            out=out,
            overrides=overrides or (),
            progress=_print_progress,
        )
    show_null(study, form)


def _print_progress(progress: NullProgress) -> None:
    left = f"about {progress.seconds:,.0f} s left" if progress.done < progress.total else "done"
    echo(f"{progress.done:,} of {progress.total:,} histories · {left}", err=True)
