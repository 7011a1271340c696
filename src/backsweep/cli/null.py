"""`backsweep null`: the same search on histories without timing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from backsweep.cli.console import echo
from backsweep.cli.options import Address, Backend, Overrides, StudyOut, SweepFile, interruptible

if TYPE_CHECKING:
    from backsweep.api.nulls import NullProgress


def null(
    sweep: SweepFile,
    studies: Annotated[int, typer.Option(help="How many histories; 19 are needed for a p-value of 5 %.", min=1)] = 99,
    block: Annotated[int, typer.Option(help="Sessions that are permuted together.", min=1)] = 5,
    workers: Annotated[int | None, typer.Option(help="How many processes search histories.", min=1)] = None,
    backend: Backend = None,
    address: Address = None,
    out: StudyOut = None,
    overrides: Overrides = None,
) -> None:
    """Search histories whose sessions were put in another order, as the study was, and rank its result among them.

    The study must have been run. Again: goes on where it was ended; Ctrl-C or SIGTERM is safe. For example:

    - backsweep null sweeps/demo.yaml --studies 19

    - backsweep null sweeps/demo.yaml --studies 99 --workers 4
    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.cli.findings import show_null  # noqa: PLC0415 - the same

    with interruptible("interrupted: finished histories are kept, and the same command goes on"):
        study = backsweep.null_study(
            sweep,
            studies,
            block=block,
            workers=workers,
            backend=backend,
            address=address,
            out=out,
            overrides=overrides or (),
            progress=_tell,
        )
    show_null(study)


def _tell(progress: NullProgress) -> None:
    left = f"about {progress.seconds:,.0f} s left" if progress.done < progress.total else "done"
    echo(f"{progress.done:,} of {progress.total:,} histories · {left}", err=True)
