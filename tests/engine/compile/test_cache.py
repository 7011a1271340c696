import ast
import os
import warnings
from pathlib import Path

import pytest

from backsweep.engine.compile import cache

PACKAGE = Path(cache.__file__).parents[2]


@pytest.fixture(autouse=True)
def _anew():
    cache.cache_folder.cache_clear()
    yield
    cache.cache_folder.cache_clear()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Set where the user's folders are, and return what is chosen."""

    def chosen(**variables):
        for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(tmp_path))
        cache.cache_folder.cache_clear()
        folder = cache.cache_folder()
        return folder and folder.parent

    monkeypatch.chdir(tmp_path)
    return chosen


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"NUMBA_CACHE_DIR": "{}/chosen", "XDG_CACHE_HOME": "{}/xdg", "HOME": "{}/home"}, "chosen"),
        ({"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": "{}/xdg", "HOME": "{}/home"}, "xdg/backsweep"),
        ({"NUMBA_CACHE_DIR": "relative", "XDG_CACHE_HOME": "../relative", "HOME": "{}/home"}, "home/.cache/backsweep"),
        ({"XDG_CACHE_HOME": "", "HOME": "{}/home"}, "home/.cache/backsweep"),
    ],
)
def test_compiled_code_lies_where_the_user_wants_it(places, tmp_path, variables, expected):
    assert places(**variables) == tmp_path / expected
    assert (tmp_path / expected).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("home", ["", "relative"])
def test_an_empty_or_relative_home_is_no_folder(places, tmp_path, home):
    assert places(HOME=home) is None
    assert list(tmp_path.iterdir()) == []


def test_where_nobody_may_write_nothing_is_kept(tmp_path, places):
    (tmp_path / "file").touch()
    assert places(NUMBA_CACHE_DIR="{}/file/below") is None


def test_without_home_and_passwd_entry_nothing_is_kept(places, monkeypatch):
    monkeypatch.setattr(
        Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("Could not determine home directory."))
    )
    assert places() is None


@pytest.mark.parametrize("place", ["", "kernels"])
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o702])
def test_a_folder_that_others_can_write_to_is_not_used_and_this_is_said_once(tmp_path, places, place, linked, mode):
    folder = tmp_path / "chosen"
    folder.mkdir(mode=0o700)
    unsafe = folder / f"kernels-{cache._digest()}" if place else folder
    unsafe.mkdir(exist_ok=True)
    unsafe.chmod(mode)
    if linked:
        unsafe.rename(tmp_path / "elsewhere")
        unsafe.symlink_to(tmp_path / "elsewhere")
    with pytest.warns(RuntimeWarning, match=f"which other users can write to .*chmod 700 {unsafe}"):
        assert places(NUMBA_CACHE_DIR="{}/chosen") is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.cache_folder() is None
    assert not any(unsafe.iterdir())


@pytest.mark.parametrize("linked", [False, True])
def test_a_folder_of_another_user_is_not_used(tmp_path, places, monkeypatch, linked):
    folder = tmp_path / "chosen"
    folder.mkdir()
    if linked:
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.warns(RuntimeWarning, match="belongs to another user: set NUMBA_CACHE_DIR"):
        assert places(NUMBA_CACHE_DIR="{}/chosen") is None
    assert not any(folder.iterdir())


def test_a_link_to_a_folder_of_ones_own_is_used(tmp_path, places):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "chosen").symlink_to(tmp_path / "elsewhere")
    assert places(NUMBA_CACHE_DIR="{}/chosen") == tmp_path / "chosen"


def test_folders_are_the_users_alone_whatever_the_umask(tmp_path, places):
    before = os.umask(0)
    try:
        assert places(NUMBA_CACHE_DIR="{}/chosen") == tmp_path / "chosen"
    finally:
        os.umask(before)
    assert [folder.stat().st_mode & 0o777 for folder in (tmp_path / "chosen", cache.cache_folder())] == [0o700, 0o700]


@pytest.mark.parametrize(("name", "matters"), [("NUMBA_OPT", True), ("NUMBA_NUM_THREADS", False)])
def test_numbas_settings_have_folders_of_their_own_where_they_matter(monkeypatch, name, matters):
    before = cache._digest()
    monkeypatch.setenv(name, "1")
    assert (cache._digest() != before) == matters


@pytest.mark.parametrize(
    "place",
    [
        "engine/loop.py",
        "broker.py",
        "strategy/bind.py",
        "metrics/returns.py",
        "study/results/neighbours.py",
        "engine/below/new.py",
    ],
)
def test_a_changed_source_is_another_folder(tmp_path, monkeypatch, place):
    for source in PACKAGE.rglob("*.py"):
        copy = tmp_path / source.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    changed = tmp_path / place
    changed.parent.mkdir(exist_ok=True)
    changed.touch()
    monkeypatch.setattr(cache, "_PACKAGE", tmp_path)
    cache._covered.cache_clear()
    before = cache._digest()
    changed.write_text(changed.read_text() + "\n")
    cache._covered.cache_clear()
    assert cache._digest() != before
    cache._covered.cache_clear()


COMPILES = {
    "numba",
    "KEPT",
    "kernel",
    "compiled",
    "overload",
    "intrinsic",
    "view",
    "njit",
    "register_jitable",
    "compile_loop",
}


def imported(source):
    """Return the last names of what a source imports."""
    imports = [
        node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return {alias.name for node in imports for alias in node.names}


def test_every_file_with_a_kernel_is_covered():
    with_kernels = {source for source in PACKAGE.rglob("*.py") if imported(source) & COMPILES}
    assert len(with_kernels) > 30
    assert [source for source in with_kernels if not cache.is_covered(str(source))] == []
