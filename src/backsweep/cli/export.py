"""`backsweep export`: a study in the files of other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from backsweep.cli.console import echo
from backsweep.cli.options import StudyPlace


class Target(StrEnum):
    """What the file is for."""

    csv = "csv"
    excel = "excel"
    optuna = "optuna"
    quantstats = "quantstats"


def export(
    study: StudyPlace,
    to: Annotated[Target, typer.Option("--to", help="Kind of file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="The file.  [default: STUDY with the kind's ending]")
    ] = None,
) -> None:
    """Write a study for another program; nothing is overwritten.

    `csv` and `excel` hold the study table, `optuna` is a journal that optuna-dashboard opens, `quantstats` the returns
    of the out-of-sample record or of the selected trial.

    For example:
    - backsweep export studies/demo --to csv --out demo.csv

    - backsweep export studies/demo --to optuna --out demo.journal

    - backsweep export studies/demo --to quantstats

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without
    from backsweep.api.exports import export as write  # noqa: PLC0415 - the same

    echo(f"written: {write(backsweep.open_study(study), to.value, out)}")
