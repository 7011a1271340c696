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
    NO_STATISTICS,
    STRESS_TEST,
    describe_null,
    describe_stress,
    list_notes,
    list_statistics,
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
        console.print(NO_STATISTICS)
        return
    verdict = found.verdict
    console.print(Text.assemble((verdict.verdict, "bold"), clean(f": {verdict.reason}")))
    console.print(verdict.power)
    for note in list_notes(found):
        console.print(note, markup=False)
    listings = list_statistics(found)
    if found.sensitivity:
        listings[STRESS_TEST] = describe_stress(found.sensitivity)
    if study.benchmark is not None:
        title = "Beside the benchmark" + ("" if found.out_of_sample is None else ", out of sample")
        listings[title] = {name: format_metric(name, value) for name, value in _beside(study).items()}
    for title, entries in listings.items():
        console.print()
        console.print(title, style="underline")
        console.print(make_listing(entries))
    if study.benchmark is not None:
        console.print()
        print_benchmarks(console, study.benchmark)


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
