import os
import subprocess
import sys
from pathlib import Path

import pytest

from backsweep.engine import cache

PROGRAM = "from backsweep.engine.cache import cache_folder as it; print(it(), it().is_dir())"


def folder_under(**environment):
    command = [sys.executable, "-c", PROGRAM]
    environment = os.environ | environment
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout  # noqa: S603 - the program above
    folder, there = printed.split()
    assert there == "True"
    return Path(folder)


def test_compiled_code_lies_where_the_user_wants_it(tmp_path):
    chosen = folder_under(NUMBA_CACHE_DIR=str(tmp_path / "chosen"))
    assert chosen.parent == tmp_path / "chosen"
    assert chosen.is_dir()


def test_where_nobody_may_write_it_ends_with_the_process(tmp_path):
    (tmp_path / "file").touch()
    folder = folder_under(NUMBA_CACHE_DIR=str(tmp_path / "file" / "below"), TMPDIR=str(tmp_path))
    assert folder.parent == tmp_path
    assert not folder.exists()


@pytest.mark.parametrize(("name", "matters"), [("NUMBA_OPT", True), ("NUMBA_NUM_THREADS", False)])
def test_numbas_settings_have_folders_of_their_own_where_they_matter(monkeypatch, name, matters):
    before = cache._digest()
    monkeypatch.setenv(name, "1")
    assert (cache._digest() != before) == matters


@pytest.mark.parametrize("place", ["engine/loop.py", "broker.py", "strategy/bind.py", "metrics/returns.py"])
def test_a_changed_source_is_another_folder(tmp_path, monkeypatch, place):
    package = Path(cache.__file__).parents[1]
    for source in package.rglob("*.py"):
        copy = tmp_path / source.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "engine" / "cache.py"))
    before = cache._digest()
    (tmp_path / place).write_text((tmp_path / place).read_text() + "\n")
    assert cache._digest() != before
