import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import config, njit

from backsweep.engine.compile import store
from backsweep.engine.compile.loop_cache import compile_loop

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path)
    return tmp_path / "loops"


def make(number):
    def loop(out):
        out[0] = number + out.size

    return loop


def result(compiled, size=2):
    out = np.zeros(size)
    compiled(out)
    return out[0]


def hits(compiled):
    """Count the variants that were read from disk; Numba keeps no metadata of those."""
    return sum(overload.metadata is None for overload in compiled.overloads.values())


@pytest.mark.usefixtures("folder")
def test_a_loop_is_compiled_once_and_read_afterwards():
    first, second = compile_loop(make(3.0), "three"), compile_loop(make(3.0), "three")
    assert [result(first), result(second)] == [5.0, 5.0]
    assert [hits(first), hits(second)] == [0, 1]


@pytest.mark.usefixtures("folder")
def test_another_fingerprint_is_another_loop():
    first, second = compile_loop(make(3.0), "three"), compile_loop(make(4.0), "four")
    assert [result(first), result(second)] == [5.0, 6.0]
    assert hits(second) == 0


@pytest.mark.usefixtures("folder")
def test_other_types_of_arguments_are_another_loop():
    first, second = compile_loop(make(3.0), "three"), compile_loop(make(3.0), "three")
    assert result(first) == 5.0
    whole = np.zeros(4, np.int64)
    second(whole)
    assert whole[0] == 7
    assert hits(second) == 0


def test_without_a_fingerprint_nothing_is_kept(folder):
    assert result(compile_loop(make(3.0), None)) == 5.0
    assert not folder.exists()


def damage(content, how):
    half = len(content) // 2
    return {
        "truncated": content[:half],
        "empty": b"",
        "flipped": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
        "foreign": b"x" * 1000,
    }[how]


@pytest.mark.parametrize("how", ["truncated", "empty", "flipped", "foreign"])
def test_a_damaged_file_is_written_again(folder, how):
    result(compile_loop(make(3.0), "three"))
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole, how))
    second, third = compile_loop(make(3.0), "three"), compile_loop(make(3.0), "three")
    assert [result(second), result(third)] == [5.0, 5.0]
    assert [hits(second), hits(third)] == [0, 1]


def test_a_file_in_the_place_of_another_loop_is_not_taken(folder):
    def other(out, index):
        out[index] = 8.0

    compile_loop(other, "three")(np.zeros(2), 0)
    (path,) = folder.iterdir()
    compiled = compile_loop(make(3.0), "three")
    assert result(compiled) == 5.0
    (place,) = set(folder.iterdir()) - {path}
    place.write_bytes(path.read_bytes())
    again = compile_loop(make(3.0), "three")
    assert result(again) == 5.0
    assert hits(again) == 0


def test_where_nothing_can_be_written_each_compiles_for_itself(folder):
    folder.write_text("a file where the folder would be")
    first, second = compile_loop(make(3.0), "three"), compile_loop(make(3.0), "three")
    assert [result(first), result(second)] == [5.0, 5.0]
    assert [hits(first), hits(second)] == [0, 0]


def test_functions_that_call_each_other_are_compiled_in_every_process(folder):
    @njit
    def even(number):
        return 1 if number <= 0 else odd(number - 1)

    @njit
    def odd(number):
        return 0 if number <= 0 else even(number - 1)

    def loop(out):
        out[0] = even(out.size)

    assert result(compile_loop(loop, "even"), size=6) == 1.0
    assert not folder.exists()


@pytest.mark.usefixtures("folder")
def test_a_function_that_calls_itself_is_read_as_well():
    @njit
    def count(number):
        return 0 if number <= 0 else 1 + count(number - 1)

    def loop(out):
        out[0] = count(out.size)

    first, second = compile_loop(loop, "count"), compile_loop(loop, "count")
    assert [result(first, size=7), result(second, size=9)] == [7.0, 9.0]
    assert hits(second) == 1


TWINS = """
import sys
import numpy as np
from numba import njit
from backsweep.engine.compile.loop_cache import compile_loop

def make(number):
    @njit
    def tree(depth):
        return number if depth <= 0 else tree(depth - 1) + tree(depth - 2)

    def loop(out):
        out[0] = tree(out.size)

    return loop

for name in sys.argv[1:]:
    out = np.zeros(3)
    compiled = compile_loop(make(float(name)), name)
    compiled(out)
    print(out[0], sum(overload.metadata is None for overload in compiled.overloads.values()))
"""


@pytest.mark.slow
def test_functions_of_one_name_from_two_processes_do_not_meet(tmp_path: Path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def run(*names: str) -> list[str]:
        command = [sys.executable, "-c", TWINS, *names]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603 - the program above

    assert run("1") == ["5.0", "0"]
    assert run("2") == ["10.0", "0"]  # Numba numbered it as it did the first
    assert run("1", "2") == ["5.0", "1", "10.0", "1"]
