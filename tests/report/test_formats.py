"""Numbers have the digits that matter, in the units of their metrics."""

import math

import pytest

from backsweep.report.formats import fixed, format_metric, format_number


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("total_return", 0.1234567, "12.35%"),
        ("total_return", 0.000049, "0.0049%"),
        ("total_return", -0.0000004, "-4e-05%"),
        ("total_return", 0.0, "0.00%"),
        ("expectancy", 1234.5, "1,234.50"),
        ("expectancy", 0.0456, "0.0456"),
        ("expectancy", -0.05, "-0.05"),
        ("expectancy", 0.0, "0.00"),
        ("sharpe", 1.0 / 3.0, "0.33333"),
        ("sharpe", None, "-"),
        ("sharpe", math.nan, "-"),
    ],
)
def test_a_small_amount_keeps_its_digits(name, value, text):
    assert format_metric(name, value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.001, "0.00"), (-0.006, "-0.01"), (2.0, "2.00"), (math.nan, "-"), (math.inf, "inf")]
)
def test_a_rounded_zero_has_no_sign(value, text):
    assert fixed(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.05, "0.05"), (0.056, "0.056"), (12.0, "12"), (True, "true")])
def test_a_quantity_is_not_rounded_to_another(value, text):
    assert format_number(value, 10) == text
