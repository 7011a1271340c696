"""The tree of tests is that of the sources, so that whoever knows a module knows where its tests are."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "src" / "backsweep"
FOLDERS = [path.relative_to(TESTS) for path in TESTS.rglob("*") if path.is_dir()]
ROOMS = sorted(folder for folder in FOLDERS if (SOURCES / folder).is_dir())


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_a_test_file_is_named_after_a_module_or_stands_under_rules(room):
    modules = {path.stem for path in (SOURCES / room).iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {path.stem.removeprefix("test_") for path in (TESTS / room).glob("test_*.py")} <= modules


def test_every_module_says_in_its_first_line_what_it_is():
    silent = [path for path in SOURCES.rglob("*.py") if not path.read_text().startswith('"""')]
    assert silent == []
