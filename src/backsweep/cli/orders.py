"""`backsweep orders`: what a study's selected parameters would send for the next bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from backsweep.cli.console import (
    echo,
    make_console,
    make_listing,
    print_columns,
    print_warnings,
    write_data,
)
from backsweep.cli.forms import Form, Format, write_json
from backsweep.cli.options import Overrides, SweepFile
from backsweep.report.formats import format_number, format_param, format_params

if TYPE_CHECKING:
    from backsweep.api.orders import NextOrders

HEADINGS = {
    "positions": "positions",
    "working": "working orders",
    "send": "to send for the next bar",
    "cancel": "to cancel",
}


def orders(
    sweep: SweepFile,
    study: Annotated[
        str | None, typer.Option(metavar="DIR", help="The study's folder or URL.  [default: studies/STUDY]")
    ] = None,
    trial: Annotated[int | None, typer.Option(help="Use this trial instead of the selected one.", min=0)] = None,
    form: Form = Format.table,
    overrides: Overrides = None,
) -> None:
    """Run a study's selected parameters on today's data: positions, working orders, and orders for the next bar.

    For example:
    - backsweep orders sweeps/demo.yaml --study studies/demo

    - backsweep orders sweeps/demo.yaml --study studies/demo --trial 17 --format csv

    """
    from backsweep.api.orders import next_orders  # noqa: PLC0415 - loads Polars and Numba, which --help does without

    found = next_orders(sweep, study, trial=trial, overrides=overrides or ())
    if form is Format.json:
        tables = {name: table.to_dicts() for name, table in found.tables().items()}
        write_json({**_head(found), **tables})
    elif form is Format.csv:
        write_data(_csv(found))
        echo(f"{_trial(found)}; data: {found.data}", err=True)
    else:
        _print(found)
    if form is not Format.json:
        print_warnings(found.notes)


def _head(found: NextOrders) -> dict[str, object]:
    names = ("study", "trial", "reason", "params", "last_bar", "data", "notes")
    return {name: getattr(found, name) for name in names}


def _trial(found: NextOrders) -> str:
    return found.reason if found.trial is None else f"trial {found.trial}: {found.reason}"


def _csv(found: NextOrders) -> str:
    """Return the four tables as one, with `table` in front of each row."""
    import polars as pl  # noqa: PLC0415 - loaded by now

    named = [table.insert_column(0, pl.lit(name).alias("table")) for name, table in found.tables().items()]
    return pl.concat(named, how="diagonal").write_csv()


def _print(found: NextOrders) -> None:
    import polars as pl  # noqa: PLC0415 - loaded by now

    console, zone = make_console(), ZoneInfo(found.zone)
    about = {
        "trial": found.reason if found.trial is None else f"{found.trial}: {found.reason}",
        "last bar": f"{found.last_bar.astimezone(zone):%Y-%m-%d %H:%M} {found.zone}",
        "data": found.data,
    }
    params = {
        name: format_params(value) if isinstance(value, dict) else format_param(value)
        for name, value in found.params.items()
    }
    console.print(make_listing({**about, **params}))
    for name, table in found.tables().items():
        if name == "cancel" and not len(table):
            continue
        echo("")
        echo(f"{HEADINGS[name]}: {len(table) or 'none'}")
        shown = [column for column in table.columns if table[column].null_count() < len(table)]
        if shown:
            local = table.with_columns(pl.col(pl.Datetime).dt.convert_time_zone(found.zone))
            columns = {column: [format_number(value, 10) for value in local[column]] for column in shown}
            print_columns(console, columns)
