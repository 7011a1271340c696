"""Writing a study's page: into its folder, or into a file elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backsweep.report.page import render_page
from backsweep.report.study_sections import study_sections, verdict_line
from backsweep.storage.open import open_files

if TYPE_CHECKING:
    from backsweep.study.results.study import Study

REPORT = "report.html"


def report_bytes(study: Study) -> bytes:
    """Return a study's page."""
    return render_page(f"Backtest study {study.sweep.study}", verdict_line(study), study_sections(study))


def write_report(study: Study, out: str | Path | None = None) -> str:
    """Write a study's page to `out`, or to `report.html` in the study, replacing an earlier one; return its place."""
    if out is None:
        files, name = open_files(study.path), REPORT
    else:
        path = Path(out)
        files, name = open_files(path.parent), path.name
    files.replace(name, report_bytes(study))
    return files.where(name)
