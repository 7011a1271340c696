import fcntl
import os
import subprocess
import sys
import time

import pytest

from backsweep.engine.compile import store
from backsweep.engine.compile.store import Store


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "kernels-own"
    folder.mkdir()
    monkeypatch.setattr(store, "cache_folder", lambda: folder)
    return folder


def damage(content, how):
    half = len(content) // 2
    return {
        "truncated": content[:half],
        "empty": b"",
        "flipped": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
        "foreign": b"x" * 1000,
    }[how]


@pytest.mark.parametrize("how", ["truncated", "empty", "flipped", "foreign"])
def test_a_damaged_file_is_as_good_as_none(root, how):
    kept = Store("loops")
    kept.write("one", b"machine code")
    path = root / "loops" / "one"
    path.write_bytes(damage(path.read_bytes(), how))
    assert kept.read("one") is None
    kept.write("one", b"machine code")
    assert kept.read("one") == b"machine code"


def test_files_and_folders_are_the_users_alone_whatever_the_umask(root):
    before = os.umask(0)
    try:
        Store("loops").write("one", b"x")
    finally:
        os.umask(before)
    assert (root / "loops").stat().st_mode & 0o777 == 0o700
    assert (root / "loops" / "one").stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_can_write_is_not_read(root):
    kept = Store("loops")
    kept.write("one", b"x")
    (root / "loops" / "one").chmod(0o666)
    assert kept.read("one") is None


def test_a_file_of_another_user_is_not_read(root, monkeypatch):
    kept = Store("loops")
    kept.write("one", b"x")
    assert kept.read("one") == b"x"
    monkeypatch.setattr(os, "geteuid", lambda: root.stat().st_uid + 1)
    assert kept.read("one") is None


def test_a_link_to_a_file_is_not_followed(root, tmp_path):
    kept = Store("loops")
    kept.write("one", b"x")
    (root / "loops" / "one").rename(tmp_path / "elsewhere")
    (root / "loops" / "one").symlink_to(tmp_path / "elsewhere")
    assert kept.read("one") is None


def test_a_folder_that_others_can_write_to_is_not_written(root):
    (root / "loops").mkdir()
    (root / "loops").chmod(0o777)
    Store("loops").write("one", b"x")
    assert list((root / "loops").iterdir()) == []


def test_without_a_folder_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: None)
    kept = Store("loops")
    kept.write("one", b"x")
    kept.drop("one")
    assert kept.read("one") is None
    with kept.filling("one") as began:
        assert not began


def test_the_files_that_were_used_last_stay(root):
    kept = Store("loops", limit=2)
    for number, name in enumerate(("one", "two")):
        kept.write(name, b"x")
        os.utime(root / "loops" / name, (number, number))
    assert kept.read("one") == b"x"  # and so it was used later than two
    kept.write("three", b"x")
    assert {path.name for path in (root / "loops").iterdir()} == {"one", "three"}


def test_what_an_interrupted_process_left_behind_goes(root):
    kept = Store("loops", limit=2)
    kept.write("one", b"x")
    (root / "loops" / ".0123.part").write_bytes(b"half")
    os.utime(root / "loops" / ".0123.part", (0, 0))
    for name in ("two", "three"):
        kept.write(name, b"x")
    assert {path.name for path in (root / "loops").iterdir()} == {"two", "three"}


HOLDER = """
import sys, time
from pathlib import Path
from backsweep.engine.compile import store
store.cache_folder = lambda: Path(sys.argv[1])
with store.Store("loops").filling("one"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(root):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(root)], stdout=subprocess.PIPE, text=True)  # noqa: S603 - the program above
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def is_free(root):
    handle = os.open(root / "lock-on", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def test_one_process_at_a_time_compiles_a_function_and_the_lock_ends_with_it(root, holder):
    assert not is_free(root)
    with Store("loops").filling("two") as began:  # it does not wait for the holder of "one"
        assert began
    holder.kill()
    with Store("loops").filling("one") as began:
        assert began
        assert not is_free(root)
        with Store("kernels").filling("one") as inside:
            assert not inside
        assert not is_free(root)
    assert is_free(root)


@pytest.mark.usefixtures("holder")
def test_nobody_waits_for_ever_for_another_process(monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.0)
    with Store("loops").filling("one") as began:
        assert began


def test_where_the_file_system_has_no_locks_everybody_compiles(root, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Store("loops").filling("one") as began:
        assert began
    (root / "lock-on").unlink()
    (root / "lock-on").mkdir()
    with Store("loops").filling("one") as began:
        assert began


def test_folders_of_versions_that_nobody_uses_any_more_go(tmp_path, monkeypatch):
    days = {"old": 90, "older": 200, "oldest": 400, "month": 29, "new": 1}
    for name, age in days.items():
        inside = tmp_path / f"kernels-{name}" / "loops"
        inside.mkdir(parents=True)
        (inside / "one").write_bytes(b"x")
        os.utime(inside.parent, (time.time() - 86_400 * age,) * 2)
    (tmp_path / "others").mkdir()
    os.utime(tmp_path / "others", (0, 0))
    own = tmp_path / "kernels-own"
    own.mkdir()
    monkeypatch.setattr(store, "cache_folder", lambda: own)
    Store("loops", limit=2).write("one", b"x")
    assert {path.name for path in tmp_path.iterdir()} == {"kernels-own", "kernels-new", "kernels-month", "others"}


def test_a_folder_that_is_read_stays_and_so_do_the_newest(tmp_path, monkeypatch):
    folders = [tmp_path / f"kernels-{name}" for name in ("one", "two", "three", "four", "five")]
    kept = Store("loops", limit=2)
    for folder in folders:
        folder.mkdir()
        monkeypatch.setattr(store, "cache_folder", lambda folder=folder: folder)
        kept.write("one", b"x")
    for age, folder in enumerate(reversed(folders)):
        os.utime(folder, (0, 1000 - age))
    monkeypatch.setattr(store, "cache_folder", lambda: folders[0])
    assert kept.read("one") == b"x"
    assert len(list(tmp_path.iterdir())) == 5  # who only reads removes nothing
    (tmp_path / "kernels-six").mkdir()
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "kernels-six")
    kept.write("one", b"x")
    assert {path.name for path in tmp_path.iterdir()} == {"kernels-six", "kernels-one", "kernels-five"}


def test_processes_that_remove_the_same_folders_do_not_disturb_each_other(tmp_path):
    for number in range(40):
        for part in range(20):
            inside = tmp_path / f"kernels-{number}" / f"part-{part}"
            inside.mkdir(parents=True)
            (inside / "index").write_bytes(b"x")
        os.utime(tmp_path / f"kernels-{number}", (number, number))
    code = (
        "import pathlib, sys; from backsweep.engine.compile import store; sys.stdin.read(1); "
        f"store._drop_old_folders(pathlib.Path({str(tmp_path)!r}) / 'kernels-0')"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) for _ in range(3)]  # noqa: S603 - ours
    for process in running:
        process.stdin.write(b"g")
        process.stdin.close()
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert {path.name for path in tmp_path.iterdir()} == {"kernels-0", "kernels-37", "kernels-38", "kernels-39"}
