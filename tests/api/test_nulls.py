"""The null study: an edge in timing stands out among histories without it, and noise does not."""

import pytest
import studies

import backsweep as bs
from backsweep.cli import main
from backsweep.errors import BadInput, StudyConflict

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
    assert "19 histories" in after.verdict.reason
    assert after.verdict.verdict == "survives"


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


@pytest.mark.slow
def test_ray_comes_to_the_same_histories(tmp_path):
    sweep = ran(tmp_path, RANDOM, 1.5)
    here = bs.null_study(sweep, 3, out=tmp_path / "study").null
    for path in (tmp_path / "study" / "null").iterdir():
        path.unlink()
    assert bs.null_study(sweep, 3, out=tmp_path / "study", workers=2).null == here


def test_what_cannot_be_ranked_is_refused_in_words(tmp_path):
    sweep = studies.write(tmp_path, RANDOM, 1, 0.0, 8)
    with pytest.raises(BadInput, match="has not been run"):
        bs.null_study(sweep, 2, out=tmp_path / "study")
    bs.run(sweep, out=tmp_path / "study")
    with pytest.raises(StudyConflict, match="another study"):
        bs.null_study(sweep, 2, out=tmp_path / "study", overrides=["search.seed=3"])
    with pytest.raises(BadInput, match="change places"):
        bs.null_study(sweep, 2, out=tmp_path / "study", block=1000)
    bs.null_study(sweep, 1, out=tmp_path / "study")
    with pytest.raises(StudyConflict, match="other blocks"):
        bs.null_study(sweep, 2, out=tmp_path / "study", block=10)
