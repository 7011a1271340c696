"""Pages to look at, of studies and backtests: what `backsweep report` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.report import write
from backsweep.study.results.study import Study, open_study
from backsweep.study.store.folder import StudyFolder

if TYPE_CHECKING:
    from pathlib import Path


def write_report(study: Study | str | Path, out: str | Path | None = None) -> str:
    """Write a study, or a backtest's folder, as one HTML file that loads nothing; return where it is.

    `study` is a study, its folder or URL, or the folder that `backsweep backtest` or `Replay.write` has written. `out`
    is the file, `report.html` in the folder by default; an earlier page is replaced. `bs.run` writes none, the command
    `backsweep run` does. Raises StudyConflict where there is neither.
    """
    if isinstance(study, Study):
        return write.write_report(study, out)
    place = None if StudyFolder(study).exists else write.write_backtest_report(study, out)
    return place or write.write_report(open_study(study), out)
