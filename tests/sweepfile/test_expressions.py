"""Expressions of names and numbers: what they are, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from backsweep.errors import BadInput
from backsweep.sweepfile.expressions import parse, parse_relation

COLUMNS = {
    "fast": np.array([1.0, 2.0, np.nan]),
    "slow": np.array([0.0, 4.0, 5.0]),
    "costs.commission.tiers.1.rate": np.array([3.0, 2.0, 1.0]),
    "costs.per_asset.BRK-B.slippage.rate": np.array([0.5, 0.5, 0.5]),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("slow - 0.5 * fast", [-0.5, 3.0, np.nan]),
        ("slow-2-1", [-3.0, 1.0, 2.0]),
        ("-(fast + slow) / 2", [-0.5, -3.0, np.nan]),
        ("2 * - -slow", [0.0, 8.0, 10.0]),
        ("slow / 2 / 2 * 8", [0.0, 8.0, 10.0]),
        ("min(slow, 4.5, 1e2) + max(fast, slow)", [1.0, 8.0, np.nan]),
        ("abs(slow - .5e1)", [5.0, 1.0, 0.0]),
        ("costs.commission.tiers.1.rate", [3.0, 2.0, 1.0]),
        ("costs.per_asset.BRK-B.slippage.rate + slow", [0.5, 4.5, 5.5]),
    ],
)
def test_an_expression_has_the_value_that_arithmetic_gives_it(text, expected):
    np.testing.assert_array_equal(parse(text, COLUMNS).evaluate(COLUMNS), expected)


def test_what_is_divided_by_zero_or_too_large_has_no_value():
    np.testing.assert_array_equal(parse("fast / slow", COLUMNS).evaluate(COLUMNS), [np.nan, 0.5, np.nan])
    np.testing.assert_array_equal(parse("slow * 1e308", COLUMNS).evaluate(COLUMNS), [0.0, np.nan, np.nan])


@pytest.mark.parametrize(
    "text", ["1 / (1 / slow)", "min(1 / slow, 5)", "max(-1 / slow, -5)", "1 / (1e308 * (slow + 9))"]
)
def test_a_part_without_a_value_leaves_the_whole_without_one(text):
    assert np.isnan(parse(text, COLUMNS).evaluate(COLUMNS)[0])


def test_a_parameter_may_have_the_name_of_a_function():
    columns = {"min": np.array([1.0, 9.0]), "max": np.array([5.0, 5.0])}
    assert parse_relation("min < max", columns).holds(columns).tolist() == [True, False]
    assert parse("max(min, max) - min(min, max)", columns).evaluate(columns).tolist() == [4.0, 4.0]


def test_the_names_of_an_expression_come_once_and_in_their_order():
    assert parse("slow - fast * slow", COLUMNS).names == ("slow", "fast")
    assert parse_relation("2 * slow > fast + slow", COLUMNS).names == ("slow", "fast")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fast < slow", [False, True, False]),
        ("slow<=0.5*fast", [True, False, False]),
        ("slow >= 4", [False, True, True]),
        ("fast != 2", [True, False, False]),
        ("slow == 5", [False, False, True]),
        ("0 > slow - 4.5", [True, True, False]),
        ("slow>-1", [True, True, True]),
        ("fast / slow > 0", [False, True, False]),
    ],
)
def test_a_relation_holds_where_both_sides_have_a_value_and_compare_so(text, expected):
    assert parse_relation(text, COLUMNS).holds(COLUMNS).tolist() == expected


def test_expressions_cross_process_boundaries():
    relation = parse_relation("fast < slow", COLUMNS)
    assert pickle.loads(pickle.dumps(relation)) == relation  # noqa: S301 - its own bytes


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ("", "a metric, a number or a parenthesis", "its end"),
        ("1 + 2", "at least one metric", "its end"),
        ("fast +", "a metric, a number or a parenthesis", "its end"),
        ("fast slow", "one expression", "`slow` at character 6"),
        ("fast < slow", "one expression", "`<` at character 6"),
        ("fast ** 2", "a metric, a number or a parenthesis", "`*` at character 7"),
        ("(fast + 1", "a closing parenthesis", "its end"),
        ("fast)", "one expression", "`)` at character 5"),
        ("min(fast)", "at least 2 arguments of min", "`)` at character 9"),
        ("abs(fast, slow)", "a closing parenthesis", "`,` at character 9"),
        ("1e999 * fast", "a number below 1.7e308", "`1e999` at character 1"),
        ("__import__('os').system('ls')", "a metric", "`__import__` at character 1"),
        ("fast.__class__", "a metric", "`fast.__class__` at character 1"),
        ("fast[0]", "one expression", "`[` at character 5"),
        ("(" * 51 + "fast" + ")" * 51, "at most 50 parentheses inside each other", "`fast` at character 52"),
        ("fast" + " + 1" * 250, "at most 1000 characters", "1004"),
    ],
)
def test_what_is_no_expression_is_refused_at_its_place(text, expected, found):
    with pytest.raises(BadInput) as caught:
        parse(text, COLUMNS, where="sweep.yaml:3", kind="metric")
    assert caught.value.expected.startswith(expected)
    assert caught.value.found == found
    assert caught.value.where == "sweep.yaml:3"


@pytest.mark.parametrize("text", ["fast", "fast < slow < 3", "fast <", "fast = slow", "fast < slow and slow < 3"])
def test_a_relation_is_one_comparison(text):
    with pytest.raises(BadInput):
        parse_relation(text, COLUMNS)


@pytest.mark.parametrize("text", ["fast < slow < 3", "fast < slow and slow < 3"])
def test_several_comparisons_in_one_are_told_apart(text):
    with pytest.raises(BadInput, match="write each comparison as an entry of its own"):
        parse_relation(text, COLUMNS)


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(BadInput, match="did you mean `slow`"):
        parse_relation("fast < slwo", COLUMNS, kind="parameter")
