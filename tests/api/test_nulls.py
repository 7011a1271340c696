"""The null study: an edge in timing stands out among histories without it, and noise does not."""

import pickle
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from fakes.s3_server import s3_content, s3_server

import backsweep as bs
import studies
from backsweep.api import nulls
from backsweep.cli import main
from backsweep.errors import BadData, BadInput, StudyConflict
from backsweep.runtime.ray_session import RaySession

PRICES = ("open", "high", "low", "close")
ANCHORED = "walk_forward: {mode: anchored, train: 504s, test: 378s%s}\n"
CROSSED = "walk_forward: {mode: cpcv, groups: 4, test_groups: 1}\n"
RANDOM, TPE = studies.Design("", "random", studies.HOLDOUT), studies.Design("", "tpe")


def ran(folder, design, sharpe, trials=20):
    sweep = studies.write(folder, design, 2, sharpe, trials)
    bs.run(sweep, out=folder / "study")
    return sweep


@pytest.mark.parametrize(("sharpe", "first"), [(4.0, True), (0.0, False)], ids=["edge", "noise"])
def test_an_edge_of_timing_ranks_first_and_noise_somewhere(tmp_path, sharpe, first):
    found = bs.null_study(ran(tmp_path, RANDOM, sharpe, trials=8), 9, out=tmp_path / "study").null
    assert (found.above == 0) == first
    assert found.p_value == (found.above + 1) / 10
    assert (found.highest < found.sharpe) == first


def test_where_the_sampler_learned_the_null_study_decides(tmp_path):
    sweep = ran(tmp_path, TPE, 4.0)
    before = bs.open_study(tmp_path / "study").statistics
    after = bs.null_study(sweep, 19, out=tmp_path / "study").statistics
    assert "null" in before.verdict.warnings[-1]
    assert not after.verdict.warnings
    assert "19 permuted histories" in after.verdict.reason
    assert after.verdict.verdict == "survives"


def test_a_study_that_begins_with_trials_of_an_earlier_one_is_refused_as_that_search_is_not_repeated(tmp_path):
    sweep = ran(tmp_path, RANDOM, 1.5, trials=4)
    warm = (f"search.warm_start={{study: {tmp_path / 'study'}, top: 2}}",)
    bs.run(sweep, out=tmp_path / "warm", overrides=warm)
    with pytest.raises(BadInput, match="begins with trials of an earlier one"):
        bs.null_study(sweep, 1, out=tmp_path / "warm", overrides=warm)
    assert not (tmp_path / "warm" / "null").exists()


def test_it_goes_on_where_it_was_ended_and_comes_to_the_same(tmp_path, monkeypatch, capsys):
    sweep = ran(tmp_path, RANDOM, 1.5)
    told = []
    bs.null_study(sweep, 2, out=tmp_path / "study", progress=told.append)
    assert [(each.done, each.total) for each in told] == [(0, 2), (1, 2), (2, 2)]
    files = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "study" / "null").iterdir()}
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["null", str(sweep), "--studies", "3", "--out", "study"])
    printed = capsys.readouterr()
    assert not ended.value.code
    assert "3, sessions permuted in blocks of 5" in printed.out
    assert printed.err.startswith("2 of 3 histories · about")
    assert (
        files.items()
        <= {path.name: path.stat().st_mtime_ns for path in (tmp_path / "study" / "null").iterdir()}.items()
    )
    with pytest.raises(SystemExit):
        main(["show", "study", "--statistics"])
    assert "Null study" in capsys.readouterr().out


@pytest.mark.parametrize(
    "design",
    [
        studies.Design("", "tpe", ANCHORED % ""),
        studies.Design("", "random", CROSSED),
        studies.Design("", "random", ANCHORED % ", holdout: 252s"),
        studies.Design("", "random", ANCHORED % ", state: continuous"),
    ],
    ids=["a search for each fold", "cross-validation", "holdout", "continuous"],
)
def test_every_history_is_searched_as_the_study_was(tmp_path, design):
    study = bs.null_study(ran(tmp_path, design, 4.0), 3, out=tmp_path / "study")
    assert (study.null.histories, study.null.above) == (3, 0)
    assert study.null.sharpe == study.walk_forward.metrics["sharpe"]


def test_a_holdout_plays_no_part(tmp_path):
    found = []
    for factor in (1.0, 1.5):
        folder = tmp_path / str(factor)
        folder.mkdir()
        sweep = studies.write(folder, studies.Design("", "random", ANCHORED % ", holdout: 252s"), 2, 1.5, 8)
        bars = pl.read_parquet(folder / "bars.parquet")
        late = pl.int_range(pl.len()) >= len(bars) - 252
        prices = [pl.when(late).then(pl.col(name) * factor).otherwise(name).alias(name) for name in PRICES]
        bars.with_columns(prices).write_parquet(folder / "bars.parquet")
        bs.run(sweep, out=folder / "study")
        found.append(bs.null_study(sweep, 3, out=folder / "study"))
    assert found[0].identity.data != found[1].identity.data
    assert found[0].null == found[1].null


def test_a_study_in_an_object_store_has_its_null_study_and_sensitivity_there(tmp_path):
    with s3_server():
        url = f"s3://bucket/{tmp_path.name}/study"
        sweep = studies.write(tmp_path, RANDOM, 2, 1.5, 8)
        bs.run(sweep, out=url)
        there = bs.null_study(sweep, 2, out=url)
        assert there.null.histories == 2
        assert there.statistics.sensitivity[0].sharpe == pytest.approx(there.null.sharpe)
        inside = [name.removeprefix(f"{tmp_path.name}/study/") for name in s3_content(tmp_path.name)]
    assert {"null/000000008-000000.json", "null/000000008-000001.json", "selected/sensitivity.json"} <= set(inside)


@pytest.mark.apart
@pytest.mark.long
def test_ray_comes_to_the_same_histories_and_the_same_errors(tmp_path):
    sweep = ran(tmp_path, RANDOM, 1.5)
    here = bs.null_study(sweep, 3, out=tmp_path / "study").null
    for path in (tmp_path / "study" / "null").iterdir():
        path.unlink()
    with closing(RaySession(2, "local")):  # one for both
        with pytest.raises(BadInput, match="too few sessions can be permuted"):
            bs.null_study(sweep, 3, out=tmp_path / "study", block=1000, workers=2)
        assert bs.null_study(sweep, 3, out=tmp_path / "study", workers=2).null == here


def test_what_cannot_be_ranked_is_refused_in_words(tmp_path):
    sweep = studies.write(tmp_path, RANDOM, 1, 0.0, 8)
    with pytest.raises(BadInput, match="has not been run"):
        bs.null_study(sweep, 2, out=tmp_path / "study")
    bs.run(sweep, out=tmp_path / "study")
    with pytest.raises(StudyConflict, match="another study"):
        bs.null_study(sweep, 2, out=tmp_path / "study", overrides=["search.seed=3"])
    with pytest.raises(BadInput, match="too few sessions can be permuted"):
        bs.null_study(sweep, 2, out=tmp_path / "study", block=1000)
    bs.null_study(sweep, 1, out=tmp_path / "study")
    with pytest.raises(StudyConflict, match="another block length"):
        bs.null_study(sweep, 2, out=tmp_path / "study", block=10)


def test_data_that_are_swapped_before_a_worker_loads_them_are_refused(tmp_path, monkeypatch):
    sweep = ran(tmp_path, RANDOM, 1.5, trials=4)
    file = Path(bs.open_study(tmp_path / "study").sweep.data.bars)

    def parallel_map(make, *_):
        pl.read_parquet(file).with_columns(volume=pl.col("volume") + 1.0).write_parquet(file)
        return pickle.loads(pickle.dumps(make))()  # noqa: S301 - as a worker gets it

    monkeypatch.setattr(nulls, "parallel_map", parallel_map)
    with pytest.raises(BadData, match="have changed since their fingerprint was taken"):
        bs.null_study(sweep, 1, out=tmp_path / "study")
