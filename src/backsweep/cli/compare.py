"""`backsweep compare`: studies side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backsweep.cli.console import echo, make_console, make_sheet
from backsweep.cli.forms import Form, Format, write_json, write_values


def compare(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY STUDY", help="Folders or URLs of studies.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="Write the comparison as a page, too.")
    ] = None,
    form: Form = Format.table,
) -> None:
    """Compare studies: verdicts, the same sessions, parameters, and what differs in how they were made.

    For example:
    - backsweep compare studies/demo studies/walk-forward

    - backsweep compare studies/demo studies/walk-forward --out comparison.html

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.report.comparison import WARNING, compare_studies, name_studies  # noqa: PLC0415 - the same
    from backsweep.report.write import write_comparison  # noqa: PLC0415 - the same

    opened = [backsweep.open_study(study) for study in studies]
    names, found = name_studies(opened), compare_studies(opened)
    if form is not Format.table:
        content = {
            title: {name: dict(zip(names, texts, strict=True)) for name, texts in lines.items()}
            for title, lines in found.items()
        }
        write = write_json if form is Format.json else write_values
        write(content)
    else:
        console = make_console()
        for title, lines in found.items():
            console.print(title, style="bold")
            console.print(make_sheet(("", *names), [(name, *texts) for name, texts in lines.items()]))
            console.print()
        console.print(f"Note: {WARNING}", markup=False, highlight=False)
    if out is not None:
        echo(f"written: {write_comparison(opened, out)}", err=form is not Format.table)
