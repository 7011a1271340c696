"""Comparisons of parameters with texts, null, true and false, and with numbers."""

import numpy as np
import pytest

from backsweep.errors import BadInput
from backsweep.sweepfile.comparisons import Match, Words, parse_comparison
from backsweep.sweepfile.expressions import Relation

NAMES = ("kind", "stop", "flag", "fast")
WORDS = {
    "kind": Words({"sma": 0.0, "buy and hold": 1.0, "null": 2.0}, is_text=True),
    "stop": Words({"null": np.nan}, is_text=False),
    "flag": Words({"false": 0.0, "true": 1.0}, is_text=False),
}


def read(text):
    return parse_comparison(text, NAMES, WORDS, "sweep.yaml:7")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kind == sma", [True, False, False]),
        ("sma != kind", [False, True, True]),
        ("kind == 'buy and hold'", [False, True, False]),
        ('"sma" == kind', [True, False, False]),
        ("kind != null", [True, True, False]),
        ("stop == null", [True, False, False]),
        ("stop != null", [False, True, True]),
        ("flag == true", [False, True, True]),
        ("flag == 1", [False, True, True]),
        ("stop > 1", [False, False, True]),
        ("stop + fast <= 4", [False, True, False]),
    ],
)
def test_a_comparison_holds_where_its_choice_or_its_numbers_do(text, found):
    columns = {
        "kind": np.array([0.0, 1.0, 2.0]),
        "stop": np.array([np.nan, 1.0, 2.0]),
        "flag": np.array([0.0, 1.0, 1.0]),
        "fast": np.array([3.0, 3.0, 3.0]),
    }
    assert read(text).holds(columns).tolist() == found


def test_only_a_word_makes_a_match():
    assert read("kind == sma") == Match("kind == sma", "kind", 0.0, equal=True)
    assert isinstance(read("flag < fast"), Relation)
    assert read("kind == sma").names == ("kind",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind == smma", r"sweep\.yaml:7(.|\n)*no choice of it(.|\n)*sma, buy and hold, null(.|\n)*did you mean `sma`"),
        ("flag == 'yes'", r"no choice of it(.|\n)*false, true"),
        ("kind == fast", r"no choice of it"),
        ("kind < 3", r"computes with `kind`, whose values are texts"),
        ("fast == kind + 1", r"computes with `kind`, whose values are texts"),
        ("kid == sma", r"cannot be read(.|\n)*did you mean `kind`"),
        ("kind", r"cannot be read"),
        ("stop == none", r"cannot be read"),
        ("1 == 2", r"at least one parameter"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_can(text, message):
    with pytest.raises(BadInput, match=message):
        read(text)
