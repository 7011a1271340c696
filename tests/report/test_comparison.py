"""Studies side by side: what is the same, what differs, and what is said of choosing among them."""

import numpy as np
import pytest

from backsweep.errors import BadInput
from backsweep.report.comparison import WARNING, _flat, common_returns, compare_studies, comparison_sections
from backsweep.report.parts import Chart, Text
from backsweep.study.results.study import open_study


@pytest.fixture
def studies(bench):
    bench.run("one", bench.sweep(trials=20, batch=10))
    bench.run("two", bench.sweep(trials=20, batch=10, seed=8), fingerprint="other data")
    return [open_study(bench.folder / name) for name in ("one", "two")]


def test_only_what_differs_is_listed_and_the_same_data_are_said(studies):
    one, two = studies
    made = compare_studies(studies)["How they were made"]
    assert made.keys() == {"data", "strategy", "search.seed"}
    assert made["search.seed"] == ["7", "8"]
    assert made["data"][0] != made["data"][1]
    assert made["strategy"] == ["the same", "the same"]
    assert compare_studies([one, one])["How they were made"] == {"data": ["the same"] * 2, "strategy": ["the same"] * 2}
    assert compare_studies(studies)["Selected parameters"]["entry"][1] == f"{two.best_params['entry']:.4g}"


@pytest.mark.parametrize(
    ("value", "text"), [(["a <= 1", 2.5], "[a <= 1, 2.5]"), (True, "true"), (None, "null"), ("0d", "0d"), ([], "[]")]
)
def test_a_value_is_written_as_in_a_sweep_file(value, text):
    assert _flat({"search": {"key": value}}) == {"search.key": text}


def test_records_are_compared_over_the_sessions_that_all_have(studies):
    common = common_returns(studies)
    assert common["0"].to_list() == pytest.approx(studies[0].record["return"].to_list())
    lines = compare_studies(studies)["The same sessions"]
    assert lines["sessions"] == ["6", "6"]
    assert lines["record"] == ["in sample: the best of its trials"] * 2
    growth = [float(np.prod(1.0 + common[name].to_numpy())) - 1.0 for name in ("0", "1")]
    assert lines["total return"] == [f"{each:.2%}" for each in growth]


def test_a_page_begins_with_what_choosing_by_it_means(studies):
    first, *others = comparison_sections(studies)
    assert first.parts == [Text(WARNING)]
    assert any(isinstance(part, Chart) for section in others for part in section.parts)
    headings = others[0].parts[0].headings
    assert headings == ("", str(studies[0].path), str(studies[1].path))  # both are named formula


def test_a_single_study_is_refused(studies):
    with pytest.raises(BadInput, match="nothing to compare"):
        compare_studies(studies[:1])
