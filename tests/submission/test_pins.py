from importlib import metadata
from pathlib import Path

from backsweep.submission.pins import all_pins, canonical, differences, direct_pins, main, parse_pins, read_pins

ROOT = Path(__file__).parents[2]


def test_pins_are_those_of_the_project():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(read_pins()) == len(lines)
    assert read_pins()["aiohttp-cors"] == next(line for line in lines if line.startswith("aiohttp-cors")).split("==")[1]


def test_what_is_checked_is_what_the_project_names_and_what_is_installed_is_all_below_it():
    direct, whole = direct_pins(), all_pins()
    assert {"numba", "numpy", "polars", "optuna", "ray", "pyarrow"} <= direct.keys()
    assert "alembic" not in direct  # of Optuna
    assert {"alembic", "aiohttp", "obstore", *direct} <= whole.keys()
    assert not {"pytest", "mypy", "ruff", "scipy"} & whole.keys()


def test_the_environment_of_the_tests_has_the_pinned_versions():
    assert differences(direct_pins()) == []


def test_a_difference_says_what_is_pinned_and_what_is_there():
    found = differences({"numpy": "1.0", "no-such-package": "2.0"})
    assert found == [
        f"numpy 1.0 is pinned, {metadata.version('numpy')}",
        "no-such-package 2.0 is pinned, not installed",
    ]


def test_lines_are_read_with_comments_and_odd_names():
    assert parse_pins("# a==1\nMako==1.4.3\nast_serialize==0.13.1  # b==2\n") == {
        "mako": "1.4.3",
        "ast-serialize": "0.13.1",
    }
    assert canonical("Zope.Interface_x") == "zope-interface-x"


def test_a_node_with_other_versions_is_bad_input(tmp_path, capsys):
    file = tmp_path / "pins.txt"
    file.write_text("numpy==1.0\n")
    assert main(str(file)) == 2
    assert "numpy 1.0 is pinned" in capsys.readouterr().err
    file.write_text(f"numpy=={metadata.version('numpy')}\n")
    assert main(str(file)) == 0
