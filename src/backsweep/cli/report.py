"""`backsweep report`: a study as a page to look at."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backsweep.cli.console import echo
from backsweep.cli.options import interruptible
from backsweep.errors import BadInput

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
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Serve the page to this machine's browsers, anew when the study has grown."),
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of --follow.  [default: any free one]", min=1, max=65535)
    ] = None,
) -> None:
    """Write a study or a backtest as one HTML file that loads nothing: verdict, record, trials, parameters, trades.

    An earlier page is replaced. Of a study that is running, the page is of the trials so far. A backtest is the folder
    that `backsweep backtest` has written. With --follow nothing is written: the page of a study, which another process
    may be running, is at an address of this machine alone until Ctrl-C, and loads itself anew when the study has grown.

    For example:
    - backsweep report studies/demo

    - backsweep report studies/demo --out demo.html --open

    - backsweep report backtests/demo

    - backsweep report studies/demo --follow

    """
    if follow:
        _follow(study, out, port, open_it=open_it)
        return
    if port is not None:
        raise BadInput("--port is of --follow", found=f"--port {port} alone", remedy="add --follow, or leave it out")
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without

    place = backsweep.write_report(study, out)
    echo(f"written: {place}")
    if open_it:
        typer.launch(place)


def _follow(study: str, out: Path | None, port: int | None, *, open_it: bool) -> None:
    """Serve the page until Ctrl-C."""
    from backsweep.cli.follow import HERE, FollowedReport, serve  # noqa: PLC0415 - as above

    if out is not None:
        remedy = "leave one of them out"
        raise BadInput("--follow writes no file", found=f"--out {out}", remedy=remedy)
    report = FollowedReport(study)
    try:
        server = serve(report, port or 0)
    except OSError as error:
        remedy = "choose another --port, or leave it out"
        raise BadInput(f"port {port} cannot be listened at", found=error.strerror or "", remedy=remedy) from None
    address = f"http://{HERE}:{server.server_port}/"
    with server, interruptible("no longer served; a running study goes on"):
        echo(f"at {address} until Ctrl-C")
        if open_it:
            typer.launch(address)
        server.serve_forever()


def write_after_run(study: Study) -> None:
    """Write the page of a study whose run has ended; what prevents it is a warning, as the trials are complete."""
    from backsweep.report.write import write_report  # noqa: PLC0415 - as above

    try:
        echo(f"report: {write_report(study)}")
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has succeeded
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        command = f"backsweep report {shlex.quote(str(study.path))} --debug"
        echo(f"warning: the report was not written: {what}; `{command}` says where; the trials are complete", err=True)
