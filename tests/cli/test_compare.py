"""`compare` on two studies: a table, JSON, a page."""

import json


def test_two_studies_are_compared_and_a_page_is_written(sweep, command, tmp_path):
    few = ("--trials", 8, "--set", "search.batch=4")
    assert command("run", sweep, *few, "--out", "one")[0] == 0
    assert command("run", sweep, *few, "--seed", 4, "--out", "two")[0] == 0
    code, out, err = command("compare", "one", "two", "--out", "page.html")
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:2] == ["Verdict", "one two"]
    assert "search.seed 3 4" in lines
    assert "trials 8 8" in lines
    assert lines[-1] == "written: page.html"
    assert "Growth over the same sessions" in (tmp_path / "page.html").read_text()
    code, out, _ = command("compare", "one", "two", "--format", "json")
    assert json.loads(out)["How they were made"]["search.seed"] == {"one": "3", "two": "4"}
    code, _, err = command("compare", "one")
    assert (code, err.splitlines()[0]) == (2, "error: nothing to compare")


def test_a_backtest_has_a_page_and_any_other_folder_is_refused(sweep, command, tmp_path):
    assert command("backtest", sweep, "--param", "entry=0.5", "--out", "bt")[0] == 0
    assert command("report", "bt")[:2] == (0, "written: bt/report.html\n")
    assert "One parameter set: no verdict" in (tmp_path / "bt" / "report.html").read_text()
    (tmp_path / "empty").mkdir()
    code, _, err = command("report", "empty")
    assert code == 2
    assert "no study here" in err
