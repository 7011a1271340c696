"""The command line: `backsweep COMMAND`; exit codes 0 done, 1 failed trials or a bug, 2 bad input, 130 interrupted."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from backsweep.cli.backtest import backtest
from backsweep.cli.check import check
from backsweep.cli.compare import compare
from backsweep.cli.console import LostOutput, echo, echo_lines
from backsweep.cli.ending import always_stoppable, clean_output
from backsweep.cli.export import export
from backsweep.cli.holdout import holdout
from backsweep.cli.init import init
from backsweep.cli.listing import list_studies
from backsweep.cli.null import null
from backsweep.cli.orders import orders
from backsweep.cli.report import report
from backsweep.cli.run import run
from backsweep.cli.show import show
from backsweep.cli.submit import submit
from backsweep.errors import BacksweepError, BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="backsweep",
    help="Run one trading strategy under very many parameter sets, and test which results are more than luck.",
    epilog="Start with: backsweep check sweeps/demo.yaml",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for command in (init, run, backtest, show, compare, report, orders, export, null, holdout, check, submit):
    app.command()(command)
app.command(name="list")(list_studies)


def _print_version(wanted: bool) -> None:
    if wanted:
        import backsweep  # noqa: PLC0415 - finding the version takes a moment

        echo(f"backsweep {backsweep.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Print an error's traceback; anywhere on the line.")] = False,
) -> None:
    """Run one trading strategy under very many parameter sets, and test which results are more than luck."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; leaves the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    with clean_output(), always_stoppable():
        try:
            code = _run([argument for argument in given if argument != "--debug"] or ["--help"])
        except Exception as error:
            if debug:
                sys.excepthook = _print_traceback
                raise
            code = _print_error(error)
    sys.exit(code)


def _print_traceback(*error: Any) -> None:
    echo_lines("".join(traceback.format_exception(*error)), err=True)


def _run(arguments: list[str]) -> int:
    """Run a command; returns its exit code."""
    try:
        return app(arguments, prog_name="backsweep", standalone_mode=False) or 0
    except TyperException as error:
        if (context := getattr(error, "ctx", None)) is not None:
            echo_lines(context.get_usage(), err=True)
        echo(f"error: {error.format_message()}", err=True)
        return 2


def _print_error(error: Exception) -> int:
    """Print an error in words; returns the exit code."""
    if isinstance(error, OSError) and error.filename is not None:
        error = BadInput(
            "the operating system cannot access this file or folder",
            where=os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename),
            found=error.strerror or type(error).__name__,
            remedy="choose another path, or correct its permissions or free disk space",
        )
    if isinstance(error, BacksweepError):
        if isinstance(error, LostOutput) and error.closed:
            return error.exit_code
        echo_lines(f"error: {error}", err=True)
        return error.exit_code
    echo(f"internal error: {type(error).__name__}: {error}", err=True)
    echo("  remedy:   run again with --debug and report the traceback", err=True)
    return 1
