"""The same study table, byte for byte but for the times, however it is run; `make determinism` tries every way."""

import json

import polars as pl
import pytest
from scenarios.universe import SAMPLERS, Kept, run_universe, write_universe

import backsweep as bs
from backsweep.runtime.inline import InlineBackend
from backsweep.study.results.study import open_study

pytestmark = pytest.mark.thorough


WAYS = [(1, None, None), (2, 5, None), (4, 1, 3), (7, 12, 2)]
"""Shards, trials in a chunk, and after how many chunks the run is interrupted."""
FOLDS = {
    "pruned between folds": ("sobol", "search.pruning={between_folds: {kind: halving, after: 1}}"),
    "searched by fold": ("tpe",),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("universe")
    write_universe(home / "bars.parquet")
    return home


@pytest.fixture(scope="module")
def backends():
    return {shards: Kept(InlineBackend(shards=shards)) for shards, _, _ in WAYS}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_shards_chunks_and_interruptions_leave_the_same_bytes(home, backends, sampler):
    found = {
        run_universe(home, f"{sampler}-{shards}", sampler, backends[shards], chunk=chunk, interrupt_after=stop)
        for shards, chunk, stop in WAYS
    }
    assert len(found) == 1


@pytest.mark.parametrize("mode", ["train: 40d, test: 20d", "mode: cpcv, groups: 4, test_groups: 1"])
def test_choices_of_sleeves_are_kept_with_the_records_of_their_tests_and_may_have_a_holdout(home, backends, mode):
    run_universe(home, "file", "sobol", backends[1])  # leaves the sweep file
    walk = f"walk_forward={{{mode}, holdout: 20d, select: top_k, top: 2}}"
    study = bs.run(home / "sweep.yaml", trials=8, backend="inline", out=home / f"kept {mode}", overrides=(walk,))
    content = json.loads((study.path / "selected" / "params.json").read_text())
    choices = study.walk_forward.folds.select("fold", "numbers").explode("numbers").rows()
    assert [(each["fold"], each["number"]) for each in content["folds"]] == choices
    trades = pl.read_parquet(study.path / "selected" / "trades.parquet").group_by("fold", "number").len()
    counted = {(fold, number): count for fold, number, count in trades.rows()}
    tested = [each for each in content["folds"] if each["metrics"]]
    for each in tested:
        assert counted.get((each["fold"], each["number"]), 0) == each["metrics"]["trades"]
    use = bs.open_holdout(study.path, "final check")
    assert (use.trial, use.metrics["sessions"]) == (study.selected, 20)


@pytest.mark.parametrize("kind", FOLDS)
def test_so_do_walk_forward_studies(home, kind):
    sampler, *overrides = FOLDS[kind]
    walk = ("walk_forward={train: 60d, test: 20d}", *overrides, "search.trials=24")
    digests = {
        run_universe(
            home,
            f"{kind}-{shards}",
            sampler,
            Kept(InlineBackend(shards=shards)),
            overrides=walk,
            chunk=chunk,
            interrupt_after=stop,
        )
        for shards, chunk, stop in WAYS
    }
    assert len(digests) == 1
    states = open_study(home / f"{kind}-1").trials["state"].unique().to_list()
    assert ("PRUNED" in states) == (sampler == "sobol")
