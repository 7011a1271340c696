"""A study's page: its sections in their order, offline, beside the study and no part of its digest."""

import re

import pytest

from backsweep.report.write import report_bytes, write_report
from backsweep.study.results.study import open_study


@pytest.fixture
def study(bench):
    bench.run("study", bench.sweep())
    return open_study(bench.folder / "study")


def test_a_page_has_its_sections_in_order_and_loads_nothing(study):
    digest, place = study.digest(), write_report(study)
    page = (study.path / "report.html").read_text()
    assert place == str(study.path / "report.html")
    assert re.findall(r"<h2>(.*?)</h2>", page)[:3] == ["Verdict", "The selected trial, in sample", "Trials"]
    assert re.findall(r"<h2>(.*?)</h2>", page)[-1] == "How it was made"
    head, _, rest = page.partition("<script>/**")
    assert rest
    assert "http:" not in head
    assert "https:" not in head
    assert "Content-Security-Policy" in head
    assert len(page) < 10_000_000
    again = open_study(study.path)
    again.verify()
    assert again.digest() == digest


def test_the_ratio_of_the_selected_trial_stands_beside_what_noise_would_have_given(study):
    page = report_bytes(study).decode()
    (shown,) = re.findall(r"<dt>sharpe</dt><dd>(.*?)</dd>", page)
    assert re.search(r"best of [\d,]+ trials; noise would have given \d", shown)
    assert page.index("<h2>Verdict</h2>") < page.index("<dt>sharpe</dt>")


def test_failed_trials_are_listed_by_their_reasons(study):
    page = report_bytes(study).decode()
    failed = study.trials.filter(study.trials["state"] == "FAIL")
    assert len(failed)
    assert f"<dt>failed</dt><dd>{len(failed):,}</dd>" in page
    assert "Why trials failed" in page


def test_a_trial_that_violates_a_constraint_is_marked(bench):
    bench.run("none", bench.sweep(constraints=["trades >= 1000000"]))
    page = report_bytes(open_study(bench.folder / "none")).decode()
    assert ">infeasible</td>" in page
    assert ">complete</td>" not in page
