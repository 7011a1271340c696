"""Non-dominated fronts: by hand, and against Optuna's best trials, front after front."""

import numpy as np
import optuna
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsweep.study.search.fronts import fronts
from backsweep.study.table.trials import best_first
from backsweep.sweepfile.search import Search


def best_of_optuna(losses, excess):
    """Return the places of the trials that Optuna calls best: feasible, and dominated by none that is."""
    study = optuna.create_study(directions=["minimize"] * losses.shape[1])
    for values, violation in zip(losses.tolist(), excess.tolist(), strict=True):
        trial = optuna.trial.create_trial(values=values, params={}, distributions={})
        trial.set_constraint("bound", violation)
        study.add_trial(trial)
    return [trial.number for trial in study.best_trials]


def peeled(losses):
    """Return the fronts that are left when Optuna's best trials are taken away again and again."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found, waiting, front = np.zeros(len(losses), int), np.arange(len(losses)), 0
    while len(waiting):
        best = best_of_optuna(losses[waiting], np.zeros(len(waiting)))
        found[waiting[best]] = front
        waiting, front = np.delete(waiting, best), front + 1
    return found.tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.integers(0, 30), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_optuna_finds_the_same_fronts(objectives, trials, values, seed):
    losses = np.random.default_rng(seed).integers(0, values, (trials, objectives)) - 2.0
    assert fronts(losses).tolist() == peeled(losses)


@pytest.mark.parametrize("objectives", [2, 3, 5])
def test_many_trials_have_fronts_in_which_nobody_dominates_and_each_but_the_first_is_dominated(objectives):
    losses = np.random.default_rng(objectives).normal(size=(800, objectives)).round(1)
    found = fronts(losses)
    not_worse = (losses[:, None] <= losses[None, :]).all(axis=2)
    dominates = not_worse & (losses[:, None] < losses[None, :]).any(axis=2)
    assert not (dominates & (found[:, None] == found[None, :])).any()
    for front in range(1, found.max() + 1):
        assert dominates[np.ix_(found == front - 1, found == front)].any(axis=0).all()


def test_a_hundred_thousand_trials_are_sorted():
    chance = np.random.default_rng(0)
    angle, radius = chance.uniform(0, np.pi / 2, 100_000), chance.integers(1, 4, 100_000)
    losses = np.column_stack([-radius * np.cos(angle), -radius * np.sin(angle)])
    found = fronts(losses)
    assert (radius[found == 0] == 3).mean() > 0.9  # of the outermost circle all but its ends
    assert len(found) == 100_000


def rows_of(sharpe, drawdown, trades, state=None):
    return pl.DataFrame(
        {
            "number": range(len(sharpe)),
            "state": pl.Series(state or ["COMPLETE"] * len(sharpe), dtype=pl.String),
            "user_attrs_sharpe": pl.Series(sharpe, dtype=pl.Float64),
            "user_attrs_max_drawdown": pl.Series(drawdown, dtype=pl.Float64),
            "constraints_trades": pl.Series(trades, dtype=pl.Float64),
        }
    )


SEARCH = Search(objective=({"maximize": "sharpe"}, {"minimize": "max_drawdown"}), constraints=("trades >= 5",))


def test_feasible_trials_come_first_and_have_fronts():
    rows = rows_of(
        sharpe=[1.0, 2.0, None, 9.0, 0.5, 1.0, 9.0],
        drawdown=[0.1, 0.2, 0.1, 0.1, 0.3, 0.1, 0.1],
        trades=[0.0, -2.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        state=["COMPLETE"] * 6 + ["FAIL"],
    )
    ordered = best_first(rows, SEARCH)
    assert ordered["number"].to_list() == [0, 1, 5, 4, 2, 3, 6]
    assert ordered["front"].to_list() == [1, 1, 1, 2, None, None, None]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 25), st.integers(0, 2**32 - 1))
def test_the_first_front_is_optuna_s_best_trials_under_constraints(trials, seed):
    chance = np.random.default_rng(seed)
    sharpe, drawdown, excess = chance.integers(-3, 3, (3, trials)).astype(float)
    ordered = best_first(rows_of(sharpe, drawdown, excess), SEARCH)
    first = ordered.filter(ordered["front"] == 1)["number"].sort().to_list()
    best = best_of_optuna(np.column_stack([-sharpe, drawdown]), excess)
    assert first == (best if (excess <= 0).any() else [])


def test_one_objective_has_no_fronts():
    search = Search(constraints=("trades >= 5",))
    assert "front" not in best_first(rows_of([1.0], [0.1], [0.0]), search).columns
    assert best_first(rows_of([], [], []), SEARCH)["front"].dtype == pl.Int64
