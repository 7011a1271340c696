"""The report that `run` leaves, and what it says where there can be none."""

import pytest

from backsweep.sweepfile.sweep import Runtime


@pytest.fixture
def few(sweep):
    """Return the sweep file with a few trials."""
    sweep.write_text(sweep.read_text().replace("trials: 40", "trials: 8").replace("batch: 16", "batch: 4"))
    return sweep


def test_a_pause_and_a_run_leave_the_report_and_it_is_no_part_of_the_study(few, command, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Runtime, "seconds", 0.0)
        code, out, err = command("run", few)
    page = few.with_name("studies") / "small" / "report.html"
    assert code == 130, err
    assert "report: studies/small/report.html" in out
    assert "The study has not ended" in page.read_text()
    code, out, err = command("run", few)
    assert (code, err.count("warning")) == (0, 0)
    assert "The study has not ended" not in page.read_text()
    before = command("show", "studies/small", "--hash")[1]
    page.unlink()
    assert command("show", "studies/small", "--hash")[1] == before
    assert command("report", "studies/small")[1] == "written: studies/small/report.html\n"
    assert page.stat().st_size < 10e6


def test_a_report_that_cannot_be_written_fails_no_run_and_is_said(few, command, monkeypatch):
    def fail(_):
        raise RuntimeError("no ink\nat all")

    monkeypatch.setattr("backsweep.report.write.report_bytes", fail)
    code, out, err = command("run", few)
    assert code == 0
    assert "8 trials are in studies/small" in out
    assert "warning: the report was not written: RuntimeError: no ink; `backsweep report studies/small --debug`" in err
