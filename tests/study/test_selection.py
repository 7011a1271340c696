"""What a fold chooses, and that the order of the trials does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsweep.study.config import WalkForward
from backsweep.study.selection import Selector

LINE = np.arange(9.0)[:, None]


def choose(params, losses, feasible=None, **rules):
    selector = Selector(params, WalkForward(train="1y", test="1y", **rules))
    feasible = np.ones(len(params), bool) if feasible is None else np.asarray(feasible)
    return selector.choose(np.asarray(losses, float), feasible).tolist()


def test_the_best_feasible_score_is_chosen():
    losses = [-9.0, -3.0, np.nan, -5.0]
    assert choose(LINE[:4], losses) == [0]
    assert choose(LINE[:4], losses, [False, True, True, True]) == [3]


def test_nothing_is_chosen_where_nothing_is_feasible_or_defined():
    assert choose(LINE[:2], [-1.0, -2.0], [False, False]) == []
    assert choose(LINE[:2], [np.nan, np.nan]) == []


def test_a_plateau_beats_a_lonely_peak():
    losses = [-1, -9, -1, 0, -5, -6, -5, 0, 0]
    assert choose(LINE, losses) == [1]
    assert choose(LINE, losses, select="neighbourhood", neighbours=3) == [5]


def test_a_neighbour_without_a_score_does_not_count_and_one_that_is_infeasible_does():
    losses = [0, np.nan, -4, -3, 0, 0, -3, -3, 0]
    assert choose(LINE, losses, select="neighbourhood", neighbours=3) == [2]
    assert choose(LINE, [0, -2, 5, 0, -1, -1, -1, 0, 0], LINE[:, 0] != 2, select="neighbourhood", neighbours=3) == [5]


def test_the_best_few_are_chosen_best_first():
    assert choose(LINE[:5], [-1, -5, -3, -4, -2], select="top_k", top=3) == [1, 3, 2]
    assert choose(LINE[:5], [-1, -5, -3, -4, -2], LINE[:5, 0] % 4 == 0, select="top_k", top=3) == [4, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-3, 3)), min_size=1, max_size=40, unique=True),
    st.sampled_from([{"select": "best"}, {"select": "neighbourhood", "neighbours": 4}, {"select": "top_k", "top": 3}]),
    st.randoms(use_true_random=False),
)
def test_permuting_trials_changes_nothing(points, rules, chance):
    params = np.array([[a, b] for a, b, _ in points], float)
    params[:, 1] += np.arange(len(points)) * 1e-9  # no trial twice
    losses = np.array([float(loss) for *_, loss in points])
    order = np.array(chance.sample(range(len(points)), len(points)))
    straight = params[choose(params, losses, **rules)]
    turned = params[order][choose(params[order], losses[order], **rules)]
    assert straight.tolist() == turned.tolist()


@pytest.mark.parametrize("select", ["best", "neighbourhood", "top_k"])
def test_a_study_without_parameters_chooses_its_only_trial(select):
    assert choose(np.zeros((1, 0)), [-1.0], select=select) == [0]
