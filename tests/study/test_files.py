from __future__ import annotations

import json

import pytest

from backsweep.errors import BadInput, StudyConflict
from backsweep.study.files import put, read, read_sealed, sealed, sha256


def test_a_file_is_put_once_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "parts" / "part"
    assert put(path, b"first")
    assert not put(path, b"second")
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("backsweep.study.files.os.fsync", fail)
    with pytest.raises(BadInput, match=r"part: the study's folder cannot be written\n.*No space left(.|\n)*make room"):
        put(tmp_path / "part", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_as_it_was_written_or_not_at_all(tmp_path):
    path = tmp_path / "part"
    digest = sha256(b"content")
    put(path, b"content")
    assert read(path, digest) == b"content"
    path.write_bytes(b"contenu")
    with pytest.raises(StudyConflict, match=r"part: the file is not what was written\n(.|\n)*restore the file"):
        read(path, digest)
    path.unlink()
    with pytest.raises(StudyConflict, match="part: the file cannot be read"):
        read(path, digest)


def test_json_carries_its_own_digest(tmp_path):
    path = tmp_path / "entry.json"
    content = {"first": 3, "files": {"trials": "ab"}}
    path.write_bytes(sealed(content))
    assert read_sealed(path) == content
    for text in ("", "[]", "7", '"sha256"', "{}", json.dumps(content), path.read_text().replace("3,", "4,")):
        path.write_text(text)
        with pytest.raises(StudyConflict, match=r"entry\.json: the file is not what was written"):
            read_sealed(path)
