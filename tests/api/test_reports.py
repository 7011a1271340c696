"""Reports are written from Python as by the command."""

import pytest

import backsweep as bs
from backsweep.errors import StudyConflict


def test_a_study_and_its_folder_give_the_same_page(bench, tmp_path):
    bench.run("study", bench.sweep())
    folder = bench.folder / "study"
    place = bs.write_report(bs.open_study(folder))
    assert place == str(folder / "report.html")
    assert bs.write_report(str(folder), tmp_path / "page.html") == str(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == (folder / "report.html").read_bytes()


def test_a_folder_that_holds_neither_is_refused(tmp_path):
    with pytest.raises(StudyConflict):
        bs.write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []
