"""What may lie in a study's folder, and what is refused."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scenarios.toy_study import SWEEP, ToyBackend, run_toy

from backsweep.errors import StudyConflict
from backsweep.storage.sealed import sealed, sha256, unsealed
from backsweep.study.results.study import open_study
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import identify
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.load import load_sweep
from backsweep.sweepfile.search import WarmStart
from backsweep.trial.contract import DataInfo


def edit(path, **changes):
    """Change fields of a document and seal it again; None takes a field away."""
    content = unsealed(path.read_bytes(), "") | changes
    path.write_bytes(sealed({key: value for key, value in content.items() if value is not None}))


@pytest.fixture
def study(tmp_path):
    run_toy(tmp_path / "study")
    return tmp_path / "study"


@pytest.mark.parametrize("name", ["data.csv", "src/main.py", "study.log.gz", "trials.txt", "looks/a", "selected/a.log"])
def test_a_folder_that_holds_other_things_is_refused_and_left_as_it_is(tmp_path, name):
    place = tmp_path / "project"
    (place / name).parent.mkdir(parents=True)
    (place / name).write_text("mine")
    message = rf"project: the folder of a new study is not empty\n(.|\n)*{name.partition('/')[0]}(.|\n)*--out"
    with pytest.raises(StudyConflict, match=message):
        run_toy(place)
    assert [path.name for path in place.iterdir()] == [name.partition("/")[0]]
    assert (place / name).read_text() == "mine"


@pytest.mark.parametrize("name", [".DS_Store", ".gitkeep", ".env", ".git/config", "run.log", "lost+found/#1"])
def test_hidden_files_logs_and_the_file_system_s_own_refuse_no_study_and_stay(tmp_path, study, name):
    place = tmp_path / "place"
    (place / name).parent.mkdir(parents=True)
    (place / name).write_text("mine")
    run_toy(place)
    assert open_study(place).digest() == open_study(study).digest()
    assert (place / name).read_text() == "mine"


def test_hidden_files_do_not_open_a_folder_with_visible_ones(tmp_path):
    for name in (".gitignore", "strategy.py"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(StudyConflict, match=r"is not empty\n(.|\n)*found: +strategy\.py\n"):
        run_toy(tmp_path)


def test_an_empty_folder_is_taken_and_what_is_put_into_it_later_stays(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    run_toy(place, trials=16)
    for name in (".env", "notes.txt", "trials/.part.0123abcd"):
        (place / name).write_text("mine")
    run_toy(place)
    run_toy(tmp_path / "whole")
    assert open_study(place).digest() == open_study(tmp_path / "whole").digest()
    assert {(place / name).read_text() for name in (".env", "notes.txt", "trials/.part.0123abcd")} == {"mine"}


def test_what_a_run_that_was_killed_before_its_study_has_left_is_taken(tmp_path, study):
    place = tmp_path / "killed"
    place.mkdir()
    (place / "sessions.parquet").write_bytes((study / "sessions.parquet").read_bytes())
    (place / ".backsweep-0123456789abcdef.tmp").write_text("half")
    run_toy(place)
    assert open_study(place).digest() == open_study(study).digest()


def test_sessions_of_other_data_that_a_run_which_was_killed_has_left_are_replaced(tmp_path, study):
    place = tmp_path / "killed"
    place.mkdir()
    pl.read_parquet(study / "sessions.parquet").head(3).write_parquet(place / "sessions.parquet")
    run_toy(place)
    assert StudyFolder(place).sessions().equals(StudyFolder(study).sessions())


def test_sessions_of_the_user_s_own_are_not_replaced(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    (place / "sessions.parquet").write_text("mine")
    with pytest.raises(StudyConflict, match=r"sessions\.parquet: the file cannot be read"):
        run_toy(place)
    assert (place / "sessions.parquet").read_text() == "mine"


class Weekly(ToyBackend):
    """Finds a week from session to session."""

    def start(self, spec):
        """Return what is known of the data."""
        return replace(super().start(spec), sessions_per_year=52.0)


def test_a_study_keeps_the_sessions_a_year_of_its_data(tmp_path, study):
    place = tmp_path / "weekly"
    run_toy(place, trials=16, backend=Weekly())
    run_toy(place, trials=40, backend=Weekly())  # and can be resumed
    weekly = open_study(place).sweep
    assert (weekly.sessions_per_year, open_study(study).sweep.sessions_per_year) == (52.0, 252.0)
    unsaid = weekly.model_copy(update={"data": weekly.data.model_copy(update={"sessions_per_year": None})})
    assert StudyFolder(place).completed(unsaid) == weekly
    assert StudyFolder(tmp_path / "none").completed(unsaid) == unsaid
    assert StudyFolder(study).completed(weekly) == weekly


@pytest.mark.parametrize(("begun", "named", "goes_on"), [
    ("tpe", "", "tpe"),  # the default when it was begun
    ("auto", "", "auto"),
    ("random", "", "auto"),  # which is refused: the key was deleted since
    ("tpe", "sampler: auto, ", "auto"),
])  # fmt: skip
def test_a_sweep_that_names_no_sampler_goes_on_with_the_former_default(tmp_path, begun, named, goes_on):
    run_toy(tmp_path / "study", begun, trials=16)
    file = tmp_path / "again.yaml"
    file.write_text((tmp_path / f"{begun}.yaml").read_text().replace(f"sampler: {begun}, ", named))
    assert StudyFolder(tmp_path / "study").completed(load_sweep(file)).search.sampler == goes_on
    assert StudyFolder(tmp_path / "none").completed(load_sweep(file)).search.sampler == "auto"


@pytest.mark.parametrize(("begun", "named", "goes_on"), [
    ("final: false", "", False),
    ("final: true", "", True),
    ("final: false", "final: true", True),  # which is refused: another study
    ("final: true", "final: false", False),
])  # fmt: skip
def test_a_sweep_that_names_no_final_choice_goes_on_as_its_study_began(tmp_path, begun, named, goes_on):
    sweeps = []
    (tmp_path / "toy.py").write_text("class Toy: ...\n")
    for number, final in enumerate((begun, named)):
        file = tmp_path / f"{number}.yaml"
        file.write_text(SWEEP.replace("SAMPLER", "random") + f"walk_forward: {{train: 3s, test: 2s, {final}}}\n")
        sweeps.append(load_sweep(file))
    folder = StudyFolder(tmp_path / "study")
    folder.create(identify(sweeps[0], sha256(b"data")), ToyBackend().start(None))
    assert folder.completed(sweeps[1]).walk_forward.final is goes_on
    undivided = sweeps[1].model_copy(update={"walk_forward": None})
    assert folder.completed(undivided).walk_forward is None


def begin(tmp_path, extra, **search):
    """Return the sweep of a file with more keys of `search`, and a folder whose study was begun with others."""
    (tmp_path / "toy.py").write_text("class Toy: ...\n")
    file = tmp_path / "again.yaml"
    file.write_text(SWEEP.replace("sampler: SAMPLER", f"sampler: random{extra}") + "account: {mode: sleeves}\n")
    sweep, folder = load_sweep(file), StudyFolder(tmp_path / "study")
    begun = sweep.model_copy(update={"search": sweep.search.model_copy(update=search)})
    folder.create(identify(begun, sha256(b"data")), ToyBackend().start(None))
    return sweep, folder


def test_a_study_that_took_trials_of_an_earlier_one_goes_on_with_those(tmp_path):
    taken = WarmStart(study="old", top=3, trials=({"entry": 2.0},))
    sweep, folder = begin(tmp_path, ", warm_start: {study: old, top: 3}", warm_start=taken)
    assert folder.completed(sweep).search.warm_start.trials == ({"entry": 2.0},)
    own, more = (taken.model_copy(update=each) for each in ({"trials": ({"entry": 1.0},)}, {"top": 4, "trials": None}))
    for warm in (own, more):  # which is refused: other trials
        said = sweep.model_copy(update={"search": sweep.search.model_copy(update={"warm_start": warm})})
        assert folder.completed(said).search.warm_start == warm


def test_a_study_with_a_group_for_each_asset_goes_on_with_the_assets_that_there_were(tmp_path):
    groups = {"SPY": ("SPY",), "XOM": ("XOM",)}
    sweep, folder = begin(tmp_path, "", asset_groups=groups)
    each = sweep.model_copy(update={"search": sweep.search.model_copy(update={"asset_groups": "per_asset"})})
    assert folder.completed(each).search.named_groups == groups
    assert folder.completed(sweep).search.named_groups == {}


def test_an_older_study_has_the_dates_of_its_ends_in_utc(study):
    content = io.BytesIO()
    kept = StudyFolder(study).sessions()
    kept.select("timestamp").write_parquet(content)
    (study / "sessions.parquet").write_bytes(content.getvalue())
    edit(study / "study.json", sessions=sha256(content.getvalue()))
    assert StudyFolder(study).sessions().equals(kept)
    run_toy(study)


def test_folds_that_were_counted_otherwise_are_not_resumed(study):
    spec = FoldSpec(train="4s", test="2s")
    info = DataInfo(np.arange(10), segments=StudyFolder(study).segments(spec))
    StudyFolder(study).check_segments(info, spec)
    with pytest.raises(StudyConflict, match="counted by UTC dates"):
        StudyFolder(study).check_segments(replace(info, segments=info.segments[1:]), spec)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"more": 1}, "unknown field `more`"),
        ({"hash": None}, "missing field `hash`"),
        ({"hash": "../victim"}, 'ill-formed field `hash`\n +expected: 64 hexadecimal digits\n +found: +"../victim"'),
        ({"hash": "ab" * 32}, "its `hash` is not that of its sweep, data and strategy"),
        ({"data": "cd" * 32}, "its `hash` is not that of its sweep, data and strategy"),
        ({"sweep": {"study": "../x", "strategy": "a:B"}}, "ill-formed field `study`\n +expected: a name of letters"),
        ({"sweep": {"study": "toy", "strategy": "a:B"}}, "missing field `data`"),
        ({"versions": {"backsweep": "9.9"}, "more": 1}, "in a study of backsweep 9.9"),
    ],
)
def test_a_study_json_that_was_edited_and_sealed_again_is_one_error(study, changes, said):
    edit(study / "study.json", **changes)
    with pytest.raises(StudyConflict, match=rf"study\.json: (.|\n)*{said}(.|\n)*remedy"):
        _ = open_study(study).identity
    with pytest.raises(StudyConflict, match=r"study\.json: "):
        run_toy(study)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"files": {"../victim": "ab" * 32}},
            r"ill-formed field `files.../victim.\[key\]`\n +expected: trials, returns",
        ),
        ({"files": {"trials": "ab" * 32}}, "not the parts of this study\n +expected: returns, trials"),
        ({"files": {"trials": "../victim"}}, "ill-formed field `files.trials`\n +expected: 64 hexadecimal digits"),
        ({"first": -1}, "ill-formed field `first`"),
        ({"count": 0}, "ill-formed field `count`"),
        ({"total": 2**70}, "ill-formed field `total`"),
        ({"total": True}, "ill-formed field `total`"),
        ({"study": "cd" * 32}, "this entry and study.json are of different studies"),
    ],
)
def test_an_entry_that_was_edited_and_sealed_again_is_one_error_and_touches_nothing(study, changes, said):
    victim = study.parent / "victim"
    victim.mkdir()
    (victim / ".env").write_text("mine")
    edit(study / "manifest" / "part-000000008.json", **changes)
    for act in (lambda: open_study(study).digest(), lambda: run_toy(study)):
        with pytest.raises(StudyConflict, match=rf"part-000000008\.json: (.|\n)*{said}"):
            act()
    assert (victim / ".env").read_text() == "mine"


def test_a_run_that_holds_a_study_clears_away_what_a_killed_one_left_of_its_growth(study):
    left = study / "sessions.next.parquet"
    left.write_bytes(b"of data that the study did not come to have")
    with StudyFolder(study).hold():
        assert not left.exists()
    assert len(open_study(study).trials) == 40
