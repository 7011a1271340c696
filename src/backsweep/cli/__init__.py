"""The command line: `backsweep COMMAND`; exit codes 0 done, 1 failed trials or a bug, 2 bad input, 130 interrupted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from backsweep.cli.backtest import backtest
from backsweep.cli.check import check
from backsweep.cli.holdout import holdout
from backsweep.cli.null import null
from backsweep.cli.run import run
from backsweep.cli.show import show
from backsweep.cli.submit import submit
from backsweep.errors import BacksweepError

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="backsweep",
    help="Run one trading strategy under very many parameter sets, and see which of them deserve belief.",
    epilog="Begin with: backsweep check sweeps/demo.yaml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for command in (run, backtest, show, null, holdout, check, submit):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        import backsweep  # noqa: PLC0415 - finding the version takes a moment

        typer.echo(f"backsweep {backsweep.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show an error's traceback; anywhere on the line.")] = False,
) -> None:
    """Run one trading strategy under very many parameter sets, and see which of them deserve belief."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; leaves the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        app([argument for argument in given if argument != "--debug"], prog_name="backsweep")
    except BacksweepError as error:
        if debug:
            raise
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        typer.echo(f"internal error: {type(error).__name__}: {error}", err=True)
        typer.echo("  remedy:   run again with --debug and report the traceback", err=True)
        sys.exit(1)
