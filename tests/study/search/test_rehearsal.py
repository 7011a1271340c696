"""A rehearsal uses the code of a search, and nothing of the search depends on it."""

from __future__ import annotations

import numpy as np
import pytest
from scenarios.formula_study import FormulaBackend

from backsweep.study.results.study import open_study
from backsweep.study.run import driver
from backsweep.study.search import cma, local_models, rehearsal
from backsweep.study.search.rehearsal import rehearse
from backsweep.study.search.samplers import make_proposer
from backsweep.study.search.tpe import search

GIVEN = "[{entry: 2.0, stop: 3, window: 20, long_only: true}]"
USED = {"tpe": {"choose"}, "cmaes": {"draw", "move"}, "auto": {"choose", "draw", "move", "quadratic_step"}}


@pytest.mark.parametrize("sampler", list(USED))
@pytest.mark.parametrize("enqueue", [None, GIVEN])
def test_all_compiled_code_of_a_sampler_is_used(bench, monkeypatch, sampler, enqueue):
    used = set()

    def watch(module, name):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *arguments: used.add(name) or original(*arguments))

    for module, names in ((search, ["choose"]), (cma, ["draw", "move"]), (local_models, ["quadratic_step"])):
        for name in names:
            watch(module, name)
    sweep = bench.sweep(sampler=sampler, batch=16, **({"enqueue": enqueue} if enqueue else {}))
    rehearse(sweep, bench.space(sweep))
    assert used == USED[sampler]


def test_proposals_are_the_same_after_a_rehearsal(bench):
    sweep = bench.sweep(sampler="auto")
    proposer = make_proposer(sweep, bench.space(sweep))
    before = make_proposer(sweep, bench.space(sweep)).propose(0, 16, ())
    rehearse(sweep, bench.space(sweep))
    assert np.array_equal(proposer.propose(0, 16, ()).values, before.values)


@pytest.mark.parametrize("sampler", ["random", "sobol", "optuna.samplers:TPESampler"])
def test_samplers_that_learn_nothing_and_those_of_others_are_left_alone(bench, monkeypatch, sampler):
    monkeypatch.setattr(rehearsal, "make_proposer", lambda *_: pytest.fail("a proposer was made"))
    sweep = bench.sweep(sampler=sampler)
    rehearse(sweep, bench.space(sweep))


@pytest.mark.parametrize("remote", [False, True])
def test_a_study_rehearses_where_other_processes_start_and_stays_the_same(bench, monkeypatch, remote):
    rehearsed, backend = [], FormulaBackend()
    backend.remote = remote
    monkeypatch.setattr(driver, "rehearse", lambda *arguments: rehearsed.append(rehearse(*arguments)))
    sweep = bench.sweep(sampler="tpe", trials=40)
    bench.run("study", sweep, backend)
    assert len(rehearsed) == remote
    bench.run("other", sweep)
    assert len({open_study(bench.folder / name).digest() for name in ("study", "other")}) == 1
