from __future__ import annotations

import errno
import json
import os
import socket
import time
from pathlib import Path

import pytest
from fakes.s3_server import s3_content, s3_server
from obstore.exceptions import PermissionDeniedError

from backsweep.errors import BadInput, StudyConflict
from backsweep.storage.open import open_files
from backsweep.storage.sealed import checked, sealed, sha256, unsealed


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
    assert files.contents() == ["parts", "parts-other"]


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
    message = r"s3://nothing/place: the object store rejects the request(.|\n)*found: .*not found(.|\n)*check the URL"
    with pytest.raises(BadInput, match=message):
        open_files("s3://nothing/place").put("entry", b"")


def test_another_kind_of_url_is_bad_input():
    with pytest.raises(
        BadInput, match=r"ftp://here/x: a study cannot be stored at this URL\n(.|\n)*s3://BUCKET/PREFIX"
    ):
        open_files("ftp://here/x")


def test_a_put_leaves_nothing_else_and_a_refused_one_nothing(tmp_path, monkeypatch):
    files = open_files(tmp_path)
    files.put("part", b"content")
    files.put("part", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["part"]

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("backsweep.storage.local.os.fsync", fail)
    with pytest.raises(
        BadInput, match=r"other: the study's folder cannot be written\n.*No space left(.|\n)*free disk space"
    ):
        files.put("other", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


def test_what_a_killed_put_has_left_is_not_listed_and_can_be_tidied(tmp_path, monkeypatch):
    files = open_files(tmp_path)
    files.put("parts/part", b"")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)  # as if killed before
        files.put("parts/other", b"")
        files.put("other", b"")
    assert len(list((tmp_path / "parts").iterdir())) == 3
    assert files.names("parts") == ["parts/other", "parts/part"]
    assert files.contents() == ["other", "parts"]
    for folder in ("", "parts"):
        files.tidy(folder)
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["other", "part"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "parts"]
    for name in files.names("parts"):
        files.remove(name)
    files.tidy("parts")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_nothing_is_tidied_but_temporary_files_of_our_own(tmp_path):
    files = open_files(tmp_path)
    for name in (".env", ".gitignore", ".part.0123abcd", ".backsweep-01.tmp", "notes.backsweep-0123456789abcdef.tmp"):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".backsweep-0123456789abcdef.tmp").mkdir()
    (tmp_path / ".backsweep-0123456789abcdee.tmp").symlink_to(tmp_path / ".env")
    before = sorted(tmp_path.iterdir())
    files.tidy("")
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_is_a_link_is_neither_tidied_nor_written_into(tmp_path):
    victim, place = tmp_path / "victim", tmp_path / "place"
    for folder in (victim, place):
        folder.mkdir()
    (victim / ".backsweep-0123456789abcdef.tmp").write_text("mine")
    (victim / "part").write_text("mine")
    (place / "parts").symlink_to(victim)
    files = open_files(place)
    files.tidy("parts")
    for act in (
        lambda: files.put("parts/other", b""),
        lambda: files.replace("parts/part", b""),
        lambda: files.remove("parts/part"),
    ):
        with pytest.raises(
            BadInput, match=r"parts/(other|part): .*cannot be written\n(.|\n)*is a link to another place"
        ):
            act()
    assert sorted(path.name for path in victim.iterdir()) == [".backsweep-0123456789abcdef.tmp", "part"]
    assert (victim / "part").read_text() == "mine"


@pytest.mark.parametrize("kind", ["FIFO", "socket", "device", "folder", "loop"])
def test_what_is_no_file_is_neither_read_nor_written_over_nor_removed(tmp_path, kind, monkeypatch):
    path = tmp_path / "part"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(tmp_path)  # the whole path may be too long for a socket
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("part")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    files = open_files(tmp_path)
    assert files.exists("part")
    with pytest.raises(
        StudyConflict, match=r"part: the file cannot be read\n +found: +(a [Fsdf].*, not a file|Too many)"
    ):
        files.get("part")
    for act in (lambda: files.put("part", b""), lambda: files.replace("part", b""), lambda: files.remove("part")):
        with pytest.raises(BadInput, match="part: the study's folder cannot be written"):
            act()
    files.touch("part", b"")
    assert path.is_symlink() or path.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["part"]


def test_a_put_whose_link_was_made_though_the_answer_says_that_it_exists_counts(tmp_path, monkeypatch):
    link = os.link

    def lost(source, target):
        link(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr("backsweep.storage.local.os.link", lost)
    files = open_files(tmp_path)
    assert files.put("part", b"mine")
    assert not files.put("part", b"other")
    assert files.get("part") == b"mine"


def test_a_replacement_that_was_made_though_the_answer_says_that_nothing_is_there_counts(tmp_path, monkeypatch):
    rename = Path.replace

    def lost(source, target):
        rename(source, target)
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr(Path, "replace", lost)
    files = open_files(tmp_path)
    files.replace("note", b"one")
    assert files.get("note") == b"one"


@pytest.mark.parametrize("location", ["", "  ", "a\0b"])
def test_a_place_without_a_name_is_refused(location):
    with pytest.raises(BadInput, match="the location of a study is empty"):
        open_files(location)


def test_a_name_that_is_too_long_is_one_error(tmp_path):
    files = open_files(tmp_path / ("n" * 300))
    for act in (
        lambda: files.exists("study.json"),
        files.contents,
        lambda: files.names("trials"),
        lambda: files.get("part"),
    ):
        with pytest.raises(StudyConflict, match="File name too long"):
            act()
    with pytest.raises(BadInput, match="File name too long"):
        files.put("part", b"")


def test_what_this_user_may_not_read_is_not_absent(tmp_path):
    """Permissions do not bind the superuser: a child process becomes nobody."""
    place = tmp_path / "place"
    files = open_files(place)
    files.put("parts/part", b"content")
    for parent in (tmp_path, *tmp_path.parents[:-2]):
        parent.chmod(0o755)
    for closed, mode in ((place, 0o000), (place / "parts", 0o000), (place, 0o711)):
        closed.chmod(mode)
        reads = [lambda: files.names("parts"), lambda: files.get("parts/part"), lambda: files.exists("parts/part")]
        if mode == 0o711:
            reads = [files.contents, files.inside]
        assert as_nobody(reads) == [PermissionError.__name__] * len(reads)
        closed.chmod(0o755)


def as_nobody(reads):
    """Make calls in a child process without rights; returns how each ended."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setegid(65534)
                os.seteuid(65534)
            os.write(sender, ",".join(map(ended, reads)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(sender)
    with open(receiver, encoding="utf-8") as answer:  # noqa: PTH123 - a handle
        return answer.read().split(",")


def ended(read):
    try:
        return str(read())
    except StudyConflict as error:
        return PermissionError.__name__ if "Permission denied" in error.found else str(error)


@pytest.mark.usefixtures("s3")
def test_what_a_store_does_not_let_this_user_read_is_not_absent(tmp_path, monkeypatch):
    files = open_files(f"s3://bucket/{tmp_path.name}/place")
    files.put("part", b"")

    def denied(*_, **__):
        raise PermissionDeniedError("Client error with status 403 Forbidden")

    for request in ("head", "get", "list_with_delimiter"):
        monkeypatch.setattr(f"obstore.{request}", denied)
    for read in (
        lambda: files.exists("part"),
        lambda: files.get("part"),
        lambda: files.names(""),
        files.contents,
        files.inside,
    ):
        with pytest.raises(BadInput, match="403 Forbidden"):
            read()


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


def test_a_study_may_lie_below_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "studies").symlink_to("disk")
    files = open_files(tmp_path / "studies" / "demo")
    assert files.put("study.json", b"{}")
    (tmp_path / "disk" / "demo" / ".backsweep-0123456789abcdef.tmp").touch()
    files.tidy("")
    assert [path.name for path in (tmp_path / "disk" / "demo").iterdir()] == ["study.json"]
