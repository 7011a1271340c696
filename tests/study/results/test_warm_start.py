"""First trials that a study takes from an earlier one."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scenarios.toy_study import ToyBackend

from backsweep.errors import BadInput
from backsweep.storage.sealed import sha256
from backsweep.strategy import load_strategy
from backsweep.study.results.study import open_study
from backsweep.study.results.study_warnings import warnings_of_sweep
from backsweep.study.results.warm_start import with_warm_start
from backsweep.study.run.driver import run_study
from backsweep.study.search.space import build_space
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.sweepfile.load import load_sweep

STRATEGY = """\
import backsweep as bs


class Toy(bs.Strategy):
    entry: float = bs.param(0.5, 3.0, default=1.0)
    stop: float = bs.param(1.0, 6.0, default=2.0)
"""
SWEEP = """\
study: NAME
data: {bars: bars.parquet}
strategy: toy.py:Toy
search: {sampler: random, seed: 7, trials: 24, batch: 8, EXTRA}
"""
BEST = [f"params_{name}" for name in ("entry", "stop")]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with a strategy and the study `old`, which the tests do not change."""
    home = tmp_path_factory.mktemp("home")
    (home / "toy.py").write_text(STRATEGY)
    run(home, "old", "params: {entry: {low: 1.0, high: 2.5}}")
    return home


def read(home, name, extra):
    file = home / f"{name}.yaml"
    file.write_text(SWEEP.replace("NAME", name).replace("EXTRA", extra))
    return load_sweep(file)


class WithStop(ToyBackend):
    """Runs trials whose stop is fixed."""

    def submit(self, chunk):
        super().submit(replace(chunk, values=np.insert(chunk.values, 1, 3.5, axis=1)))


def run(home, name, extra, backend=None, **search):
    sweep = read(home, name, extra)
    sweep = sweep.model_copy(update={"search": sweep.search.model_copy(update=search)})
    folder = StudyFolder(home / name)
    sweep = with_warm_start(folder.completed(sweep))
    space = build_space(sweep, load_strategy(sweep.strategy).declared())
    identity = identify(sweep, sha256(b"data"), space.dimensions)
    run_study(sweep, space, backend or ToyBackend(), folder, identity, chunk_size=8)
    return open_study(home / name)


def best_of_old(home):
    return open_study(home / "old").trials.sort("value", descending=True).select(BEST)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_wider_space_begins_with_the_best_of_the_earlier_study(home, sampler):
    study = run(home, f"wider-{sampler}", "warm_start: {study: old, top: 5}", sampler=sampler)
    assert study.trials.head(5).select(BEST).equals(best_of_old(home).head(5))
    assert study.trials["batch"].head(6).to_list() == [0, 0, 0, 0, 0, 1]
    assert len(study.trials) == 24  # they count


def test_they_come_behind_those_of_the_file(home):
    study = run(home, "behind", "enqueue: [default], warm_start: {study: old, top: 2}")
    expected = pl.concat([pl.DataFrame({BEST[0]: [1.0], BEST[1]: [2.0]}), best_of_old(home).head(2)])
    assert study.trials.head(3).select(BEST).equals(expected)


def test_only_trials_within_the_space_and_its_relations_are_taken(home):
    sweep = read(
        home, "narrow", 'params: {stop: {low: 1, high: 4}}, relations: ["entry < stop"], warm_start: {study: old}'
    )
    within = best_of_old(home).filter((pl.col(BEST[1]) <= 4) & (pl.col(BEST[0]) < pl.col(BEST[1])))
    assert 0 < len(within) < 24
    taken = with_warm_start(sweep).search.warm_trials
    assert [tuple(trial.values()) for trial in taken] == within.rows()


def test_what_the_earlier_study_fixed_has_its_value_there(home):
    run(home, "fixed", "fixed: {stop: 3.5}", WithStop())
    taken = with_warm_start(read(home, "freed", "warm_start: {study: fixed, top: 3}")).search.warm_trials
    assert {trial["stop"] for trial in taken} == {3.5}


def test_a_study_goes_on_with_what_it_took_when_the_earlier_one_is_gone(home, tmp_path):
    shutil.copytree(home / "old", tmp_path / "old")
    shutil.copy(home / "toy.py", tmp_path)
    extra = "warm_start: {study: old, top: 4}"
    whole = run(home, "whole", extra)
    begun = run(tmp_path, "whole", extra, trials=6)
    assert len(begun.trials) == 6
    shutil.rmtree(tmp_path / "old")
    assert run(tmp_path, "whole", extra).digest() == whole.digest()


def test_how_many_are_taken_is_part_of_the_identity_and_the_place_is_not(home, tmp_path):
    shutil.copytree(home / "old", tmp_path / "moved")

    def hash_of(extra):
        return identify(with_warm_start(read(home, "same", extra)), sha256(b"data")).hash

    first = hash_of("warm_start: {study: old, top: 4}")
    assert hash_of(f"warm_start: {{study: {tmp_path}/moved, top: 4}}") == first
    assert hash_of("warm_start: {study: old, top: 3}") != first
    assert hash_of("lag: 2") != first


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("warm_start: {study: none}", r"no study to take trials from(.|\n)*correct the path"),
        (
            "params: {entry: {low: 2.6, high: 3}}, warm_start: {study: old}",
            r"nothing of the earlier study(.|\n)*none of 24(.|\n)*widen the ranges",
        ),
        ("warm_start: {study: old, top: 0}", r"warm_start\.top"),
        ("warm_start: old", r"warm_start"),
    ],
)
def test_a_warm_start_that_cannot_be_is_refused(home, extra, message):
    with pytest.raises(BadInput, match=message):
        with_warm_start(read(home, "refused", extra))


def test_an_earlier_study_of_other_parameters_is_refused(home, tmp_path):
    (tmp_path / "toy.py").write_text(STRATEGY.replace("stop:", "stops:"))
    with pytest.raises(BadInput, match=r"varies `stop`, which is no parameter here(.|\n)*did you mean `stops`"):
        with_warm_start(read(tmp_path, "others", f"warm_start: {{study: {home}/old}}"))


def test_folds_that_begin_with_trials_of_an_earlier_study_are_warned_of(home):
    sweep = read(home, "folds", "warm_start: {study: old}")
    folds = load_sweep(home / "folds.yaml", ["walk_forward={train: 2d, test: 1d, step: 1d}"])
    cls = load_strategy(sweep.strategy)
    counts = [sum("earlier study" in str(each) for each in warnings_of_sweep(one, cls)) for one in (sweep, folds)]
    assert counts == [0, 1]
