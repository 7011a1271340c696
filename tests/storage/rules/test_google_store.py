"""A whole study in what speaks to us as Google Cloud Storage does."""

from __future__ import annotations

import pytest
from fakes.gcs_server import gcs_server
from scenarios.toy_study import ToyBackend, run_toy

from backsweep.errors import BadInput, StudyConflict
from backsweep.storage.open import open_files
from backsweep.study.results.study import open_study


@pytest.fixture
def storage():
    with gcs_server() as storage:
        yield storage


def test_of_two_writers_one_puts_the_file(storage):
    files = open_files("gs://bucket/place")
    assert files.put("part", b"first")
    assert not files.put("part", b"second")
    assert storage.refused == 1
    assert files.get("part") == b"first"


def test_a_file_whose_answer_was_lost_counts_as_put(storage):
    storage.lose = 1
    assert open_files("gs://bucket/place").put("part", b"first")
    assert storage.refused == 1  # the second request met what the first had put
    assert storage.objects["place/part"][0] == b"first"


def test_a_touch_gives_a_new_generation_and_never_overwrites_another(storage):
    files = open_files("gs://bucket/place")
    files.put("claim", b"mine")
    before = files.touched("claim")
    files.touch("claim", b"mine")
    assert files.touched("claim") != before
    storage.change_after_get = "place/claim", b"other"
    files.touch("claim", b"mine")
    assert storage.refused == 1
    assert files.get("claim") == b"other"


def test_a_study_is_interrupted_resumed_and_listed_page_by_page(storage, tmp_path):
    class Interrupted(ToyBackend):
        def wait(self, timeout):
            if len(open_files(url).names("manifest")) == 2:
                raise KeyboardInterrupt
            return super().wait(timeout)

    url = "gs://bucket/studies/toy"
    run_toy(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_toy(url, home=tmp_path, backend=Interrupted())
    assert open_study(url).state.done == 16
    assert run_toy(url, home=tmp_path).resumed == 16
    assert open_study(url).digest() == open_study(tmp_path / "whole").digest()
    assert sum(name.startswith("studies/toy/") for name in storage.objects) > 5  # a page


def test_a_driver_that_was_taken_over_cannot_commit(tmp_path):
    class Slept(ToyBackend):
        def wait(self, timeout):
            files = open_files(url)
            if len(files.names("manifest")) == 2:
                for name in files.names("lease"):
                    files.remove(name)
                run_toy(url, home=tmp_path, trials=32)
            return super().wait(timeout)

    url = "gs://bucket/studies/toy"
    with gcs_server():
        with pytest.raises(StudyConflict, match="another run has"):
            run_toy(url, home=tmp_path, backend=Slept())
        assert open_study(url).state.done == 32


@pytest.mark.usefixtures("storage")
def test_a_store_that_refuses_is_named(monkeypatch):
    with pytest.raises(BadInput, match="gs://nothing/place: the object store rejects the request"):
        open_files("gs://nothing/place").put("part", b"")
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "another")
    with pytest.raises(BadInput, match="credentials"):
        open_files("gs://bucket/place").put("part", b"")
