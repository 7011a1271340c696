"""`backsweep list`: the studies of a folder."""

from __future__ import annotations

from typing import Annotated

import typer

from backsweep.cli.console import make_console, print_columns, write_data
from backsweep.cli.forms import Form, Format, write_json
from backsweep.report.formats import format_metric


def list_studies(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The folder of studies, or its URL.")] = "studies",
    form: Form = Format.table,
) -> None:
    """List the studies of a folder, the latest first: state, trials, the best of each and its verdict.

    The best value is selected in hindsight; the verdict says what it is worth, given all trials and earlier studies.

    For example:
    - backsweep list

    - backsweep list studies --format csv

    """
    from backsweep.api.listing import list_studies as read  # noqa: PLC0415 - loads Polars and Numba, as --help does not

    found = read(folder)
    if form is Format.csv:
        write_data(found.write_csv())
    elif form is Format.json:
        write_json(found.to_dicts())
    else:
        rows = found.to_dicts()
        columns = {
            "study": [row["study"] for row in rows],
            "state": [row["state"] for row in rows],
            "trials": [_of(row["trials"], row["total"]) for row in rows],
            "best": [_best(row["objective"], row["best"]) for row in rows],
            "verdict": [row["verdict"] or "-" for row in rows],
            "last trial (UTC)": [f"{row['last']:%Y-%m-%d %H:%M}" if row["last"] else "-" for row in rows],
        }
        print_columns(make_console(), columns, left=True)


def _of(done: int | None, total: int | None) -> str:
    if done is None:
        return "-"
    return f"{done:,}" if total is None or total == done else f"{done:,} of {total:,}"


def _best(objective: str | None, value: float | None) -> str:
    name = (objective or "").partition(" ")[2]
    return f"{name} {format_metric(name, value)}" if value is not None else "-"
