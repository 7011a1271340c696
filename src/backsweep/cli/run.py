"""`backsweep run`: start a study, or resume it."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from backsweep.cli.check import Overrides, SweepFile


def run(
    sweep: SweepFile,
    workers: Annotated[int | None, typer.Option(help="How many processes run trials.", min=1)] = None,
    backend: Annotated[
        str | None,
        typer.Option(metavar="inline|ray", help="In this process, or in Ray's.  [default: ray if workers > 1]"),
    ] = None,
    address: Annotated[str | None, typer.Option(metavar="local|auto|HOST:PORT", help="Where Ray is.")] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The study folder, or s3://BUCKET/PREFIX.  [default: studies/STUDY]"),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="How many trials, instead of search.trials.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="The seed, instead of search.seed.", min=0)] = None,
    overrides: Overrides = None,
) -> None:
    """Run the study of a sweep file, or resume it: the same command, and Ctrl-C or SIGTERM is safe.

    For example:
    - backsweep run sweeps/demo.yaml

    - backsweep run sweeps/demo.yaml --workers 4 --trials 5000

    - backsweep run sweeps/demo.yaml --backend inline --out studies/try --set search.sampler=sobol

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.cli.progress import show_progress  # noqa: PLC0415 - a bar is for those who run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a batch system's stop is a Ctrl-C
    try:
        with show_progress() as show:
            study = backsweep.run(
                sweep,
                workers=workers,
                backend=backend,
                address=address,
                out=out,
                trials=trials,
                seed=seed,
                overrides=overrides or (),
                progress=show,
            )
    except KeyboardInterrupt:
        typer.echo("interrupted: what was finished is kept, and the same command resumes the study", err=True)
        raise typer.Exit(130) from None
    state = study.state
    typer.echo(f"{state.done:,} trials are in {study.path}; see the best: backsweep show {study.path}")
    if state.failed:
        first = study.trials.filter(study.trials["state"] == "FAIL").row(0, named=True)
        typer.echo(f"{state.failed:,} of them failed; the first is trial {first['number']}: {first['error']}", err=True)
        raise typer.Exit(1)
