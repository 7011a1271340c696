"""Which files decide what a class does."""

import importlib
import os

import pytest

from backsweep.errors import StrategyError
from backsweep.strategy import ask, find_code, load_strategy

STRATEGY = """
import json
import numpy as np
import backsweep as bs
import helpers
from lib.tools import scale

class Mine(bs.Strategy):
    def features(self):
        import late
        return {}
"""


@pytest.fixture
def write(tmp_path):
    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.py" if "." not in name else tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.fixture
def folder(write):
    home = write(mine=STRATEGY, helpers="import deeper\n", deeper="", late="", idle="")
    (home / "lib").mkdir()
    (home / "lib" / "tools.py").write_text("scale = 1.0\n")
    return home


def names(reference):
    return [source.name for source in find_code(reference).others]


def test_what_is_imported_anywhere_belongs_to_the_strategy(folder):
    assert names(f"{folder}/mine.py:Mine") == ["deeper.py", "helpers.py", "late.py", "lib/tools.py"]
    assert find_code(f"{folder}/mine.py:Mine").packages == {"numpy"}


@pytest.mark.parametrize("name", ["mine", "helpers", "deeper", "late", "lib/tools"])
def test_a_change_anywhere_changes_the_digest_and_is_loaded_anew(folder, name):
    reference = f"{folder}/mine.py:Mine"
    before, cls = find_code(reference).digest, load_strategy(reference)
    assert load_strategy(reference) is cls
    path = folder / f"{name}.py"
    path.write_text(path.read_text() + "CHANGED = 1\n")
    assert load_strategy(reference) is not cls
    assert find_code(reference).digest != before


def test_the_digest_is_that_of_another_place_and_of_other_line_ends(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for path in folder.rglob("*.py"):
        target = other / path.relative_to(folder)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert find_code(f"{other}/mine.py:Mine").digest == find_code(f"{folder}/mine.py:Mine").digest


def test_a_module_that_is_not_imported_does_not_count(folder):
    before = find_code(f"{folder}/mine.py:Mine").digest
    (folder / "idle.py").write_text("CHANGED = 1\n")
    assert find_code(f"{folder}/mine.py:Mine").digest == before


@pytest.mark.parametrize(
    "reads",
    [
        "import pathlib\nTABLE = pathlib.Path(__file__).with_name('table.csv').read_text()\n",
        "import os\nTABLE = os.path.join(os.path.dirname(__file__), 'table.csv')\n",
        "import pathlib\nwith open(pathlib.Path(__file__).parent / f\"{'table'}.csv\") as file:\n  T = file.read()\n",
        "import pathlib, polars as pl\nTABLE = pl.read_csv(pathlib.Path(__file__).parent / 'table.csv')\n",
    ],
    ids=["read_text", "join", "open", "polars"],
)
def test_a_table_that_is_read_at_import_counts(write, reads):
    home = write(mine=STRATEGY.replace("import helpers\nfrom lib.tools import scale", reads), **{"table.csv": "a\n1\n"})
    write(late="")
    reference = f"{home}/mine.py:Mine"
    load_strategy(reference)
    before = find_code(reference).digest
    assert "table.csv" in names(reference)
    write(**{"table.csv": "a\n2\n"})
    load_strategy(reference)
    assert find_code(reference).digest != before


@pytest.mark.parametrize(
    "writes",
    [
        "import logging\nlogging.FileHandler('out.log').close()\n",
        "import logging\nlogging.FileHandler('out.txt').close()\n",
        "import pathlib\npathlib.Path(__file__).with_name('out.txt').write_text('more')\n",
        "def note(): open('out.log', 'a').write('more')\n",
        "import pathlib\nOUT = pathlib.Path('out.txt')\nOUT.write_text('more')\nOUT.read_text()\n",
    ],
    ids=["log", "log of another name", "write_text", "log written later", "written and read"],
)
def test_a_file_that_is_written_at_import_or_a_log_does_not_count(write, writes, monkeypatch):
    home = write(
        mine=STRATEGY.replace("import helpers\nfrom lib.tools import scale", f"{writes}import late; late.read()\n")
    )
    write(late="import pathlib\ndef read(): pathlib.Path('table.csv').read_text()\n", **{"table.csv": "a\n1\n"})
    monkeypatch.chdir(home)
    reference = f"{home}/mine.py:Mine"
    cls = load_strategy(reference)
    before = find_code(reference).digest
    for name in ("out.log", "out.txt"):
        (home / name).write_text("of the run before")
    assert load_strategy(reference) is cls
    (home / "mine.py").write_text((home / "mine.py").read_text())  # as another process, which imports it anew
    assert load_strategy(reference) is not cls
    assert names(reference) == ["late.py", "table.csv"]
    assert find_code(reference).digest == before


def test_what_only_the_main_program_does_is_left_out(write):
    home = write(mine='if __name__ == "__main__":\n    import helpers\n    open("bars.csv")\n')
    write(helpers="", **{"bars.csv": ""})
    assert names(f"{home}/mine.py:Mine") == []


def test_packages_and_relative_imports_are_followed(write):
    home = write(
        **{"pkg/__init__.py": ""}, pkg__b="from .base import Base\nfrom . import more\nclass Mine(Base): ...\n"
    )
    write(pkg__base="import backsweep as bs\nclass Base(bs.Strategy): ...\n", pkg__more="import deeper\n")
    write(deeper="")
    reference = f"{home}/pkg/b.py:Mine"
    assert load_strategy(reference).__name__ == "Mine"
    assert names(reference) == ["deeper.py", "pkg/__init__.py", "pkg/base.py", "pkg/more.py"]


def test_two_folders_each_have_helpers_of_their_own(tmp_path):
    text = (
        "import backsweep as bs\nimport helpers\n"
        "class Mine(bs.Strategy):\n    HERE = helpers.HERE\n"
        "    def features(self):\n        import helpers\n        import polars as pl\n"
        "        return {'here': pl.lit(helpers.HERE)}\n"
    )
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(text)
        (tmp_path / name / "helpers.py").write_text(f"HERE = {len(name) if name == 'one' else 7}\n")
    classes = [load_strategy(f"{tmp_path}/{name}/mine.py:Mine") for name in ("one", "two")]
    assert [cls.HERE for cls in classes] == [3, 7]
    assert [str(ask(cls(), "features")["here"]) for cls in classes] == ["dyn int: 3", "dyn int: 7"]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("helpers")


def test_an_edit_of_one_size_within_a_moment_is_noticed(write):
    home = write(mine=STRATEGY.replace("from lib.tools import scale", "    \nLEVEL = helpers.LEVEL"))
    write(late="")
    levels = []
    for level in (1, 2, 3):
        text = STRATEGY.replace("from lib.tools import scale", "").replace(
            "class Mine", "LEVEL = helpers.LEVEL\nclass Mine"
        )
        write(mine=text, helpers=f"LEVEL = {level}\n")
        cls = load_strategy(f"{home}/mine.py:Mine")
        levels.append(cls.features.__globals__["LEVEL"])
    assert levels == [1, 2, 3]


@pytest.mark.parametrize("name", ["statistics", "numpy"])
def test_a_module_of_an_installed_name_is_refused(write, name):
    home = write(mine=f"import {name}\n", **{name: ""})
    with pytest.raises(StrategyError, match=f"imports `{name}`, which is two modules") as caught:
        load_strategy(f"{home}/mine.py:Mine")
    assert caught.value.where == f"{home}/{name}.py"
    assert caught.value.remedy == "rename your file"


def test_a_module_of_an_installed_name_that_is_not_imported_does_no_harm(write):
    home = write(mine=STRATEGY, helpers="import random\n", late="", lib__tools="scale = 1\n")
    write(statistics="raise RuntimeError\n")
    assert load_strategy(f"{home}/mine.py:Mine").__name__ == "Mine"


def test_an_error_in_a_helper_names_its_line(folder):
    (folder / "helpers.py").write_text("import deeper\n\n1 / 0\n")
    with pytest.raises(StrategyError, match="cannot be imported") as caught:
        load_strategy(f"{folder}/mine.py:Mine")
    assert caught.value.where == f"{folder}/helpers.py, line 3"
    (folder / "helpers.py").write_text("def broken(:\n")
    with pytest.raises(StrategyError, match="cannot be imported") as caught:
        load_strategy(f"{folder}/mine.py:Mine")
    assert caught.value.where == f"{folder}/helpers.py, line 1"


def _fifo(path):
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_fifo, "is no Python file"),
        (lambda path: path.mkdir(), "is no Python file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no Python file"),
        (lambda path: path.write_bytes(b"#" * (16 * 2**20 + 1)), "is no Python file"),
        (lambda path: path.write_bytes(b"x = '\xff'\n"), "cannot be imported"),
        (lambda path: path.write_bytes(b"x = 1\n\0"), "cannot be imported"),
        (lambda path: path.write_text("x = " + "(" * 5000 + ")" * 5000), "cannot be imported"),
    ],
    ids=["fifo", "directory", "device", "large", "not utf-8", "null", "deep"],
)
def test_a_file_that_is_no_source_is_one_error(tmp_path, make, problem):
    make(tmp_path / "mine.py")
    with pytest.raises(StrategyError, match=problem) as caught:
        load_strategy(f"{tmp_path}/mine.py:Mine")
    assert caught.value.where
