"""What was tried, as numbers of tests and as the corrections that are named."""

import math

import pytest

from backsweep.statistics.study_records import COUNTABLE, FEWEST_HISTORIES, NullRank, Tried


@pytest.mark.parametrize(
    ("tried", "tests"),
    [
        (Tried(0), 1.0),
        (Tried(1), 1.0),
        (Tried(2), 2.0),
        (Tried(640), 640.0),
        (Tried(640, portfolios=2.0), 2.0),
        (Tried(640, portfolios=1e200), 1e200),
        (Tried(640, portfolios=math.inf), COUNTABLE),
    ],
)
def test_separate_tests_are_trials_or_the_portfolios_that_choices_could_make(tried, tests):
    assert tried.tests == tests


def test_only_the_mean_of_paths_and_that_of_groups_are_no_trials():
    kinds = [(crossed, learned, groups) for crossed in (0, 1) for learned in (0, 1) for groups in (0, 1)]
    stitched = [Tried(8, crossed=bool(a), learned=bool(b), groups=c).stitched for a, b, c in kinds]
    assert stitched == [False, True, False, True, False, True, True, True]


@pytest.mark.parametrize(
    ("tried", "corrections"),
    [
        (Tried(8), ()),
        (Tried(8, looks=2), ("2 looks at these data",)),
        (Tried(8, looks=1234, pruned=1), ("1,234 looks at these data", "pruned trials")),
        (Tried(8, learned=True), ("every trial as a separate test",)),
        (Tried(8, learned=True, groups=3, portfolios=512.0), ("a choice in each of 3 groups",)),
        (Tried(8, groups=3), ()),
    ],
)
def test_a_p_value_is_corrected_for_what_was_done_and_nothing_else(tried, corrections):
    assert tried.corrections == corrections


def test_nineteen_histories_can_have_a_p_value_of_five_percent():
    assert 1 / (FEWEST_HISTORIES + 1) == 0.05
    ranks = [NullRank(count, 1, 1.0, 0, 0.0, 0.5, 1 / (count + 1)) for count in (18, 19, 20)]
    assert [rank.decides for rank in ranks] == [False, True, True]
