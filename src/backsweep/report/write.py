"""Writing pages: of a study into its folder or elsewhere, of a backtest, and of studies that are compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backsweep.report.backtest_sections import backtest_sections
from backsweep.report.comparison import comparison_sections, name_studies
from backsweep.report.page import render_page
from backsweep.report.study_sections import study_sections, verdict_line
from backsweep.storage.open import open_files
from backsweep.study.store.documents import validated
from backsweep.study.store.run_records import read_run_records
from backsweep.study.store.selected import PARAMS, REWRITE
from backsweep.sweepfile.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.study.results.study import Study

REPORT = "report.html"


def report_bytes(study: Study, state: str = "") -> bytes:
    """Return a study's page; with a `state` one that follows its server."""
    return render_page(f"Backtest study {study.sweep.study}", verdict_line(study), study_sections(study), state)


def write_report(study: Study, out: str | Path | None = None) -> str:
    """Write a study's page to `out`, or to `report.html` in the study, replacing an earlier one; return its place."""
    return _write(report_bytes(study), study.path, out)


def write_backtest_report(folder: str | Path, out: str | Path | None = None) -> str | None:
    """Write the page of a backtest's folder to `out`, or to `report.html` in it; return its place.

    None where the folder holds no records of a backtest, or not all of them.
    """
    files = open_files(folder)
    found = read_run_records(files, "")
    if found is None:
        return None
    making = found[0].making
    sweep = None if making is None else validated(files, PARAMS, Sweep, making.sweep, REWRITE)
    title = "Backtest" if sweep is None else f"Backtest of {sweep.study}"
    page = render_page(title, "One parameter set: no verdict", backtest_sections(*found, sweep))
    return _write(page, folder, out)


def write_comparison(studies: Sequence[Study], out: str | Path) -> str:
    """Write a page that compares studies; return its place. Raises BadInput for fewer than two."""
    title = "Studies compared: " + ", ".join(name_studies(studies))
    return _write(
        render_page(title, f"{len(studies)} studies, a verdict for each", comparison_sections(studies)), "", out
    )


def _write(page: bytes, folder: str | Path, out: str | Path | None) -> str:
    files, name = (open_files(folder), REPORT) if out is None else (open_files(Path(out).parent), Path(out).name)
    files.replace(name, page)
    return files.where(name)
