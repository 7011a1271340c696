"""Text is a number by what is declared, to the last bit, and by nothing else."""

import polars as pl
import pytest

from backsweep.dataset.numbers import find_form, read_boolean, read_number
from backsweep.sweepfile.format import Format


def numbers(cells, **form):
    return pl.select(read_number(pl.lit(pl.Series(cells, dtype=pl.String)), Format(**form))).to_series().to_list()


@pytest.mark.parametrize(
    ("form", "cells", "read"),
    [
        ({}, [" 1.5 ", "-3", "+2", "1e5", ".5", "5.", "", None], [1.5, -3.0, 2.0, 1e5, 0.5, 5.0, None, None]),
        ({}, ["1,5", "1 000", "$3", "0x10", "1_000", "x"], [None] * 6),
        ({"thousands": ","}, ["1,234", "12,345,678.9", "5", "12,34,567.5"], [1234.0, 12345678.9, 5.0, 1234567.5]),
        ({"thousands": ","}, ["10,5", "1,23", "1,234,5", ",123", "1234,567"], [None] * 5),
        ({"thousands": " "}, ["1 234", "1\u00a0234", "1\u202f234", "1 2"], [1234.0, 1234.0, 1234.0, None]),
        ({"thousands": "'"}, ["1'234.5"], [1234.5]),
        ({"decimal_comma": True}, ["10,5", "10", "-0,25"], [10.5, 10.0, -0.25]),
        ({"decimal_comma": True}, ["10.5", "1,2,3", "1.234,5"], [None] * 3),
        ({"decimal_comma": True, "thousands": "."}, ["1.234,5", "1.234", "1.5"], [1234.5, 1234.0, None]),
        ({"strip": "$%€"}, ["$10.5", "4.42%", "- $3", "€ 7", "£7"], [10.5, 4.42, None, 7.0, None]),
        ({"suffixes": {"K": 1e3, "M": 1e6}}, ["1.1K", "5.K", "3 M", "7", "7B"], [1100, 5000, 3e6, 7, None]),
    ],
)
def test_numbers_are_read_as_declared_and_null_otherwise(form, cells, read):
    assert numbers(cells, **form) == read


def test_numbers_have_the_bits_of_their_decimal_digits():
    cells = [f"{n / 7:.17g}" for n in range(1, 2000)] + ["0.1", "4769.83", "123456789012345678"]
    assert numbers(cells) == [float(cell) for cell in cells]


def test_words_for_yes_and_no_are_booleans():
    cells = pl.lit(pl.Series(["true", "False", " TRUE ", "yes", "1", None]))
    assert pl.select(read_boolean(cells)).to_series().to_list() == [True, False, True, None, None, None]


@pytest.mark.parametrize(
    ("cell", "keys"),
    [
        ("1,234,500", {"thousands": ","}),
        ("$273.36", {"strip": "$"}),
        ("10,5", {"decimal_comma": True}),
        ("1.234,50", {"decimal_comma": True, "thousands": "."}),
        ("1.5M", {"suffixes": {"M": 1e6}}),
        ("N/A", None),
    ],
)
def test_the_key_by_which_a_cell_is_a_number_is_found(cell, keys):
    assert find_form(cell, Format()) == keys
    if keys is not None:
        assert numbers([cell], **keys) != [None]


@pytest.mark.parametrize("cell", ["(5.2)", "\u22125.2", "\u20135.2", "($5.2)"])
def test_no_key_makes_a_number_of_one_that_is_negative_by_a_mark(cell):
    assert find_form(cell, Format()) is None
    assert numbers([cell]) == [None]
