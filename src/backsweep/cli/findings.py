"""The statistics of a study as text: `backsweep show STUDY --statistics`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.text import Text

from backsweep.cli.console import make_console, make_listing, print_benchmarks
from backsweep.cli.forms import Format, write_json, write_values
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


def show_findings(study: Study, form: Format) -> None:
    """Print the statistics of a study."""
    found = study.statistics
    if form is not Format.table:
        beside = (
            {} if study.benchmark is None else {"benchmark": _beside(study), "benchmarks": study.benchmark.to_dicts()}
        )
        content = None if found is None else asdict(found) | beside
        if form is Format.json:
            write_json(content)
        else:
            write_values({"statistics": content or {}})
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

    return {name: study.selected_metrics.get(name) for name in BENCHMARK_METRICS}


def show_null(study: Study, form: Format) -> None:
    """Print the null study of a study."""
    found = {} if study.null is None else asdict(study.null)
    if form is Format.json:
        write_json(found or None)
    elif form is Format.csv:
        write_values({"null": found})
    elif study.null is not None:
        make_console().print(make_listing(describe_null(study.null)))
