"""Sample mutants of the tree, try each, and print what the tests did not notice; `run.py` is the command."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from areas import AREAS, SOURCES, Area, modules_of, suite_of
from mutants import Mutant, find_mutants
from trials import KILLED, SURVIVED, TIMED_OUT, Bench, Verdict, copy_tree

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
ENOUGH = 0.95


def main(arguments: Sequence[str] | None = None) -> int:
    """Sample, try and print; return the exit code."""
    options = _options(arguments)
    everything = candidates(ROOT, options.only)
    chosen = sample(everything, options.number, options.seed)
    known = equivalents()
    excused = [mutant for _, mutant in chosen if mutant.key in known]
    tried = [(area, mutant) for area, mutant in chosen if mutant.key not in known]
    print(
        f"{len(chosen)} of {len(everything)} mutants, seed {options.seed}; {len(excused)} are known to change nothing"
    )
    verdicts = try_all(ROOT, tried, options.jobs, options.seed)
    print("\n" + "\n".join(table([mutant for _, mutant in chosen], verdicts)))
    survivors = [mutant for mutant, verdict in verdicts.items() if verdict.outcome == SURVIVED]
    for mutant in survivors:
        print(f"\n{_described(mutant)}")
    return 1 if len(verdicts) - len(survivors) < ENOUGH * len(verdicts) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Try sampled mutants; print which of them no quick test notices.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, default=120, help="mutants at most; 0: all")
    parser.add_argument("--only", default="", help="modules whose paths hold one of these texts, separated by commas")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    return parser.parse_args(arguments)


def _described(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line}: {mutant.kind}\n{mutant.diff}"


def candidates(root: Path, only: str = "", areas: Sequence[Area] = AREAS) -> list[tuple[Area, Mutant]]:
    """Return every mutant of the areas' modules whose path holds one of the texts in `only`."""
    return [
        (area, mutant)
        for area in areas
        for module in modules_of(area, root)
        if any(text in module for text in only.split(","))
        for mutant in find_mutants(module, (root / module).read_bytes())
    ]


def sample(mutants: Sequence[tuple[Area, Mutant]], number: int, seed: int) -> list[tuple[Area, Mutant]]:
    """Return so many of the mutants, in their order; all of them where `number` is 0."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    places = chance.sample(range(len(mutants)), min(number or len(mutants), len(mutants)))
    return [mutants[place] for place in sorted(places)]


def equivalents(path: Path = EQUIVALENT) -> dict[tuple[str, str, str], str]:
    """Read which mutants change nothing that can be observed: their keys to the reasons."""
    return {
        (entry["module"], entry["line"], entry["mutant"]): entry["reason"]
        for entry in tomllib.loads(path.read_text())["equivalent"]
    }


def try_all(
    root: Path, mutants: Sequence[tuple[Area, Mutant]], jobs: int = 1, seed: int = 0, limit: float = 60.0
) -> dict[Mutant, Verdict]:
    """Return what the tests say of each mutant, once they have passed without any.

    A single test may take a quarter of what all of its area's took without a mutant, and `limit` seconds in any case.
    """
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder, ThreadPoolExecutor(jobs) as pool:
        copy, free = Path(folder) / "tree", SimpleQueue[Bench]()
        copy_tree(root, copy)  # who waits for the table goes on editing
        for job in range(jobs):
            free.put(Bench(copy, Path(folder) / str(job), seed))

        def judge(area: Area, tests: Sequence[str], mutant: Mutant | None, limit: float) -> Verdict:
            bench = free.get()
            try:
                verdict = bench.judge(mutant, tests, limit, interpreted=area.interpreted)
            finally:
                free.put(bench)
            name = area.name if mutant is None else f"{mutant.path.removeprefix(SOURCES)[1:]}:{mutant.line}"
            print(f"{verdict.outcome:<9}{verdict.seconds:>5.0f} s  {name}", file=sys.stderr, flush=True)
            if mutant is not None and verdict.outcome == SURVIVED:  # at once, for the table takes an hour
                print(f"\n{_described(mutant)}\n", file=sys.stderr, flush=True)
            return verdict

        limits = {}
        for area, tests in _suites(copy, mutants).items():
            unchanged = judge(area, tests, None, 10 * limit)
            if unchanged.outcome != SURVIVED:
                raise SystemExit(f"the tests of {area.name} fail without a mutant:\n{unchanged.said}")
            limits[area] = max(limit, unchanged.seconds / 4)

        def judge_mutant(pair: tuple[Area, Mutant]) -> Verdict:
            area, mutant = pair
            return judge(area, suite_of(area, mutant.path, copy), mutant, limits[area])

        judged = pool.map(judge_mutant, mutants)
        return {mutant: verdict for (_, mutant), verdict in zip(mutants, judged, strict=True)}


def _suites(root: Path, mutants: Iterable[tuple[Area, Mutant]]) -> dict[Area, list[str]]:
    """Return all tests that judge the mutants of each area."""
    suites: dict[Area, dict[str, None]] = {}
    for area, mutant in mutants:
        suites.setdefault(area, {}).update(dict.fromkeys(suite_of(area, mutant.path, root)))
    return {area: list(tests) for area, tests in suites.items()}


def table(mutants: Sequence[Mutant], verdicts: dict[Mutant, Verdict]) -> list[str]:
    """Return the lines of a table: for each module its mutants, by what came of them."""
    outcomes = (KILLED, SURVIVED, TIMED_OUT)
    counts: dict[str, Counter[str]] = {}
    for mutant in mutants:
        outcome = verdicts[mutant].outcome if mutant in verdicts else "equivalent"
        counts.setdefault(mutant.path.removeprefix(SOURCES)[1:-3], Counter())[outcome] += 1
    counts["all"] = sum(counts.values(), Counter())
    head = ("module", "mutants", "killed", "survived", "time-outs", "equivalent")
    rows = [(name, n.total(), *(n[each] for each in outcomes), n["equivalent"]) for name, n in counts.items()]
    width = max(len(name) for name in counts)
    lines = [" ".join([f"{row[0]!s:<{width}}", *(f"{cell!s:>10}" for cell in row[1:])]) for row in (head, *rows)]
    noticed, judged = len(verdicts) - counts["all"][SURVIVED], len(verdicts)
    return [*lines, f"noticed: {noticed} of {judged}" + (f", {noticed / judged:.1%}" if judged else "")]
