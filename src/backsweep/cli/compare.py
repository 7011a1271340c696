"""`backsweep compare`: studies side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from backsweep.cli.console import echo, make_console, make_sheet, write_data
from backsweep.cli.show import Format
from backsweep.errors import BadInput


def compare(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY STUDY", help="Folders or URLs of studies.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="Write the comparison as a page, too.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.table,
) -> None:
    """Compare studies: verdicts, the same sessions, parameters, and what differs in how they were made.

    For example:
    - backsweep compare studies/demo studies/walk-forward

    - backsweep compare studies/demo studies/walk-forward --out comparison.html

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.report.comparison import WARNING, compare_studies, name_studies  # noqa: PLC0415 - the same
    from backsweep.report.write import write_comparison  # noqa: PLC0415 - the same

    if form is Format.csv:
        raise BadInput("comparisons have no CSV format", where="--format csv", remedy="use --format json")
    opened = [backsweep.open_study(study) for study in studies]
    names, found = name_studies(opened), compare_studies(opened)
    if form is Format.json:
        content = {
            title: {name: dict(zip(names, texts, strict=True)) for name, texts in lines.items()}
            for title, lines in found.items()
        }
        write_data(json.dumps(content, indent=2) + "\n")
    else:
        console = make_console()
        for title, lines in found.items():
            console.print(title, style="bold")
            console.print(make_sheet(("", *names), [(name, *texts) for name, texts in lines.items()]))
            console.print()
        echo(f"Note: {WARNING}")
    if out is not None:
        echo(f"written: {write_comparison(opened, out)}", err=form is Format.json)
