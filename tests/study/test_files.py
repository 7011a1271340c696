from __future__ import annotations

import json
import time

import pytest
from s3_server import s3_content, s3_server

from backsweep.errors import BadInput, StudyConflict
from backsweep.study.files import checked, open_files, sealed, sha256, unsealed


@pytest.fixture(scope="module")
def s3():
    with s3_server() as address:
        yield address


@pytest.fixture(params=["folder", "store"])
def files(request, tmp_path):
    if request.param == "folder":
        return open_files(tmp_path / "place")
    request.getfixturevalue("s3")
    return open_files(f"s3://bucket/{tmp_path.name}/place")


def test_a_file_is_put_once(files):
    assert files.put("parts/part", b"first")
    assert not files.put("parts/part", b"second")
    assert files.get("parts/part") == b"first"
    assert files.names("parts") == ["parts/part"]
    assert files.exists("parts/part")
    assert files.where("parts/part") == f"{files.location}/parts/part"


def test_files_are_listed_by_folder_and_read_in_the_order_that_is_asked(files):
    names = [f"parts/part-{i:02d}" for i in range(20)]
    for name in reversed(names):
        files.put(name, name.encode())
    files.put("parts/below/other", b"")
    files.put("parts-other", b"")
    assert [name for name in files.names("parts") if "-" in name] == names
    assert list(files.get_all(reversed(names))) == [name.encode() for name in reversed(names)]
    assert files.names("nothing") == []
    assert [name for name in files.names("") if "-" in name] == ["parts-other"]


def test_a_file_may_be_replaced_and_removed(files):
    files.replace("note", b"one")
    files.replace("note", b"two")
    assert files.get("note") == b"two"
    for _ in range(2):
        files.remove("note")
        assert not files.exists("note")
    with pytest.raises(StudyConflict, match=r"note: the file cannot be read\n(.|\n)*restore the file"):
        files.get("note")


def test_a_touch_shows_and_never_brings_a_file_back(files):
    files.put("claim", b"mine")
    before = files.touched("claim")
    deadline = 50
    while files.touched("claim") == before and deadline:  # the store's clock counts seconds
        files.touch("claim", b"mine")
        deadline -= 1
        time.sleep(0.1)
    assert files.touched("claim") != before
    files.replace("claim", b"other")
    files.touch("claim", b"mine")
    assert files.get("claim") == b"other"
    files.remove("claim")
    files.touch("claim", b"mine")
    assert files.touched("claim") is None


def test_places_lie_inside_others(files):
    files.put("study.json", b"")
    beside = open_files(f"{str(files.location).removesuffix('place')}beside")
    beside.put("deep/file", b"")
    assert [str(each.location) for each in files.parent().inside()] == [str(beside.location), str(files.location)]
    assert [str(each.location) for each in beside.inside()] == [f"{beside.location}/deep"]
    assert files.inside() == []


@pytest.mark.usefixtures("s3")
def test_a_put_whose_answer_was_lost_and_that_is_sent_again_counts(tmp_path):
    files = open_files(f"s3://bucket/{tmp_path.name}")
    assert files.put("entry", b"mine")
    assert files.put("entry", b"mine")
    assert not files.put("entry", b"other")
    assert s3_content(tmp_path.name) == {f"{tmp_path.name}/entry": b"mine"}


@pytest.mark.usefixtures("s3")
def test_a_store_that_is_not_there_is_bad_input():
    message = r"s3://nothing/place: the object store refuses(.|\n)*found: .*not found(.|\n)*check the URL"
    with pytest.raises(BadInput, match=message):
        open_files("s3://nothing/place").put("entry", b"")


def test_another_kind_of_url_is_bad_input():
    with pytest.raises(BadInput, match=r"ftp://here/x: a study cannot be kept at this URL\n(.|\n)*s3://BUCKET/PREFIX"):
        open_files("ftp://here/x")


def test_a_put_leaves_nothing_else_and_a_refused_one_nothing(tmp_path, monkeypatch):
    files = open_files(tmp_path)
    files.put("part", b"content")
    files.put("part", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["part"]

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("backsweep.study.local_files.os.fsync", fail)
    with pytest.raises(BadInput, match=r"other: the study's folder cannot be written\n.*No space left(.|\n)*make room"):
        files.put("other", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


def test_what_a_killed_put_has_left_is_not_listed_and_can_be_tidied(tmp_path):
    files = open_files(tmp_path)
    files.put("parts/part", b"")
    for left in (tmp_path / "parts" / ".part.12", tmp_path / ".study.json.12"):
        left.touch()
    assert files.names("parts") == ["parts/part"]
    for folder in ("", "parts"):
        files.tidy(folder)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["part"]
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]
    files.remove("parts/part")
    files.tidy("parts")
    assert list(tmp_path.iterdir()) == []


def test_content_is_what_was_written_or_an_error():
    digest = sha256(b"content")
    assert checked(b"content", digest, "part") == b"content"
    with pytest.raises(StudyConflict, match=r"part: the file is not what was written\n(.|\n)*restore the file"):
        checked(b"contenu", digest, "part")


def test_json_carries_its_own_digest():
    content = {"first": 3, "files": {"trials": "ab"}}
    raw = sealed(content)
    assert unsealed(raw, "entry.json") == content
    for text in ("", "[]", "7", '"sha256"', "{}", json.dumps(content), raw.decode().replace("3,", "4,")):
        with pytest.raises(StudyConflict, match=r"entry\.json: the file is not what was written"):
            unsealed(text.encode(), "entry.json")
