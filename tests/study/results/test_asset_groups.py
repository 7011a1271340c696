import math

import numpy as np
import polars as pl
import pytest

from backsweep.study.results.asset_groups import groups_together, portfolios, shares_of
from backsweep.sweepfile.search import Search


def test_a_groups_part_of_the_cash_is_by_the_number_of_its_assets():
    search = Search(asset_groups={"b": ("X", "Y", "Z"), "a": ("W",)})
    assert shares_of(search) == {"a": 0.25, "b": 0.75}
    assert shares_of(Search()) == {}


def test_profit_and_loss_are_added_not_returns():
    together = groups_together({"a": np.array([1.0, 0.0]), "b": np.array([0.0, 0.5])}, {"a": 0.5, "b": 0.5})
    assert together.tolist() == [0.5, pytest.approx(1.75 / 1.5 - 1.0)]  # 1.0 + 0.5, then 1.0 + 0.75


def test_a_group_without_a_choice_keeps_its_cash_and_a_ruined_one_stays_at_nothing():
    assert groups_together({"a": np.array([0.2])}, {"a": 0.5, "b": 0.5}).tolist() == [pytest.approx(0.1)]
    lost = groups_together({"a": np.array([-1.5, np.nan]), "b": np.array([0.0, 0.0])}, {"a": 0.5, "b": 0.5})
    assert lost.tolist() == [-0.5, 0.0]
    assert groups_together({"a": np.array([-1.0, 0.1])}, {"a": 1.0}).tolist() == [-1.0, 0.0]


def test_without_groups_the_record_is_the_one_there_is():
    record = np.array([0.1, -0.2])
    assert groups_together({None: record}, {}) is record


def test_portfolios_are_as_many_as_there_are_choices_of_one_trial_for_each_group():
    trials = pl.DataFrame({"asset_group": ["a"] * 3 + ["b"] * 4})
    assert portfolios(trials) == pytest.approx(12.0)
    many = pl.DataFrame({"asset_group": np.repeat(np.arange(400).astype(str), 100)})
    assert portfolios(many) == math.inf
