"""Compiled functions that several processes keep in one folder, and whoever loads them all."""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numba import config
from numba.core.codegen import JITCodeLibrary
from numba.core.serialize import dumps

from backsweep.engine.compile import compiler, store
from backsweep.engine.compile.loop_cache import compile_loop
from backsweep.engine.events.sleep import begin_sleep
from backsweep.engine.orders.requests import is_price, is_trail
from backsweep.engine.state import allocate, open_state
from backsweep.engine.tables import BAR, GROUP

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")

PROGRAM = """
import sys
import numpy as np
from numba import from_dtype

others, *loops = sys.argv[1:]
met = [from_dtype(np.dtype([(f"x{number}", "f8")])) for number in range(int(others))]  # types before the engine's

from backsweep.engine.compile.kernel import record_at
from backsweep.engine.compile.loop_cache import compile_loop
from backsweep.engine.state import allocate, open_state
from backsweep.engine.tables import BAR, GROUP, TABLES

def make(tables):
    firsts = [f"record_at(state.{name}, 1).{TABLES[name].dtype.names[0]}" for name in tables]
    lines = [f"    out[{place}] = {first}" for place, first in enumerate(firsts)]
    made = {"open_state": open_state, "record_at": record_at, "__name__": "__main__"}
    exec("\\n".join(["def loop(handle, out):", "    state = open_state(handle)", *lines]), made)
    return made["loop"]

tables = allocate(np.zeros(2, BAR), np.zeros(2, GROUP), assets=2, sessions=2, log_capacity=2, currencies=2)
for text in loops:
    names = text.split(",")
    fresh = {name: np.zeros(2, TABLES[name].dtype) for name in names}
    for place, name in enumerate(names):
        fresh[name][TABLES[name].dtype.names[0]] = [0, 10 + place]
    tables.arrays.update(fresh)
    out = np.zeros(len(names))
    compile_loop(make(names), text)(tables.handle(compiled=True), out)
    assert out.tolist() == [10.0 + place for place in range(len(names))], (names, out)
print("well")
"""

TABLES = ("groups", "conditions", "rules", "tiers", "models", "fill", "account", "positions", "books", "orders")


def start(folder: Path, others: int, loops: Iterable[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(others), *loops]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - the program above


def said(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=300)[0].splitlines()[-1]


def test_one_cache_from_processes_that_met_the_types_in_different_orders(tmp_path):
    """Numba numbers records as a process meets them: here `groups` in one process, `conditions` in the other is 388."""
    one, other = start(tmp_path, 1, ["groups"]), start(tmp_path, 0, ["conditions"])
    assert [said(one), said(other)] == ["well", "well"]
    assert said(start(tmp_path, 7, ["groups,conditions", "groups", "conditions"])) == "well"


@pytest.mark.slow
def test_shuffled_interrupted_and_at_once(tmp_path):
    chance = np.random.default_rng(0)
    for killed in (False, True, False):
        running = []
        for first in chance.choice(len(TABLES), 2, replace=False):  # both number these records alike
            more = [",".join(chance.choice(TABLES, chance.integers(1, 4), replace=False)) for _ in range(3)]
            running.append(start(tmp_path, 10 - int(first), [TABLES[first], *more]))
        if killed:
            time.sleep(chance.uniform(2.0, 4.0))
            running[0].kill()
            running.pop(0).communicate()
        assert [said(process) for process in running] == ["well"] * len(running)
    assert said(start(tmp_path, int(chance.integers(10)), [",".join(TABLES), *TABLES])) == "well"


@pytest.mark.slow
def test_names_follow_from_content_alone(tmp_path):
    loops = ["groups,rules", "fill", "orders,groups"]
    one, other = start(tmp_path / "one", 0, loops), start(tmp_path / "other", 9, reversed(loops))
    assert [said(one), said(other)] == ["well", "well"]
    files, others = (
        {path.name for path in (tmp_path / name).rglob("*") if path.parent.name in {"kernels", "loops"}}
        for name in ("one", "other")
    )
    assert files == others
    assert len(files) == 3 + 1  # the loops; `open_state`


COUNTING = """
import numpy as np
from backsweep.engine.compile import compiler
from backsweep.engine.compile.kernel import compiled
from backsweep.engine.tables import COUNTERS
from backsweep.metrics.summary import summarise

n = 3
compiled(summarise)(np.ones(n), np.ones(n), 1.0, 252.0, np.zeros(1, COUNTERS)[0],
                    np.empty(26), np.empty(26, np.uint8), np.empty(n))
print(compiler.counts["compiled"], compiler.counts["read"])
"""


@pytest.mark.slow
def test_of_those_that_begin_at_once_one_compiles_and_the_others_read(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", COUNTING]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]  # noqa: S603 - the program above
    counts = sorted(process.communicate(timeout=300)[0].split() for process in running)
    assert counts[:2] == [["0", "1"], ["0", "1"]]
    assert int(counts[2][0]) > 20


LARGE = """
import numpy as np
from backsweep.engine.compile import compiler
from backsweep.engine.compile.loop_cache import compile_loop
from backsweep.engine.codes import EXPIRED, WORKING
from backsweep.engine.orders.time_in_force import expire_dated
from backsweep.engine.state import allocate, open_state
from backsweep.engine.tables import BAR, GROUP

def loop(handle, out):
    state = open_state(handle)
    expire_dated(state)
    out[0] += 1.0

tables = allocate(np.zeros(2, BAR), np.zeros(2, GROUP), assets=2, sessions=2, log_capacity=2, currencies=1)
out = np.zeros(1)
compile_loop(loop, "large")(tables.handle(compiled=True), out)
print(out[0], compiler.counts["read"], compiler.counts["compiled"])
"""


@pytest.mark.slow
def test_a_loop_that_is_read_finds_its_large_kernels_or_is_compiled_again(tmp_path):
    """The linker ends the process where a symbol is missing; the loop needs `expire_dated`, and this `close_order`."""

    def play():
        environment, command = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, [sys.executable, "-c", LARGE]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - the program above
        answer, read, made = done.stdout.split()
        return answer, int(read), int(made)

    def file_of(kernel):
        found = {path: path.read_bytes().find(f"{len(kernel)}{kernel}B".encode()) for path in kernels()}
        return min((path for path in found if found[path] > 0), key=found.__getitem__)  # it begins with its own symbol

    def kernels():
        return tmp_path.glob("kernels-*/kernels/*")

    assert play()[:2] == ("1.0", 0)
    assert play() == ("1.0", 3, 0)
    for kernel in ("close_order", "expire_dated"):
        file_of(kernel).unlink()
        answer, _, made = play()
        assert answer == "1.0"
        assert made >= 2  # the kernel and the loop
    assert play() == ("1.0", 3, 0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path)
    return tmp_path / "loops"


def make(number):
    def loop(out):
        out[0] = number + out.size

    return loop


def run(fingerprint="three"):
    """Return what a loop answers, and how many functions were read and compiled for it."""
    compiler.counts.clear()
    out = np.zeros(2)
    compile_loop(make(3.0), fingerprint)(out)
    return out[0], compiler.counts["read"], compiler.counts["compiled"]


def test_what_does_not_unpickle_is_compiled_again_once(folder):
    assert run() == (5.0, 0, 1)
    (path,) = folder.iterdir()
    for content in (b"no pickle", b"", pickle.dumps(("a", "b")), pickle.dumps(5)):
        compiler.LOOPS.write(path.name, content)
        assert run() == (5.0, 0, 1)
        assert run() == (5.0, 1, 0)


def test_a_file_that_says_it_is_another_function_is_compiled_again_once(folder):
    assert run("four") == (5.0, 0, 1)
    (other,) = folder.iterdir()
    assert run() == (5.0, 0, 1)
    (path,) = set(folder.iterdir()) - {other}
    compiler.LOOPS.write(path.name, compiler.LOOPS.read(other.name))
    assert run() == (5.0, 0, 1)
    assert run() == (5.0, 1, 0)


def test_code_without_the_function_is_compiled_again_once(folder):
    assert run("four") == (5.0, 0, 1)
    (other,) = folder.iterdir()
    assert run() == (5.0, 0, 1)
    (path,) = set(folder.iterdir()) - {other}
    (symbol, needs, parts), (*_, foreign) = (pickle.loads(compiler.LOOPS.read(file.name)) for file in (path, other))  # noqa: S301 - ours
    compiler.LOOPS.write(path.name, dumps((symbol, needs, (foreign[0], *parts[1:]))))
    assert run() == (5.0, 0, 1)
    assert run() == (5.0, 1, 0)


def doubled(out):
    """Use two kernels that are kept."""
    out[0] = is_price(out[1]) + 2 * is_trail(out[1], out[1])


def test_what_does_not_link_is_compiled_again_once_and_said(monkeypatch, folder, caplog):
    kernels = folder.with_name("kernels")

    def play(fingerprint):
        compiler.forget()  # as another process would
        compiler.counts.clear()
        out = np.ones(2)
        compile_loop(doubled, fingerprint)(out)
        return out[0], compiler.counts["compiled"]

    def refuse(library, other):
        if other._disable_inspection:  # it was read from disk
            raise RuntimeError("Linking globals named '_ZN9backsweep': symbol multiply defined!")
        return link(library, other)

    link = JITCodeLibrary.add_linking_library
    monkeypatch.setattr(compiler.KeptCompiler, "trusting", True)
    monkeypatch.setattr(compiler, "_read", [])
    answer, made = play("first")
    assert made == 3  # the loop and the kernels
    assert len(list(kernels.iterdir())) == 2
    assert play("second") == (answer, 1)
    monkeypatch.setattr(JITCodeLibrary, "add_linking_library", refuse)
    assert play("third") == (answer, 0)  # compiled as if nothing could be kept
    (said,) = caplog.messages
    assert said.startswith("compiled code that was kept on disk does not fit together: Linking globals named")
    assert not compiler.KeptCompiler.trusting
    assert list(kernels.iterdir()) == []
    compiler.forget()
    monkeypatch.undo()


def test_what_cannot_be_compiled_at_all_costs_nothing_that_is_kept(monkeypatch, folder, caplog):
    def fail(*_):
        raise RuntimeError("a mistake of the user's that Numba has no error for")

    monkeypatch.setattr(compiler.KeptCompiler, "trusting", True)
    monkeypatch.setattr(compiler, "_read", [])
    compiler.forget()
    compile_loop(doubled, "first")(np.ones(2))
    compiler.forget()
    compile_loop(doubled, "second")(np.ones(2))
    assert compiler._read
    kept = sorted(folder.with_name("kernels").iterdir())
    with monkeypatch.context() as broken:
        broken.setattr(JITCodeLibrary, "add_linking_library", fail)
        with pytest.raises(RuntimeError, match="a mistake of the user's"):
            compile_loop(doubled, "third")(np.ones(2))
    assert compiler.KeptCompiler.trusting
    assert not caplog.messages
    assert sorted(folder.with_name("kernels").iterdir()) == kept
    out = np.array([0.0, 1.0])
    compile_loop(doubled, "second")(out)
    assert out[0] == 1.0  # a price, and no trail by an amount and a fraction
    compiler.forget()


def begun(handle, out):
    """Use a large kernel, of which there is machine code."""
    out[0] = 2.0 if begin_sleep(open_state(handle)) else 1.0


def test_a_large_kernel_that_was_compiled_here_is_used_again_by_whatever_is_compiled_later(monkeypatch, folder):
    monkeypatch.setattr(compiler.KeptCompiler, "trusting", True)
    monkeypatch.setattr(compiler, "_large", {})
    monkeypatch.setattr(compiler, "_read", [(compiler.KERNELS, "another")])  # as in a process that has read something
    tables = allocate(np.zeros(2, BAR), np.zeros(2, GROUP), assets=2, sessions=2)
    compiler.forget()
    for fingerprint in ("one", "two"):
        out = np.zeros(1)
        compile_loop(begun, fingerprint)(tables.handle(compiled=True), out)
        assert out[0] == 1.0
        assert compiler.KeptCompiler.trusting
        compiler.forget()  # as after a mistake for which Numba has no error
    assert len(compiler._large) == 1
    assert len(list(folder.iterdir())) == 2


PRINTING = """
import sys
from ctypes import CFUNCTYPE, c_double
from numba import types
from backsweep.engine.compile.kernel import linked
from backsweep.engine.compile.loop_cache import compile_callback, compile_loop

@linked
def say(value):
    print("said", value)

def loop(value):
    say(value)

def answer(value):
    say(value)
    return value

compile_loop(loop, "says")(int(sys.argv[1]))
answering = compile_callback(answer, types.float64(types.float64), "answers")
CFUNCTYPE(c_double, c_double)(answering.address)(float(sys.argv[1]))
"""


@pytest.mark.slow
def test_what_is_linked_can_print_whether_it_was_compiled_or_read(tmp_path):
    """Without its environment, `print` leaves the function with Python's lock, and the process waits for ever."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for value in ("1", "2"):
        command = [sys.executable, "-c", PRINTING, value]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603 - the program above
        assert done.stdout == f"said {value}\nsaid {value}.0\n"
