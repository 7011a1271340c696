"""The statistics of a study as text: `backsweep show STUDY --statistics`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from backsweep.cli.console import make_console, make_listing, print_benchmarks, write_data
from backsweep.printable import clean
from backsweep.report.formats import format_metric
from backsweep.report.words import (
    describe_counting,
    describe_counts,
    describe_null,
    describe_out_of_sample,
    describe_scenario,
    describe_trials,
)

if TYPE_CHECKING:
    from backsweep.study.results.study import Study


def show_findings(study: Study, *, as_json: bool) -> None:
    """Print the statistics of a study, as text or as JSON with null for what is undefined."""
    found = study.statistics
    if as_json:
        beside = (
            {} if study.benchmark is None else {"benchmark": _beside(study), "benchmarks": study.benchmark.to_dicts()}
        )
        content = None if found is None else _plain(asdict(found) | beside)
        write_data(json.dumps(content, indent=2) + "\n")
        return
    console = make_console()
    if found is None:
        console.print("No statistics: no trial has returns of four sessions or more.")
        return
    verdict = found.verdict
    console.print(Text.assemble((verdict.verdict, "bold"), clean(f": {verdict.reason}")))
    console.print(verdict.power)
    for note in filter(None, (*verdict.warnings, describe_counting(found))):
        console.print(f"Note: {note}", markup=False)
    console.print()
    if found.out_of_sample is not None:
        console.print("Out of sample: each fold's selection in its test", style="underline")
        console.print(make_listing(describe_out_of_sample(found.out_of_sample)))
        console.print()
    title = "All trials, full record" if found.out_of_sample is None else "All trials, test segments"
    console.print(title, style="underline")
    console.print(make_listing(describe_counts(found) | (describe_trials(found) if found.judged else {})))
    if study.benchmark is not None:
        console.print()
        title = "Beside the benchmark" + ("" if found.out_of_sample is None else ", out of sample")
        console.print(title, style="underline")
        console.print(make_listing({name: format_metric(name, value) for name, value in _beside(study).items()}))
        console.print()
        print_benchmarks(console, study.benchmark)
    if found.null is not None:
        console.print()
        console.print("Null study: the same search on permuted histories", style="underline")
        console.print(make_listing(describe_null(found.null)))
    if found.sensitivity:
        console.print()
        console.print("Stress test of what was selected", style="underline")
        console.print(make_listing({each.name: describe_scenario(each) for each in found.sensitivity}))


def _beside(study: Study) -> dict[str, float | None]:
    """Return the metrics beside the benchmark: of the stitched tests, or of the selected trial."""
    from backsweep.metrics.table import BENCHMARK_METRICS  # noqa: PLC0415 - loads Numba

    if study.has_folds:
        figures = study.walk_forward.metrics
    else:
        figures = {} if study.selected is None else study.describe(study.selected)["metrics"]
    return {name: figures.get(name) for name in BENCHMARK_METRICS}


def show_null(study: Study) -> None:
    """Print the null study of a study."""
    if study.null is not None:
        make_console().print(make_listing(describe_null(study.null)))


def _plain(value: Any) -> Any:
    """Replace NaN and infinities, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
