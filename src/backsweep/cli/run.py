"""`backsweep run`: start a study, or resume it."""

from __future__ import annotations

import typer

from backsweep.cli.console import echo, print_next, print_warnings
from backsweep.cli.ending import INTERRUPTED
from backsweep.cli.options import (
    Address,
    Backend,
    Overrides,
    Seed,
    StudyOut,
    SweepFile,
    Trials,
    Workers,
    interruptible,
)
from backsweep.cli.report import write_after_run


def run(
    sweep: SweepFile,
    workers: Workers = None,
    backend: Backend = None,
    address: Address = None,
    out: StudyOut = None,
    trials: Trials = None,
    seed: Seed = None,
    overrides: Overrides = None,
) -> None:
    """Run the study of a sweep file, or resume it: the same command, and Ctrl-C or SIGTERM is safe.

    With folds it also goes on with data that have only grown: folds that are unchanged are kept, new ones run.
    At its end, and where `runtime.time_limit` pauses it, the report is written: report.html in the study's folder.

    For example:
    - backsweep run sweeps/demo.yaml

    - backsweep run sweeps/demo.yaml --workers 4 --trials 5000

    - backsweep run sweeps/demo.yaml --backend inline --out studies/try --set search.sampler=sobol

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.api.sweeps import study_warnings, sweep_warnings  # noqa: PLC0415 - as above
    from backsweep.cli.progress import show_progress  # noqa: PLC0415 - a bar is for those who run

    print_warnings(sweep_warnings(sweep, overrides=overrides or ()))
    message = "interrupted: committed trials are kept; run the same command to resume the study"
    with interruptible(message), show_progress() as show:
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
    state = study.state
    print_next(state.done, study.path)
    with interruptible("interrupted while the report was written: the trials are kept"):
        write_after_run(study)
    if state.ended:
        echo(f"it ended {state.ended}; a larger number goes on")
    print_warnings(study_warnings(study))
    if not study.has_folds and study.best is None and state.failed < state.done:
        reason = "none of them has a defined objective and meets the constraints"
        echo(f"{reason}; for the trades of one: backsweep backtest {sweep}", err=True)
    if state.failed:
        first = study.trials.filter(study.trials["state"] == "FAIL").row(0, named=True)
        error = "; ".join(line.strip() for line in str(first["error"]).splitlines())
        echo(f"{state.failed:,} of them failed; the first is trial {first['number']}: {error}", err=True)
    if not state.finished:
        echo("paused by runtime.time_limit: committed trials are kept; run the same command to go on", err=True)
        raise typer.Exit(INTERRUPTED)
    if state.failed:
        raise typer.Exit(1)
