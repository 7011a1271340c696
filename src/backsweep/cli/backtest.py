"""`backsweep backtest`: one parameter set, with full records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from backsweep.cli.console import (
    echo,
    make_console,
    make_listing,
    print_benchmarks,
    print_warnings,
)
from backsweep.cli.forms import Form, Format, write_json, write_values
from backsweep.cli.options import Overrides, SweepFile
from backsweep.errors import BadInput
from backsweep.report.formats import format_metric, format_param, format_params

Params = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A parameter's value; others have the strategy's defaults."),
]


def backtest(
    sweep: SweepFile,
    param: Params = None,
    trial: Annotated[int | None, typer.Option(help="Use the parameters of this trial of --study.")] = None,
    study: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of the study with that trial; of groups of assets also without one."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder for the records.  [default: backtests/STUDY]")
    ] = None,
    interpreted: Annotated[
        bool, typer.Option("--interpreted", help="Run as plain Python: slow, same results.")
    ] = False,
    form: Form = Format.table,
    overrides: Overrides = None,
) -> None:
    """Run one parameter set: print its metrics, write its fills, trades, equity and orders.

    For example:
    - backsweep backtest sweeps/demo.yaml --param entry=1.5 --param stop_multiple=2

    - backsweep backtest sweeps/demo.yaml --trial 17 --study studies/demo

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without

    params = _read_params(param or [])
    done = backsweep.replay(
        sweep, params, trial=trial, study=study, compiled=not interpreted, overrides=overrides or ()
    )
    folder = done.write(out if out is not None else Path("backtests") / done.study)
    if form is not Format.table:
        content: dict[str, dict[str, Any]] = {"params": done.groups or done.params, "metrics": done.result.metrics}
        if form is Format.json:
            reasons, warnings = done.result.reasons, list(done.result.warnings)
            write_json({**content, "undefined": reasons, "warnings": warnings, "records": str(folder)})
        else:
            write_values(content)
            print_warnings(done.result.warnings)
        return
    console = make_console()
    if done.params:
        console.print(make_listing({name: format_param(value) for name, value in done.params.items()}))
        console.print()
    if done.groups:
        console.print(make_listing({name: format_params(values) for name, values in done.groups.items()}))
        console.print()
    console.print(make_listing({name: format_metric(name, value) for name, value in done.result.metrics.items()}))
    console.print()
    print_benchmarks(console, done.result.benchmarks)
    print_warnings(done.result.warnings)
    echo(f"fills, trades, equity and orders are in {folder}")


def _read_params(texts: list[str]) -> dict[str, float | int | bool | str | None]:
    """Read NAME=VALUE pairs; values are numbers, texts, true, false or null."""
    from backsweep.sweepfile.strict_yaml import parse_value  # noqa: PLC0415 - loads the YAML reader

    params = {}
    for text in texts:
        name, _, written = text.partition("=")
        value = parse_value(written, f"--param {text}")
        if not name or not written or not isinstance(value, bool | int | float | str | None):
            raise BadInput(
                "the parameter cannot be read",
                where=f"--param {text}",
                expected="NAME=VALUE with a number, a text, true, false or null",
                remedy="for instance --param entry=1.5",
            )
        params[name.strip()] = value
    return params
