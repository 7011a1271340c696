"""The figures behind a verdict, in words."""

import math
from types import SimpleNamespace

import pytest

from backsweep.report.words import _corrected, _length


@pytest.mark.parametrize(("years", "text"), [(2.74, "2.7 years"), (math.inf, "none"), (math.nan, "- years")])
def test_a_length_that_does_not_exist_is_said_in_words(years, text):
    assert _length(years, "{} years", "none") == text


@pytest.mark.parametrize(
    ("corrections", "adaptive", "text"),
    [
        ((), False, ""),
        (("pruned trials",), False, "; 0.012 corrected for pruned trials"),
        (("A", "B"), True, "; 0.012 corrected for A and B, were they placed beforehand"),
    ],
)
def test_a_p_value_that_takes_the_trials_of_an_adaptive_search_as_placed_beforehand_says_so(
    corrections, adaptive, text
):
    found = SimpleNamespace(corrections=corrections, adaptive=adaptive, corrected=0.0123)
    assert _corrected(found) == text
