import base64
import itertools
import json
import shutil

import pytest

import backsweep as bs
from backsweep.errors import BacksweepError, StudyConflict
from backsweep.submission.transfer import DATA, FILE, main, receive, send


@pytest.fixture
def study(sweep_file, play, tmp_path):
    play(sweep_file, tmp_path / "study")
    selected = tmp_path / "study" / "selected"
    selected.mkdir()
    (selected / "params.json").write_text("{}")
    return tmp_path / "study"


def _log(study, skip=0):
    return "noise\n" + "".join(f"{line}\n" for line in send(study, skip)) + "noise after the end\n"


@pytest.mark.parametrize("size", [1, 100, 10**9])
def test_a_study_arrives_as_it_is_however_its_log_is_cut(study, tmp_path, size):
    log = _log(study)
    delivery = receive((log[start : start + size] for start in range(0, len(log), size)), tmp_path / "out")
    files = {path.relative_to(study) for path in study.rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()} == files
    assert all((study / name).read_bytes() == (tmp_path / "out" / name).read_bytes() for name in files)
    assert delivery.files == len(files)
    assert delivery.size == sum((study / name).stat().st_size for name in files)


def test_lease_looks_and_hidden_files_stay_behind(study, tmp_path):
    for folder, name in (("lease", "claim-1.json"), ("looks", "000000040.json")):
        (study / folder).mkdir()
        (study / folder / name).write_text("{}")
    for name in ("trials/.part.tmp", ".env", "notes.txt"):
        (study / name).write_text("half")
    (study / "loop").symlink_to(study)
    receive([_log(study)], tmp_path / "out")
    assert not (tmp_path / "out" / "lease").exists()
    assert not (tmp_path / "out" / "looks").exists()
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {path.name for path in study.iterdir()} - {
        "lease",
        "looks",
        ".env",
        "notes.txt",
        "loop",
    }
    assert not (tmp_path / "out" / "trials" / ".part.tmp").exists()


def test_a_fetch_that_broke_off_leaves_a_shorter_study_and_the_next_one_completes_it(study, tmp_path):
    lines = list(send(study))
    entries = [i for i, line in enumerate(lines) if '"manifest/' in line]
    with pytest.raises(BacksweepError, match="it ends too early"):
        receive([line + "\n" for line in lines[: entries[2]]], tmp_path / "out")
    assert bs.open_study(tmp_path / "out").state.done == 8  # the first of five batches; the second's entry is not whole
    receive([_log(study)], tmp_path / "out")
    assert bs.open_study(tmp_path / "out").digest() == bs.open_study(study).digest()


def test_what_is_there_is_not_sent_again(study, tmp_path):
    receive([_log(study)], tmp_path / "out")
    names = [json.loads(line.removeprefix(FILE))["name"] for line in send(study, 32) if line.startswith(FILE)]
    assert [name for name in names if name.startswith("manifest/")] == ["manifest/part-000000032.json"]
    assert len([name for name in names if name.startswith("trials/")]) == 1


def _flip(line):
    content = bytearray(base64.b64decode(line.removeprefix(DATA)))
    content[len(content) // 2] ^= 1
    return DATA + base64.b64encode(content).decode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [*lines[:1], _flip(lines[1]), *lines[2:]],
        lambda lines: [*lines[:1], DATA + "!!!", *lines[2:]],
        lambda lines: [*lines[:1], *lines[2:]],
        lambda lines: lines[2:],
        lambda lines: [lines[0].replace("study.json", "../study.json"), *lines[1:]],
        lambda lines: [lines[0].replace("study.json", "/etc/study.json"), *lines[1:]],
        lambda lines: [lines[0].replace("study.json", "trials/../../x"), *lines[1:]],
        lambda lines: [lines[0].replace("study.json", "Makefile"), *lines[1:]],
        lambda lines: lines[:-1],
    ],
    ids=[
        "flipped bit",
        "not base64",
        "content lost",
        "file lost",
        "above",
        "absolute",
        "out of it",
        "no file of a study",
        "no end",
    ],
)
def test_damage_on_the_way_is_an_error(study, tmp_path, damage):
    lines = damage(list(send(study)))
    with pytest.raises(BacksweepError, match="did not come through whole"):
        receive([line + "\n" for line in lines], tmp_path / "deep" / "out")
    assert not (tmp_path / "deep" / "study.json").exists()


def test_a_file_of_another_run_is_never_written_over(study, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(study, out)
    part = next((out / "trials").iterdir())
    part.write_bytes(b"mine")
    with pytest.raises(StudyConflict, match="are of different runs"):
        receive([_log(study)], out)
    assert part.read_bytes() == b"mine"


def test_the_records_of_the_best_trial_are_replaced(study, tmp_path):
    receive([_log(study)], tmp_path / "out")
    (study / "selected" / "params.json").write_text('{"better": 1}')
    receive([_log(study)], tmp_path / "out")
    assert (tmp_path / "out" / "selected" / "params.json").read_text() == '{"better": 1}'


def test_the_sender_says_where_there_is_no_study(tmp_path, capsys):
    assert main(str(tmp_path)) == 2
    assert "no study here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("piece", "found"),
    [
        ("x" * 2**16, "a line without end"),
        (("x" * 1000 + "\n") * 100, "characters that are no part of a study"),
        (FILE + "[]\n", "a line lacks what belongs into it"),
        (FILE + '{"name": "a", "size": "1", "sha256": ""}\n', "a line lacks what belongs into it"),
        (FILE + "{\n", "a line is not JSON"),
        (FILE + "[" * 100_000 + "\n", "a line is not JSON"),
        (DATA + "AAAA\n", "longer than was said"),
        (FILE + '{"name": "a", "size": 2, "sha256": ""}\n' + DATA + "AAAA\n", "longer than was said"),
        ("backsweep-end []\n", "a line lacks what belongs into it"),
    ],
)
def test_a_log_without_end_or_sense_is_one_error(piece, found, tmp_path):
    with pytest.raises(BacksweepError, match="did not come through whole") as caught:
        receive(itertools.repeat(piece), tmp_path / "out")
    assert found in caught.value.found
