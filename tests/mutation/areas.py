"""Which modules have mutants, and which tests judge them.

Modules and tests are found by their names wherever they lie, so that a module may move: `study/store/lease.py` is
judged by `test_lease.py` in any folder of `tests/study`, then by the other tests of its area, the dear ones last.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

SOURCES = "src/backsweep"


@dataclass(frozen=True)
class Area:
    """Modules that the same tests judge.

    Attributes
    ----------
    name : what the area is called.
    modules, suites : patterns of paths below the sources and the tests, without `.py`.
    last : names of tests that come after all others.
    without : patterns of modules that are left out.
    interpreted : whether the tests run without the compiler: a mutant of a kernel would be compiled anew.

    """

    name: str
    modules: tuple[str, ...]
    suites: tuple[str, ...]
    last: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    interpreted: bool = False


AREAS = (
    # What engine/compile does shows with the compiler alone; its own tests start processes that compile.
    Area(
        "engine",
        ("engine/*",),
        ("engine/*", "metrics/test_summary"),
        last=("test_account_oracle", "test_oracle"),
        without=("engine/compile/*",),
        interpreted=True,
    ),
    Area("metrics", ("metrics/*",), ("metrics/*", "statistics/test_bootstrap"), interpreted=True),
    Area("statistics", ("statistics/*",), ("statistics/*",)),
    Area("folds", ("trial/folds",), ("trial/*test_folds", "trial/*test_walk")),
    Area("selection", ("study/*selection",), ("study/*test_selection", "study/*test_neighbours")),
    Area(
        "store",
        ("study/store/*", "storage/*"),
        ("study/store/*", "storage/*", "study/run/test_driver", "faults/test_folders"),
        last=("test_folders", "test_object_store", "test_google_store", "test_driver"),
    ),
    Area("checks", ("dataset/checks",), ("dataset/*",)),
    Area("look-ahead", ("trial/lookahead",), ("trial/*test_lookahead",)),
)

NAMED = {
    "arguments": ("test_overfitting", "test_reality"),
    "balances": ("test_currencies",),
    "candidates": ("test_matching", "test_entry_bar"),
    "early_stop": ("test_pruning",),
    "exposure": ("test_summary", "test_ledger"),
    "forced_fills": ("test_liquidation", "test_corporate_actions"),
    "holdout_log": ("test_looks", "test_holdout"),
    "local": ("test_open",),
    "logs": ("test_ledger", "test_financing", "test_currencies"),
    "normal": ("test_sharpe",),
    "plain": ("test_returns", "test_drawdown"),
    "sealed": ("test_open", "test_manifest"),
    "segment": ("test_walk", "test_folds"),
    "slots": ("test_lifecycle",),
    "state": ("test_loop", "test_ledger"),
    "study_json": ("test_folder",),
}
"""Tests that judge a module beside those of its own name, or instead."""


def modules_of(area: Area, root: Path) -> list[str]:
    """Return the paths of the area's modules below the root."""
    names = [path.relative_to(root / SOURCES).with_suffix("") for path in sorted((root / SOURCES).rglob("*.py"))]
    return [
        f"{SOURCES}/{name}.py"
        for name in names
        if name.name != "__init__" and _fits(name, area.modules) and not _fits(name, area.without)
    ]


def suite_of(area: Area, module: str, root: Path) -> list[str]:
    """Return the paths of the tests that judge a module: its own and those named first, the area's dearest last."""
    stem, package = Path(module).stem, Path(module).relative_to(SOURCES).parts[0]
    first = (f"test_{stem}", *NAMED.get(stem, ()))
    names = [path.relative_to(root / "tests").with_suffix("") for path in sorted((root / "tests").rglob("test_*.py"))]
    chosen = [name for name in names if _fits(name, area.suites) or _judges(name, first, package)]

    def turn(name: Path) -> tuple[int, int]:
        own = first.index(name.name) if _judges(name, first, package) else len(first)
        return own, area.last.index(name.name) if name.name in area.last else -1

    return [f"tests/{name}.py" for name in sorted(chosen, key=turn)]


def _judges(test: Path, first: tuple[str, ...], package: str) -> bool:
    """Return whether a test is the module's own, in the tests of its package, or one of those named."""
    return test.name in first[1:] or (test.name == first[0] and test.parts[0] == package)


def _fits(name: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name.as_posix(), pattern) for pattern in patterns)
