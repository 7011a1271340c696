"""What makes two runs one study."""

import json
import logging
import platform

import pytest

from backsweep.errors import StudyConflict
from backsweep.study.store.folder import StudyFolder
from backsweep.study.store.identity import Identity, identify, list_files
from backsweep.sweepfile.load import load_sweep

DATA = "d" * 64

SWEEP = """
study: mine
data: {bars: bars.csv}
strategy: mine.py:Mine
costs: {commission: {kind: custom, model: costs/fees.py:Fee}}
search: {sampler: random, trials: 4, objective: {maximize: sharpe}}
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "costs").mkdir()
    for name, text in {
        "sweep.yaml": SWEEP,
        "mine.py": "import helpers, numpy\n",
        "helpers.py": "",
        "costs/fees.py": "import helpers\n",
        "costs/helpers.py": "RATE = 1\n",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def read(home):
    return identify(load_sweep(home / "sweep.yaml"), DATA)


def test_the_files_of_strategy_and_models_are_named(home):
    assert sorted(read(home).files) == ["Fee: helpers.py", "helpers.py"]
    assert list_files(load_sweep(home / "sweep.yaml")) == ("mine.py", "helpers.py", "fees.py")


@pytest.mark.parametrize(
    ("file", "said"),
    [("helpers.py", "helpers.py has changed"), ("costs/helpers.py", "Fee: helpers.py has changed")],
)
def test_a_file_that_changed_is_another_study_and_is_named(home, file, said):
    before = read(home)
    (home / file).write_text("CHANGED = 1\n")
    assert before.differences(read(home)) == [said]
    assert before.hash != read(home).hash


def test_a_metric_of_the_users_own_is_part_of_the_study_by_its_source(home):
    without = read(home)
    (home / "sweep.yaml").write_text(SWEEP + "metrics: {worst: costs/fees.py:worst}\n")
    before = read(home)
    assert "metrics" not in without.determining
    assert before.hash != without.hash
    assert "worst: helpers.py" in before.files
    (home / "costs" / "fees.py").write_text("import helpers  # changed\n")
    after = read(home)
    assert any("metrics.worst.source" in text for text in before.differences(after))
    (home / "sweep.yaml").write_text(SWEEP + "metrics: {worst: costs/fees.py:best}\n")
    assert any("metrics.worst.function" in text for text in after.differences(read(home)))


def test_a_benchmark_is_part_of_the_study_and_where_its_file_is_is_not(home):
    texts = (
        "",
        "benchmark: SPY",
        "benchmark: IWM",
        "benchmark: index.csv",
        "benchmark: {path: index.csv, asset: null}",
    )
    texts += ("benchmark: {path: other.csv, columns: {close: Last}}", "benchmark: {asset: SPY}", "benchmark: moved.csv")
    found = []
    for text in texts:
        (home / "sweep.yaml").write_text(SWEEP.replace("bars.csv}", f"bars.csv, {text}}}"))
        found.append(read(home).hash)
    without, spy, iwm, file, *others = found
    assert len({without, spy, iwm, file, others[1]}) == 5
    assert [others[0], *others[2:]] == [file, spy, file]


def test_quotes_are_part_of_the_study_where_orders_meet_them(home):
    plain = read(home)
    assert "quotes" not in plain.determining["execution"]
    file = home / "sweep.yaml"
    file.write_text(file.read_text() + "execution: {quotes: false}\n")
    assert read(home).hash == plain.hash
    file.write_text(file.read_text().replace("quotes: false", "quotes: true"))
    assert plain.differences(read(home)) == ["execution.quotes: absent -> true"]


def test_finer_bars_are_part_of_the_study_and_where_their_file_is_is_not(home):
    texts = ("", "detail: minutes.csv", "detail: moved.csv", "detail: {path: moved.csv, columns: {close: Last}}")
    found = []
    for text in texts:
        (home / "sweep.yaml").write_text(SWEEP.replace("bars.csv}", f"bars.csv, {text}}}"))
        found.append(read(home))
    without, given, moved, renamed = found
    assert "detail" not in without.determining["data"]
    assert given.hash == moved.hash
    assert len({without.hash, given.hash, renamed.hash}) == 3


MOVED = SWEEP.replace("mine.py:", "inner/mine.py:").replace("costs/fees.py:", "inner/costs/fees.py:")
LONGER = SWEEP.replace("study: mine", "study: yours").replace("trials: 4", "trials: 8") + "runtime: {workers: 2}\n"


@pytest.mark.parametrize("text", [MOVED, LONGER, SWEEP.replace("bars.csv", "inner/bars.csv")])
def test_names_and_places_and_how_much_runs_where_make_no_other_study(home, text):
    before = read(home)
    (home / "inner").mkdir()
    for name in ("mine.py", "helpers.py", "costs") if text is MOVED else ():
        (home / name).rename(home / "inner" / name)
    (home / "sweep.yaml").write_text(text)
    assert read(home).hash == before.hash
    assert read(home).differences(before) == []


@pytest.mark.parametrize(("part", "other"), [("mine.py:Mine", "mine.py:Yours"), ("fees.py:Fee", "fees.py:Free")])
def test_another_class_of_the_same_file_is_another_study(home, part, other):
    before = read(home)
    (home / "sweep.yaml").write_text(SWEEP.replace(part, other))
    assert read(home).hash != before.hash


def test_a_sampler_of_the_users_own_counts_with_what_it_imports_wherever_it_lies(home):
    shipped = read(home)
    (home / "sweep.yaml").write_text(SWEEP.replace("sampler: random", "sampler: own/draw.py:Draw"))
    (home / "own").mkdir()
    (home / "own" / "draw.py").write_text("import urn\n")
    (home / "own" / "urn.py").write_text("")
    before = read(home)
    assert before.files.keys() - shipped.files.keys() == {"Draw: draw.py", "Draw: urn.py"}
    assert list_files(load_sweep(home / "sweep.yaml"))[-2:] == ("draw.py", "urn.py")
    for file, text in [("draw.py", "import urn\nCHANGED = 1\n"), ("urn.py", "CHANGED = 1\n")]:
        unchanged = (home / "own" / file).read_text()
        (home / "own" / file).write_text(text)
        assert before.differences(read(home)) == [f"Draw: {file} has changed"]
        (home / "own" / file).write_text(unchanged)
    (home / "own").rename(home / "elsewhere")
    (home / "sweep.yaml").write_text(SWEEP.replace("sampler: random", "sampler: elsewhere/draw.py:Draw"))
    assert read(home).hash == before.hash


def test_a_file_that_comes_or_goes_is_named(home):
    before = read(home)
    (home / "helpers.py").write_text("import more\n")
    (home / "more.py").write_text("")
    after = read(home)
    assert before.differences(after) == ["helpers.py has changed", "more.py is read now and was not before"]
    assert after.differences(before)[1] == "more.py was read before and is not now"


def test_a_study_without_other_files_has_the_hash_that_it_always_had(home):
    (home / "sweep.yaml").write_text(SWEEP.replace("costs: {commission: {kind: custom, model: costs/fees.py:Fee}}", ""))
    (home / "mine.py").write_text("import numpy\n")
    now = read(home)
    assert now.files == {}
    assert Identity(now.sweep, now.data, now.strategy, now.models).hash == now.hash


def test_a_key_that_a_study_is_older_than_has_its_default_there(home):
    now = read(home)
    older = {**now.sweep, "data": {key: value for key, value in now.sweep["data"].items() if key != "prices"}}
    assert now.sweep["data"]["prices"] == "positive"
    assert Identity(older, now.data, now.strategy, now.models, now.files).differences(now) == []
    assert Identity(older, now.data, now.strategy, now.models, now.files).hash == now.hash


def test_sessions_a_year_are_what_the_data_have_or_what_is_declared(home):
    now = read(home)  # of a study before this key, or of a run that has not seen its data
    assert now.with_sessions_per_year(252.0).hash == now.hash
    weekly = now.with_sessions_per_year(52.0)
    assert weekly.hash != now.hash
    assert weekly.differences(now) == []
    assert weekly.differences(now.with_sessions_per_year(252.0)) == ["data.sessions_per_year: 52.0 -> 252.0"]
    assert now.differences(weekly) == ["data.sessions_per_year: 252.0 -> 52.0"]


def test_an_older_study_is_compared_on_what_it_recorded(home):
    now = read(home)
    older = Identity(now.sweep, now.data, now.strategy, now.models)
    assert older.differences(now) == []
    (home / "mine.py").write_text("import helpers\n")
    assert len(older.differences(read(home))) == 1


def test_what_was_recorded_is_read_back(home):
    now = read(home)
    again = Identity.from_content(json.loads(json.dumps(now.to_content())))
    assert again == now
    assert again.versions == now.versions
    assert {"polars", "numpy"} <= now.versions.keys()
    assert now.versions["python"] == platform.python_version()


def test_a_last_training_makes_another_study_but_where_a_holdout_had_one_before(home):
    def hash_with(walk):
        (home / "sweep.yaml").write_text(f"{SWEEP}walk_forward: {{train: 4y, test: 1y{walk}}}\n")
        return read(home).hash

    assert hash_with(", final: false") != hash_with(", final: true") == hash_with("")
    assert hash_with(", holdout: 1y, final: false") == hash_with(", holdout: 1y")


def test_another_version_of_a_package_is_a_warning_and_no_refusal(home, monkeypatch, caplog):
    now = read(home)
    begun = Identity(now.sweep, now.data, now.strategy, now.models, None, {**now.versions, "numpy": "1.0"})
    monkeypatch.setattr(StudyFolder, "exists", True)
    monkeypatch.setattr(StudyFolder, "identity", lambda _: begun)
    with caplog.at_level(logging.WARNING):
        StudyFolder(home / "study").check(now)
    assert f"was begun with other versions: numpy 1.0 -> {now.versions['numpy']}" in caplog.text
    assert "a version that did not record these files: Fee: helpers.py, helpers.py" in caplog.text
    assert "a version whose fills can differ" in caplog.text
    (home / "mine.py").write_text("import helpers\n")
    with pytest.raises(StudyConflict, match="strategy source"):
        StudyFolder(home / "study").check(read(home))
