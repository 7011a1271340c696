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
    Area("folds", ("trial/folds",), ("trial/*test_folds", "trial/*test_fold_runner")),
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
    "balances": ("engine/*test_currencies",),
    "candidates": ("engine/*test_matching", "engine/*test_entry_bar"),
    "costs": ("engine/*test_commission",),
    "custom": ("engine/*test_custom",),
    "entry": ("study/*test_manifest",),
    "early_stop": ("trial/*test_pruning",),
    "forced_fills": ("engine/*test_liquidation", "engine/*test_corporate_actions"),
    "holdout_log": ("study/*test_looks", "*test_holdout"),
    "ledger": (
        "engine/*test_financing",
        "engine/*test_corporate_actions",
        "engine/*test_commission",
        "engine/*test_currencies",
    ),
    "lifecycle": ("engine/*test_brackets", "engine/*test_time_in_force"),
    "margin": (
        "engine/*test_assets",
        "engine/*test_liquidation",
        "engine/*test_negative_prices",
        "engine/*test_currencies",
    ),
    "local": ("storage/*test_open",),
    "loop": ("engine/*test_profiles",),
    "logs": ("engine/*test_ledger", "engine/*test_financing", "engine/*test_currencies"),
    "normal": ("statistics/*test_sharpe",),
    "per_order": ("engine/*test_commission", "engine/*test_costs"),
    "per_share": ("engine/*test_commission", "engine/*test_costs"),
    "percentage": ("engine/*test_commission", "engine/*test_costs"),
    "plain": ("metrics/*test_returns", "metrics/*test_drawdown"),
    "sealed": ("storage/*test_open", "study/*test_manifest"),
    "requests": ("engine/*test_lifecycle", "engine/*test_triggers", "engine/*test_negative_prices"),
    "segment": ("trial/*test_fold_runner",),
    "slots": ("engine/*test_lifecycle",),
    "state": ("engine/*test_loop", "engine/*test_ledger"),
    "shares": ("engine/*test_costs",),
    "square_root": ("engine/*test_costs",),
    "study_json": ("study/*test_folder",),
    "tables": ("engine/*test_settlement",),
    "tiered": ("engine/*test_commission",),
    "triggers": ("engine/*test_matching",),
    "volume_share": ("engine/*test_costs",),
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


def own_tests(module: str) -> tuple[str, ...]:
    """Return patterns of the tests of a module's own name in its package, and of those named for it."""
    stem, package = Path(module).stem, Path(module).relative_to(SOURCES).parts[0]
    return f"{package}/*test_{stem}", *NAMED.get(stem, ())


def suite_of(area: Area, module: str, root: Path) -> list[str]:
    """Return the paths of the tests that judge a module: its own first, the area's dearest last."""
    own = own_tests(module)
    names = [path.relative_to(root / "tests").with_suffix("") for path in sorted((root / "tests").rglob("test_*.py"))]
    chosen = [name for name in names if _fits(name, (*area.suites, *own))]

    def turn(name: Path) -> tuple[int, int]:
        places = [place for place, pattern in enumerate(own) if _fits(name, (pattern,))]
        return min(places, default=len(own)), area.last.index(name.name) if name.name in area.last else -1

    return [f"tests/{name}.py" for name in sorted(chosen, key=turn)]


def _fits(name: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name.as_posix(), pattern) for pattern in patterns)
