"""What a fold chooses, and that the order of the trials does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsweep.study.results.selection import Selector
from backsweep.sweepfile.folds import WalkForward

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


def test_a_score_without_any_known_neighbour_counts_as_it_is():
    """The mean of -4 alone is below the -3 of a plateau."""
    assert choose(LINE[:6], [np.nan, -4, np.nan, -3, -3, -3], select="neighbourhood", neighbours=3) == [1]
    assert choose(LINE[:6], [np.nan, -2, np.nan, -3, -3, -3], select="neighbourhood", neighbours=3) == [3]


def test_the_best_few_are_chosen_best_first():
    assert choose(LINE[:5], [-1, -5, -3, -4, -2], select="top_k", top=3) == [1, 3, 2]
    assert choose(LINE[:5], [-1, -5, -3, -4, -2], LINE[:5, 0] % 4 == 0, select="top_k", top=3) == [4, 0]


SETS = np.array([[1.0, 5.0], [2.0, 5.0], [1.0, 5.0], [3.0, 5.0], [2.0, 5.0], [1.0, 5.0], [4.0, 5.0]])


def test_a_parameter_set_that_was_tried_several_times_is_one_choice():
    losses = [-9, -8, -9, -7, -8, -9, -6]
    assert choose(SETS, losses, select="top_k", top=3) == [0, 1, 3]
    assert choose(SETS, losses, select="top_k", top=9) == [0, 1, 3, 6]
    assert choose(SETS, losses) == [0]


def test_the_earliest_trial_of_a_set_that_may_be_chosen_stands_for_it():
    losses = [np.nan, -8, -9, -7, -8, -9, -6]
    feasible = [True, False, True, True, True, True, True]
    assert choose(SETS, losses, feasible, select="top_k", top=3) == [2, 4, 3]


def test_neighbours_are_other_parameter_sets():
    params = np.array([[1.0]] * 5 + [[2.0], [3.0], [4.0], [5.0], [6.0]])
    losses = [-9.0] * 5 + [0.0, 0.0, -6.0, -6.0, -6.0]  # five copies of a lonely peak are no plateau
    assert choose(params, losses, select="neighbourhood", neighbours=3) == [8]


def test_equal_scores_are_decided_by_the_smaller_parameters_the_first_one_before_the_second():
    params = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [2.0, 0.0]])
    assert choose(params, [-1.0] * 4, select="top_k", top=4) == [2, 0, 3, 1]
    assert choose(params, [-1.0] * 4) == [2]


def test_an_infinite_score_is_none():
    assert choose(LINE[:3], [-np.inf, -1.0, np.inf], select="top_k", top=3) == [1]


def test_the_first_score_of_a_set_that_may_not_be_chosen_counts_for_its_neighbours():
    # Neighbours of 1 are 0, 1, 2, and those of 4 are 3, 4, 5. The set 2 was tried four times, and never held.
    params = np.array([[2.0], [2.0], [2.0], [0.0], [1.0], [3.0], [4.0], [5.0], [2.0]])
    feasible = [True, False, False, False, True, False, True, False, False]
    rules = {"select": "neighbourhood", "neighbours": 3}
    for score, chosen in ((-7.0, 4), (-5.0, 6)):  # the mean at 1 is a third of -13 or -11, at 4 of -12
        losses = [np.nan, score, -9.0, -3.0, -3.0, -4.0, -4.0, -4.0, -9.0]
        assert choose(params, losses, feasible, **rules) == [chosen]


@pytest.mark.parametrize("rules", [{"select": "neighbourhood", "neighbours": 3}, {"select": "top_k", "top": 3}, {}])
def test_trying_every_set_again_changes_nothing(rules):
    params = np.random.default_rng(0).integers(0, 4, (30, 2)).astype(float)
    params = np.unique(params, axis=0)
    losses = np.random.default_rng(1).normal(size=len(params))
    once = choose(params, losses, **rules)
    assert choose(np.vstack([params] * 3), np.tile(losses, 3), **rules) == once


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
def test_of_no_trials_none_is_chosen(select):
    assert choose(np.zeros((0, 2)), np.empty(0), select=select) == []


@pytest.mark.parametrize("select", ["best", "neighbourhood", "top_k"])
def test_a_study_without_parameters_chooses_its_only_trial(select):
    assert choose(np.zeros((1, 0)), [-1.0], select=select) == [0]
