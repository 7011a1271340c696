"""Studies side by side: their verdicts, what was tried, what was selected, and what differs in how they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.errors import BadInput
from backsweep.figures.record import equity_figure
from backsweep.figures.style import Chart
from backsweep.metrics import max_drawdown, sharpe, total_return
from backsweep.report.formats import fixed, format_metric, format_number
from backsweep.report.parts import Cell, Section, Table, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backsweep.report.parts import Part
    from backsweep.study.results.study import Study

_NEVER_DIFFERS = ("study", "runtime")

Lines = dict[str, list[str]]
"""Texts of each study, by the name of the line."""

WARNING = (
    "Each study is judged for all that was tried on its data before it ended; to choose among them by this page is one "
    "more look, which no verdict counts."
)


def compare_studies(studies: Sequence[Study]) -> dict[str, Lines]:
    """Return lines with a text for each study, by title: verdicts, common sessions, parameters, what differs.

    Raises BadInput for fewer than two studies.
    """
    if len(studies) < 2:
        remedy = "name two studies or more; `backsweep report` is for one"
        raise BadInput("nothing to compare", expected="two studies", found=f"{len(studies)}", remedy=remedy)
    common = common_returns(studies)
    found = {
        "Verdict": _verdicts(studies),
        "The same sessions": {} if common is None else _same_sessions(studies, common),
        "Selected parameters": _parameters(studies),
        "How they were made": _differences(studies),
    }
    return {title: lines for title, lines in found.items() if lines}


def comparison_sections(studies: Sequence[Study]) -> list[Section]:
    """Return the sections of a page that compares studies."""
    names = name_studies(studies)
    sections = []
    for title, lines in compare_studies(studies).items():
        rows = [[Cell(name, name), *(Cell(text, text) for text in texts)] for name, texts in lines.items()]
        parts: list[Part] = [Table("", ("", *names), rows, _TEXTS[title])]
        common = common_returns(studies)
        if title == "The same sessions" and common is not None:
            parts.append(_growth(names, common))
        sections.append(Section(title, parts))
    return [Section("What is compared", [Text(WARNING)]), *sections]


_TEXTS = {
    "Verdict": "Out of sample where a study has folds, and in sample where it has none: those two are no equals.",
    "Selected parameters": "What was selected, with folds by the last one; a dash is what a study does not search.",
    "How they were made": "Whether data and strategy are the same, and keys of the resolved sweep files that differ.",
    "The same sessions": "The records over the sessions that all of them have, after costs.",
}


def name_studies(studies: Sequence[Study]) -> list[str]:
    """Return the studies' names; where two have the same, their folders."""
    names = [study.sweep.study for study in studies]
    return names if len({*names}) == len(names) else [str(study.path) for study in studies]


def common_returns(studies: Sequence[Study]) -> pl.DataFrame | None:
    """Return `date` and a column of returns for each study, over their common sessions; None where there are none."""
    joined: pl.DataFrame | None = None
    for place, study in enumerate(studies):
        if not study.chosen:
            return None
        rows = study.record_by_date.select("date", pl.col("return").fill_nan(0.0).fill_null(0.0).alias(str(place)))
        joined = rows if joined is None else joined.join(rows, on="date", how="inner", maintain_order="left")
    return joined if joined is not None and len(joined) else None


def _verdicts(studies: Sequence[Study]) -> Lines:
    columns: list[dict[str, str]] = []
    for study in studies:
        found, state = study.statistics, study.state
        record = None if found is None else found.out_of_sample
        column = {
            "verdict": "none: no trial has returns" if found is None else found.verdict.verdict,
            "trials": f"{state.done:,}" + ("" if state.finished else f" of {state.total or '?'}, not ended"),
            "tried in all": "-" if found is None else f"{found.tried:,}",
            "failed": f"{state.failed:,}",
            "record": "out of sample" if record is not None else "in sample",
        }
        if found is not None and record is not None:
            column |= {
                "Sharpe": f"{fixed(record.sharpe)} ({fixed(record.low)} to {fixed(record.high)})",
                "p-value": fixed(record.p_value, 3),
            }
        elif found is not None and found.judged:
            column |= {
                "Sharpe": f"{fixed(found.sharpe)} (noise {fixed(found.expected_noise)})",
                "p-value": fixed(found.corrected if found.corrections else found.p_value, 3)
                + ", were trials placed beforehand" * found.adaptive,
            }
        columns.append(column)
    return _transposed(columns)


def _same_sessions(studies: Sequence[Study], common: pl.DataFrame) -> Lines:
    columns = []
    first = common["0"].to_numpy()
    for place, study in enumerate(studies):
        returns = common[str(place)].to_numpy()
        moves = returns.std() > 0.0 and first.std() > 0.0
        columns.append(
            {
                "record": "out of sample" if study.has_folds else "in sample: the best of its trials",
                "sessions": f"{len(common):,}",
                "from": str(common["date"][0]),
                "to": str(common["date"][-1]),
                "total return": format_metric("total_return", total_return(returns)),
                "Sharpe": fixed(sharpe(returns, periods_per_year=study.sweep.sessions_per_year)),
                "max drawdown": format_metric("max_drawdown", max_drawdown(returns)),
                "correlation with the first": fixed(float(np.corrcoef(first, returns)[0, 1])) if moves else "-",
            }
        )
    return _transposed(columns)


def _parameters(studies: Sequence[Study]) -> Lines:
    chosen = [_chosen(study) for study in studies]
    return _transposed([{name: format_number(value, 4) for name, value in each.items()} for each in chosen])


def _chosen(study: Study) -> dict[str, Any]:
    """Return the parameters that a study selected; those of groups of assets have the group's name in front."""
    if study.groups:
        chosen = study.best_params if study.selected_by_group else {}
        return {f"{group}: {name}": value for group, own in chosen.items() for name, value in own.items()}
    return study.best_params if study.selected is not None else {}


def _differences(studies: Sequence[Study]) -> Lines:
    lines: Lines = {}
    for name, values in (
        ("data", [study.identity.data for study in studies]),
        ("strategy", [f"{study.sweep.strategy} {study.identity.strategy[:12]}" for study in studies]),
    ):
        shown = [value[:24] if name == "data" else value for value in values]
        lines[name] = shown if len({*values}) > 1 else ["the same"] * len(studies)
    flat = [_flat(study.identity.sweep) for study in studies]
    for key in sorted({key for each in flat for key in each}):
        values = [each.get(key, "-") for each in flat]
        if len({*values}) > 1 and key.partition(".")[0] not in _NEVER_DIFFERS:
            lines[key] = values
    return lines


def _flat(section: Mapping[str, Any], above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in section.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = _written(value)
    return found


def _written(value: Any) -> str:
    """Return a value of a sweep file as that has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _transposed(columns: Sequence[Mapping[str, str]]) -> Lines:
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: [column.get(name, "-") for column in columns] for name in names}


def _growth(names: Sequence[str], common: pl.DataFrame) -> Part:
    returns = {name: common[str(place)].to_numpy() for place, name in enumerate(names)}
    text = (
        "Growth of 1 over the common sessions, and the drawdown of the first study. A curve that is in sample was "
        "found by looking for a high one."
    )
    return Chart("Growth over the same sessions", equity_figure(common["date"].to_list(), returns), text)
