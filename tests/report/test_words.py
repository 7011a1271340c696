"""The figures behind a verdict, in words."""

import math

import pytest

from backsweep.report.words import _length


@pytest.mark.parametrize(("years", "text"), [(2.74, "2.7 years"), (math.inf, "none"), (math.nan, "- years")])
def test_a_length_that_does_not_exist_is_said_in_words(years, text):
    assert _length(years, "{} years", "none") == text
