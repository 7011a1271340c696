"""The tables of docs/search.md: what each sampler found, and where the difference is more than noise."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import mannwhitneyu

from search_bench.objectives import FUNCTIONS
from search_bench.searches import COUNTS, OBJECTIVES, Found, Sampler
from search_bench.store import Store, Task, version

LEVEL = 0.05
RESAMPLES = 1000
BEGIN, END = "<!-- written by make search-bench -->", "<!-- end of what is written -->"
TUNED = {each.name for each in FUNCTIONS if each.tuned}

Results = dict[tuple[Sampler, str], list[Found]]


def results_of(store: Store, samplers: tuple[Sampler, ...]) -> Results:
    """Return the searches that were run, by sampler and objective."""
    found: Results = {}
    for sampler in samplers:
        for name in OBJECTIVES:
            tasks = [Task(sampler, name, seed, sampler.trials(seed)) for seed in range(sampler.seeds)]
            found[sampler, name] = [each for each in map(store.get, tasks) if each is not None]
    return found


def losses(found: list[Found], count: int) -> list[float]:
    """Return the judged losses of the best of so many trials."""
    return [each.best[count] for each in found if count in each.best]


def compare(mine: list[float], other: list[float]) -> float:
    """Return the p-value of Mann and Whitney's test, negative where the other's losses are smaller; 1 without both."""
    if not mine or not other or len(set(mine + other)) == 1:
        return 1.0
    p = float(mannwhitneyu(mine, other).pvalue)
    greater = sum(np.sign(a - b) for a in mine for b in other)
    return -p if greater > 0 else p


def holm(p_values: list[float]) -> list[float]:
    """Return p-values adjusted for their number, each with its sign."""
    order = sorted(range(len(p_values)), key=lambda i: abs(p_values[i]))
    adjusted, least = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(abs(p_values[i]) * (len(p_values) - rank), 1.0))
        adjusted[i] = float(np.copysign(least, p_values[i]))
    return adjusted


def verdicts(results: Results, mine: Sampler, other: Sampler, count: int) -> dict[str, float]:
    """Return by objective the adjusted p-value of two samplers after so many trials."""
    both = [name for name in OBJECTIVES if losses(results[mine, name], count) and losses(results[other, name], count)]
    values = [compare(losses(results[mine, name], count), losses(results[other, name], count)) for name in both]
    return dict(zip(both, holm(values), strict=True))


def share_better(results: Results, mine: Sampler, other: Sampler, count: int) -> tuple[float, float]:
    """Return where the share of pairs of searches lies in which the first sampler's is the better; ties count a half.

    The interval has 95 % of the means over objectives of samples of the searches, drawn with replacement.
    """
    stream, means = np.random.default_rng(0), np.zeros(RESAMPLES)
    names = [name for name in OBJECTIVES if losses(results[mine, name], count) and losses(results[other, name], count)]
    for name in names:
        a, b = (np.array(losses(results[each, name], count)) for each in (mine, other))
        first, second = (each[stream.integers(len(each), size=(RESAMPLES, len(each)))] for each in (a, b))
        signs = np.sign(second[:, None, :] - first[:, :, None])
        means += (0.5 + signs.mean(axis=(1, 2)) / 2.0) / len(names)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def summary(results: Results, samplers: tuple[Sampler, ...]) -> str:
    """Return the table of how often the first sampler is better, equal and worse than each other."""
    mine, *others = samplers
    lines = [
        "| `auto` against | " + " | ".join(f"{count:,} trials" for count in COUNTS) + " |",
        "|---|" + "---|" * len(COUNTS),
    ]
    for other in others:
        cells = []
        for count in COUNTS:
            found = list(verdicts(results, mine, other, count).values())
            better, worse = (sum(0.0 < sign * p <= LEVEL for p in found) for sign in (1.0, -1.0))
            if not found:
                cells.append("not run")
                continue
            low, high = share_better(results, mine, other, count)
            cells.append(f"{better} / {len(found) - better - worse} / {worse}; {low:.0%} to {high:.0%}")
        lines.append(f"| {other.label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def medians(results: Results, samplers: tuple[Sampler, ...], count: int) -> str:
    """Return the table of medians after so many trials, marked where they differ from the first sampler's."""
    mine = samplers[0]
    shown = [each for each in samplers if any(losses(results[each, name], count) for name in OBJECTIVES)]
    found = {each: verdicts(results, mine, each, count) for each in shown if each != mine}
    lines = ["| | " + " | ".join(each.label for each in shown) + " |", "|---|" + "---|" * len(shown)]
    for name in OBJECTIVES:
        cells = []
        for each in shown:
            values = losses(results[each, name], count)
            p = found[each].get(name, 1.0) if each != mine else 1.0
            mark = "" if abs(p) > LEVEL else (" ▲" if p < 0.0 else " ▽")
            cells.append(f"{median(values):.3g}{mark}" if values else "not run")
        lines.append(f"| {name}{' *' if name in TUNED else ''} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def speeds(results: Results, samplers: tuple[Sampler, ...]) -> str:
    """Return the table of proposals a second, seeds and limits."""
    lines = ["| | version | trials | searches of each | proposals a second |", "|---|---|---|---|---|"]
    for sampler in samplers:
        every = [each for name in OBJECTIVES for each in results[sampler, name]]
        seeds = {len(results[sampler, name]) for name in OBJECTIVES}
        if every:
            rate = median(max(each.best) / each.proposing for each in every if each.proposing > 0.0)
            seeds_text = f"{min(seeds)}" if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
            rounded = round(rate, -max(len(str(int(rate))) - 2, 0))
            cells = f"{version(sampler)} | {sampler.most:,} | {seeds_text} | {rounded:,.0f}"
            lines.append(f"| {sampler.label} | {cells} |")
    return "\n".join(lines)


def processor() -> str:
    """Return the name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_page(page: Path, store: Store, samplers: tuple[Sampler, ...]) -> None:
    """Replace the tables of a page, between its two marks, by those of the searches that were run."""
    results = results_of(store, samplers)
    every = [each for found in results.values() for each in found]
    hours = sum(each.seconds for each in every) / 3600
    run = f"Written {datetime.now(UTC):%Y-%m-%d}: {len(every):,} searches, {hours:.1f} hours"
    parts = [
        f"{run} of one core each ({processor()}, Python {platform.python_version()}, shared with other work).",
        "### Better, equal, worse",
        summary(results, samplers),
    ]
    for count in COUNTS:
        parts += [f"### After {count:,} trials", medians(results, samplers, count)]
    parts += ["### Speed", speeds(results, samplers)]
    text = page.read_text() if page.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(before + BEGIN + "\n\n" + "\n\n".join(parts) + "\n\n" + END + after)
