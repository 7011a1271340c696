"""The notebook runs as the program that it is, and shows what it says."""

import runpy
from pathlib import Path

import pytest
from plotly.graph_objects import Figure

import backsweep as bs

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"


@pytest.mark.slow
def test_the_first_study_runs_from_its_data_to_a_verdict_and_leaves_a_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = runpy.run_path(str(NOTEBOOKS / "first_study.py"))["app"]
    outputs, defined = app.run()
    study = bs.open_study(tmp_path / "studies" / "first-study")
    assert len(study.trials) == 64
    assert defined["verdict"].verdict == study.statistics.verdict.verdict
    assert defined["by_slippage"]["trials"].sum() == 64
    assert defined["trades"].equals(study.backtest().trades)
    assert sum(isinstance(each, Figure) for each in outputs) == 4
    shown = "".join(each.text for each in outputs if hasattr(each, "text"))
    assert "better than the best of 64 would be by chance" in shown


def test_every_notebook_is_named_by_a_page():
    pages = "".join(page.read_text() for page in (NOTEBOOKS.parents[1] / "README.md", *NOTEBOOKS.parent.glob("*.md")))
    assert [path.name for path in NOTEBOOKS.glob("*.py") if f"notebooks/{path.name}" not in pages] == []
