"""A study in the files of other programs: tables, an Optuna journal, a series of returns."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from backsweep.errors import BadInput
from backsweep.storage.open import open_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from backsweep.study.results.study import Study

_EXCEL_ROWS = 2**20 - 1  # of a sheet, below its heading


def csv_bytes(study: Study) -> bytes:
    """Return the study table as text, with durations in seconds."""
    return with_seconds(study.trials).write_csv().encode()


def excel_bytes(study: Study) -> bytes:
    """Return a workbook of the study table, the folds' choices and the returns of the record, a sheet each.

    Raises BadInput where the package that writes workbooks is missing, or a table has more rows than a sheet.
    """
    try:
        from xlsxwriter import Workbook  # noqa: PLC0415 - optional
    except ImportError:
        remedy = 'pip install "backsweep[excel]"'
        raise BadInput("xlsxwriter is not installed", where="export to excel", remedy=remedy) from None
    sheets = {"trials": with_seconds(study.trials)}
    if study.has_folds:
        sheets["folds"] = study.walk_forward.folds.drop("numbers")
    if study.chosen:
        sheets["record"] = study.record
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as book:
        for name, table in sheets.items():
            if len(table) > _EXCEL_ROWS:
                expected, found = f"at most {_EXCEL_ROWS:,} rows in a sheet", f"{len(table):,} in `{name}`"
                raise BadInput(
                    "too many rows for Excel", where=str(study.path), expected=expected, found=found, remedy="use csv"
                )
            zones = [column for column, kind in table.schema.items() if isinstance(kind, pl.Datetime)]
            table.with_columns(pl.col(zones).dt.replace_time_zone(None)).write_excel(book, name, autofit=True)
    return content.getvalue()


def optuna_bytes(study: Study) -> bytes:
    """Return an Optuna journal, which `optuna-dashboard FILE` opens."""
    from backsweep.study.results.optuna_study import journal_bytes  # noqa: PLC0415 - loads Optuna

    return journal_bytes(study.sweep, study.space, study.trials)


def quantstats_bytes(study: Study) -> bytes:
    """Return date and return of every session of the record as text, as QuantStats reads a strategy's returns."""
    return study.record_by_date.write_csv().encode()


@dataclass(frozen=True)
class Export:
    """A kind of file: how it is encoded, and how its name ends."""

    encode: Callable[[Study], bytes]
    ending: str


EXPORTS = {
    "csv": Export(csv_bytes, ".csv"),
    "excel": Export(excel_bytes, ".xlsx"),
    "optuna": Export(optuna_bytes, ".journal"),
    "quantstats": Export(quantstats_bytes, ".returns.csv"),
}


def export(study: Study, to: str, out: str | Path | None = None) -> Path:
    """Write a study for another program and return the file; `to` is one of EXPORTS.

    `out` is the file, `<study><ending>` here if not given. Raises BadInput for an unknown `to` and for a file that
    exists already.
    """
    if to not in EXPORTS:
        raise BadInput("unknown export", where="to", expected=", ".join(EXPORTS), found=to)
    path = Path(out) if out is not None else Path(study.sweep.study + EXPORTS[to].ending)
    if path.exists():
        remedy = "choose another file with --out, or delete this one"
        raise BadInput("the file exists", where=str(path), expected="a new file", remedy=remedy)
    if not open_files(path.parent).put(path.name, EXPORTS[to].encode(study)):
        raise BadInput("the file exists", where=str(path), expected="a new file", remedy="choose another with --out")
    return path


def with_seconds(trials: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the study table with durations in seconds, for formats that have no durations."""
    if "duration" not in trials.columns:
        return trials
    return trials.with_columns(duration=trials["duration"].dt.total_microseconds() / 1e6)
