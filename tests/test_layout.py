"""The tree of tests is that of the sources, so that whoever knows a module knows where its tests are."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "src" / "backsweep"
FOLDERS = [path.relative_to(TESTS) for path in TESTS.rglob("*") if path.is_dir() and path.name != "__pycache__"]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
OTHER_VERBS = {"Give", "Tell", "Hear", "Take", "Say", "Let"}
ROOMS = sorted(folder for folder in FOLDERS if (SOURCES / folder).is_dir())


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_a_test_file_is_named_after_a_module_or_stands_under_rules(room):
    modules = {path.stem for path in (SOURCES / room).iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {path.stem.removeprefix("test_") for path in (TESTS / room).glob("test_*.py")} <= modules


def test_every_module_says_in_its_first_line_what_it_is():
    silent = [path for path in SOURCES.rglob("*.py") if not path.read_text().startswith('"""')]
    assert silent == []


@pytest.mark.parametrize("root", ["src/backsweep", "tests", "sweeps"])
def test_a_docstring_begins_with_return_compute_raise_or_the_like(root):
    found = []
    for path in sorted((TESTS.parent / root).rglob("*.py")):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, DOCUMENTED)]
        texts = [ast.get_docstring(node) or "" for node in nodes]
        found += [f"{path}: {text}" for text in texts if text.partition(" ")[0].rstrip("s.,:") in OTHER_VERBS]
    assert found == []
