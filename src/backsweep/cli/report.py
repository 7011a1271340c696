"""`backsweep report`: a study as a page to look at."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backsweep.cli.console import echo

if TYPE_CHECKING:
    from backsweep.study.results.study import Study


Place = Annotated[
    str, typer.Argument(metavar="STUDY|BACKTEST", help="The folder of a study or a backtest.", show_default=False)
]


def report(
    study: Place,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="The file.  [default: report.html in the folder]")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write a study or a backtest as one HTML file that loads nothing: verdict, record, trials, parameters, trades.

    An earlier page is replaced. Of a study that is running, the page is of the trials so far. A backtest is the folder
    that `backsweep backtest` has written.

    For example:
    - backsweep report studies/demo

    - backsweep report studies/demo --out demo.html --open

    - backsweep report backtests/demo

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without

    place = backsweep.write_report(study, out)
    echo(f"written: {place}")
    if open_it:
        typer.launch(place)


def write_after_run(study: Study) -> None:
    """Write the page of a study whose run has ended; what prevents it is a warning, as the trials are complete."""
    from backsweep.report.write import write_report  # noqa: PLC0415 - as above

    try:
        echo(f"report: {write_report(study)}")
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has succeeded
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        command = f"backsweep report {shlex.quote(str(study.path))} --debug"
        echo(f"warning: the report was not written: {what}; `{command}` says where; the trials are complete", err=True)
