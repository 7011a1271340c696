import sys

import pytest

from backsweep.errors import StrategyError
from backsweep.strategies.moving_average_cross import MovingAverageCross
from backsweep.strategy import Strategy, load_strategy, reference_of

GOOD = """
from backsweep.strategy import Strategy, param

class Threshold(Strategy):
    entry: float = param(0.0, 1.0)
    def on_data(self, timestamp, data, context, broker):
        pass
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_class_is_found_in_a_file(write):
    cls = load_strategy(f"{write(GOOD)}:Threshold")
    assert list(cls.declared()) == ["entry"]


def test_the_same_file_gives_the_same_class(write):
    path = write(GOOD)
    assert load_strategy(f"{path}:Threshold") is load_strategy(f"{path}:Threshold")


def test_files_of_one_name_in_two_folders_do_not_meet(tmp_path):
    classes = []
    for folder, low in (("one", "0.0"), ("two", "0.5")):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "mine.py"
        path.write_text(GOOD.replace("0.0", low))
        classes.append(load_strategy(f"{path}:Threshold"))
    assert [cls.declared()["entry"].low for cls in classes] == [0.0, 0.5]


def test_a_class_is_found_in_a_module():
    assert load_strategy("backsweep.strategies.moving_average_cross:MovingAverageCross") is MovingAverageCross


@pytest.mark.parametrize("reference", ["mine.py", "", ":Threshold", "mine.py:"])
def test_a_reference_needs_a_place_and_a_class(reference):
    with pytest.raises(StrategyError, match="has no class"):
        load_strategy(reference)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StrategyError, match="does not exist") as caught:
        load_strategy(f"{tmp_path}/none.py:Threshold")
    assert caught.value.where == f"{tmp_path}/none.py"


def test_a_class_that_is_not_there_has_its_nearest_name(write):
    with pytest.raises(StrategyError, match="no strategy 'Treshold'") as caught:
        load_strategy(f"{write(GOOD)}:Treshold")
    assert caught.value.remedy == "did you mean 'Threshold'?"


def test_a_class_that_is_no_strategy_is_refused(write):
    with pytest.raises(StrategyError, match="no strategy 'Plain'") as caught:
        load_strategy(f"{write('class Plain: pass')}:Plain")
    assert caught.value.found == "type"
    assert "none there" in caught.value.expected


def test_the_base_itself_is_no_strategy(write):
    with pytest.raises(StrategyError, match="no strategy 'Strategy'"):
        load_strategy(f"{write(GOOD)}:Strategy")


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("x = 1\ndef broken(:\n", 2, "SyntaxError"),
        ("x = 1\n\nimport no_such_module_here\n", 3, "ModuleNotFoundError"),
        ("1 / 0\n", 1, "ZeroDivisionError"),
        ("import sys\nsys.exit(0)\n", 2, "SystemExit"),
    ],
)
def test_a_file_that_does_not_import_is_one_message_with_its_line(write, text, line, found):
    path = write(text)
    with pytest.raises(StrategyError, match="cannot be imported") as caught:
        load_strategy(f"{path}:Threshold")
    assert caught.value.where == f"{path}, line {line}"
    assert caught.value.found.startswith(found)


def test_a_bad_declaration_keeps_its_message(write):
    path = write(GOOD.replace("param(0.0, 1.0)", "param(2.0, 1.0)"))
    with pytest.raises(StrategyError, match="range is empty") as caught:
        load_strategy(f"{path}:Threshold")
    assert str(path) in caught.value.where


def test_a_mended_file_can_be_loaded_after_an_error(write):
    path = write("1 / 0")
    with pytest.raises(StrategyError):
        load_strategy(f"{path}:Threshold")
    path.write_text(GOOD)
    assert load_strategy(f"{path}:Threshold").__name__ == "Threshold"


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(StrategyError, match="cannot be imported") as caught:
        load_strategy("no_such_package_here.module:Threshold")
    assert "no_such_package_here" in caught.value.where


def test_a_class_of_a_file_has_a_reference_that_finds_it(write):
    path = write(GOOD)
    cls = load_strategy(f"{path}:Threshold")
    assert reference_of(cls) == f"{path}:Threshold"
    assert load_strategy(reference_of(cls)) is cls


def _of_a_notebook():
    namespace = {"__name__": "__main__", "Strategy": Strategy}
    source = "class Cell(Strategy):\n    def on_data(self, timestamp, data, context, broker): ...\n"
    exec(compile(source, "ipykernel_1/2.py", "exec"), namespace)  # noqa: S102 - as a notebook does
    return namespace["Cell"]


def _of_a_function():
    class Local(Strategy):
        def on_data(self, timestamp, data, context, broker):
            pass

    return Local


@pytest.mark.parametrize("make", [_of_a_notebook, _of_a_function])
def test_a_class_that_lies_in_no_file_is_told_to_be_saved(make, monkeypatch):
    cls = make()
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    with pytest.raises(StrategyError, match="lies in no file") as caught:
        reference_of(cls)
    assert "save it" in caught.value.remedy


def test_a_file_that_starts_a_run_when_it_is_imported_is_told_so(write):
    path = write(f"{GOOD}\nfrom backsweep.strategy import load_strategy\nload_strategy(__file__ + ':Threshold')\n")
    with pytest.raises(StrategyError, match="starts a run while it is imported") as caught:
        load_strategy(f"{path}:Threshold")
    assert "__main__" in caught.value.remedy
