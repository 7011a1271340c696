"""The harness on a tree of two modules, and what it needs to know of this tree."""

import fnmatch
import subprocess

import campaign
import pytest
import trials
from areas import AREAS, NAMED, SOURCES, Area, modules_of, suite_of
from mutants import find_mutants
from trials import KILLED, SURVIVED, TIMED_OUT

pytestmark = pytest.mark.thorough


SIGN = "def sign(x):\n    return -1 if x < 0 else 1\n"
COUNT = "def count(n):\n    found = 0\n    while found < n:\n        found += 1\n    return found\n"
TESTS = {
    "test_sign": "from backsweep.sign import sign\n\n\ndef test_sign():\n    assert (sign(-2), sign(2)) == (-1, 1)\n",
    "test_count": "from backsweep.count import count\n\n\ndef test_count():\n    assert count(3) == 3\n",
}
AREA = Area("small", ("*",), ("*",))


@pytest.fixture
def tree(tmp_path):
    texts = {f"tests/{name}.py": text for name, text in TESTS.items()}
    texts |= {"src/backsweep/sign.py": SIGN, "src/backsweep/count.py": COUNT, "src/backsweep/__init__.py": ""}
    texts["pyproject.toml"] = "[tool.pytest.ini_options]\nmarkers = ['slow', 'apart', 'cluster']\n"
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q"], check=True)  # noqa: S603, S607 - a repository of ours
    return tmp_path


def test_survivors_are_named_and_endless_loops_count_as_noticed(tree, capsys):
    mutants = [
        pair for pair in campaign.candidates(tree, areas=[AREA]) if pair[1].kind in {"comparison", "dropped assignment"}
    ]
    verdicts = campaign.try_all(tree, mutants, limit=1.0)
    found = {(mutant.path, mutant.diff): verdict.outcome for mutant, verdict in verdicts.items()}
    assert found == {
        ("src/backsweep/count.py", "-    while found < n:\n+    while found <= n:"): KILLED,
        ("src/backsweep/count.py", "-        found += 1\n+        pass"): TIMED_OUT,
        ("src/backsweep/sign.py", "-    return -1 if x < 0 else 1\n+    return -1 if x <= 0 else 1"): SURVIVED,
    }
    assert (tree / "src/backsweep/sign.py").read_text() == SIGN
    printed = capsys.readouterr().err
    assert "survived" in printed
    assert "+    return -1 if x <= 0 else 1\n" in printed  # what no test notices stands below its line, at once
    lines = campaign.table([mutant for _, mutant in mutants], verdicts)
    assert [line.split() for line in lines[1:4]] == [
        ["count", "2", "1", "0", "1", "0"],
        ["sign", "1", "0", "1", "0", "0"],
        ["all", "3", "1", "1", "1", "0"],
    ]
    assert lines[-1] == "noticed: 2 of 3, 66.7%"


def test_tests_that_fail_without_a_mutant_judge_nothing(tree):
    (tree / "tests/test_sign.py").write_text("def test_sign():\n    assert False\n")
    with pytest.raises(SystemExit, match="fail without a mutant"):
        campaign.try_all(tree, campaign.candidates(tree, "sign", areas=[AREA])[:1])


def test_a_seed_chooses_the_same_mutants_again():
    mutants = [(AREA, mutant) for mutant in find_mutants("module.py", b"x = 1 + 2 + 3 + 4 + 5\n")]
    assert campaign.sample(mutants, 5, 1) == campaign.sample(mutants, 5, 1) != campaign.sample(mutants, 5, 2)
    assert campaign.sample(mutants, 0, 1) == campaign.sample(mutants, 99, 1) == mutants


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_every_area_has_modules_and_each_of_them_tests(area):
    modules = modules_of(area, campaign.ROOT)
    assert modules
    assert all(suite_of(area, module, campaign.ROOT) for module in modules)


def test_every_pattern_of_tests_and_modules_finds_some():
    tests = [str(path.relative_to(campaign.ROOT / "tests"))[:-3] for path in campaign.ROOT.glob("tests/**/test_*.py")]
    modules = [str(path.relative_to(campaign.ROOT / SOURCES))[:-3] for path in campaign.ROOT.glob(f"{SOURCES}/**/*.py")]
    suites = [pattern for patterns in (*NAMED.values(), *(area.suites for area in AREAS)) for pattern in patterns]
    assert not [pattern for pattern in suites if not fnmatch.filter(tests, pattern)]
    assert not [stem for stem in NAMED if not fnmatch.filter(modules, f"*/{stem}")]
    last = [name for area in AREAS for name in area.last]
    assert not [name for name in last if not fnmatch.filter(tests, f"*/{name}")]


def test_the_tests_of_a_modules_own_name_come_first_and_the_dear_ones_last():
    tests = suite_of(AREAS[0], "src/backsweep/engine/account/ledger.py", campaign.ROOT)
    names = [test.split("/")[-1] for test in tests]
    assert (names[0], names[-1]) == ("test_ledger.py", "test_oracle.py")


def test_what_is_known_to_change_nothing_is_a_mutant_of_this_tree():
    keys = {mutant.key for _, mutant in campaign.candidates(campaign.ROOT)}
    stale = [key for key in campaign.equivalents() if key not in keys]
    assert not stale


@pytest.mark.long
def test_a_few_mutants_of_this_tree_are_noticed(capsys):
    assert campaign.main(["--only", "selection", "--number", "2", "--seed", "1"]) == 0
    assert "noticed: 2 of 2" in capsys.readouterr().out


def test_a_mutant_that_what_the_tests_share_cannot_import_is_noticed():
    assert trials._outcome(3, 'Error while loading plugin "scenarios.formula_study".') == KILLED
    with pytest.raises(RuntimeError, match="ended with 3"):
        trials._outcome(3, "INTERNALERROR>")
