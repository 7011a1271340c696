"""A study as the sections of a page, in the order in which they are to be read: what it is worth before what it earned.

The best Sharpe ratio stands nowhere without what noise would have given. A section is left out where its input is.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.errors import BadInput
from backsweep.report.formats import format_number
from backsweep.report.making_parts import sweep_part
from backsweep.report.parts import Cell, Chart, Charts, Code, Listing, Section, Table, Text, metric_cell
from backsweep.report.record_parts import record_parts
from backsweep.report.run_sections import run_sections
from backsweep.report.words import (
    NO_STATISTICS,
    STRESS_TEST,
    describe_final,
    describe_selected,
    describe_stress,
    list_notes,
    list_statistics,
)
from backsweep.study.results.record_charts import folds_chart
from backsweep.study.results.trial_charts import (
    front_chart,
    importances_chart,
    parallel_chart,
    ranked_names,
    search_chart,
    slice_chart,
    surface_chart,
)
from backsweep.study.store.lookahead_record import UNCHECKED
from backsweep.study.table.columns import ASSET_GROUP, CONSTRAINTS, PARAMS, USER_ATTRS
from backsweep.study.table.trials import value_columns

if TYPE_CHECKING:
    from backsweep.report.parts import Part
    from backsweep.study.results.study import Study

_TOP = 20
_PAIRED, _SLICED = 4, 4  # parameters with surfaces of their pairs, and with slices
_MOVED = "mean_change_of_range"
_METRICS = ("sharpe", "cagr", "max_drawdown", "trades", "rejected_orders")


def verdict_line(study: Study) -> str:
    """Return the verdict in a line."""
    if why_no_record(study):
        return "Verdict: none yet"
    found = study.statistics
    return f"Verdict: {found.verdict.verdict}" if found is not None else "Verdict: none"


def study_sections(study: Study) -> list[Section]:
    """Return the sections of a study's page."""
    missing = why_no_record(study)
    if missing:
        sections = [
            Section("Verdict", [Text(f"There is no verdict yet: {missing}. This page is of the trials so far.")])
        ]
    else:
        sections = [Section("Verdict", _verdict(study))]
        if study.chosen:
            sections.append(Section(_record_title(study), record_parts(study)))
    if len(study.trials):
        sections.append(Section("Trials", _ledger(study)))
        if parts := _parameters(study):
            sections.append(Section("Parameters", parts))
    if not missing:
        sections += run_sections(study)
    sections.append(Section("How it was made", _making(study)))
    return sections


def why_no_record(study: Study) -> str:
    """Return why nothing is selected yet, of a cross-validation whose folds have not all run; empty for any other."""
    try:
        _ = study.has_folds and study.walk_forward
    except BadInput as error:
        return error.problem
    return ""


def _verdict(study: Study) -> list[Part]:
    found, state = study.statistics, study.state
    unfinished = (
        [] if state.finished else [Text(f"The study has not ended: this page is of its first {state.done:,} trials.")]
    )
    unchecked = [Text(f"Unchecked: {UNCHECKED}.")] if study.lookahead is None else []
    if found is None:
        return [*unfinished, Text(NO_STATISTICS), *unchecked]
    texts = [found.verdict.reason, found.verdict.power, *list_notes(found)]
    listings = (Listing(title, entries) for title, entries in list_statistics(found).items())
    return [*unfinished, *map(Text, texts), *unchecked, *listings]


def _record_title(study: Study) -> str:
    walk = study.sweep.walk_forward
    if walk is None:
        return "What the groups selected, together, in sample" if study.groups else "The selected trial, in sample"
    return "Cross-validation, mean over the paths" if walk.mode == "cpcv" else "Out of sample"


def _ledger(study: Study) -> list[Part]:
    state, trials = study.state, study.trials
    complete = int((trials["state"] == "COMPLETE").sum())
    entries = {
        "requested": "unknown" if state.total is None else f"{state.total:,}",
        "complete": f"{complete:,}",
        "pruned": f"{state.pruned:,}",
        "failed": f"{state.failed:,}",
        "duplicates": f"{state.duplicates:,} with the parameters of an earlier one",
        **({"ended": state.ended} if state.ended else {}),
    }
    column = f"{USER_ATTRS}rejected_orders"
    if column in trials.columns:
        rejecting = trials.filter(pl.col(column) > 0)
        entries["rejected orders"] = f"{trials[column].sum():,.0f}, in {len(rejecting):,} trials"
    parts: list[Part] = [Listing("", entries)]
    if state.failed:
        parts.append(_failures(trials))
    if _measured(study):
        parts.append(search_chart(study))
        if len(study.sweep.search.objective) > 1:
            parts.append(front_chart(study))
    return [*parts, _best(study)]


def _measured(study: Study) -> bool:
    """Return whether a completed trial has a defined first objective."""
    column = pl.col(value_columns(study.sweep.search)[0]).cast(pl.Float64)
    return len(study.trials.filter((pl.col("state") == "COMPLETE") & column.is_finite())) > 0


def _failures(trials: pl.DataFrame) -> Table:
    reason = pl.col("error").cast(pl.String).fill_null("-").str.split("\n").list.first()
    grouped = trials.filter(pl.col("state") == "FAIL").group_by(reason.alias("reason"), maintain_order=True)
    counts = grouped.agg(pl.len().alias("trials"), pl.col("number").first()).sort("trials", descending=True)
    rows = [
        [Cell(row["reason"], row["reason"]), _count(row["trials"]), _count(row["number"])]
        for row in counts.head(_TOP).to_dicts()
    ]
    text = "Failed trials by the first line of their error; errors in rarer lines are in the study table."
    return Table("Why trials failed", ("reason", "trials", "first trial"), rows, text)


def _best(study: Study) -> Table:
    top, goals = study.top(_TOP), study.sweep.search.objective
    columns = {goal.metric: column for goal, column in zip(goals, value_columns(study.sweep.search), strict=True)}
    columns |= {
        name: USER_ATTRS + name for name in _METRICS if name not in columns and USER_ATTRS + name in top.columns
    }
    params = [name for name in top.columns if name.startswith(PARAMS)]
    rows = [
        [
            _count(row["number"]),
            *([_value(row[ASSET_GROUP])] if study.groups else []),
            _state(row),
            *(metric_cell(name, row[column]) for name, column in columns.items()),
            *(_value(_labelled(study, name, row[name])) for name in params),
        ]
        for row in top.to_dicts()
    ]
    headings = (
        "trial",
        *(["group"] if study.groups else []),
        "state",
        *columns,
        *(name.removeprefix(PARAMS) for name in params),
    )
    means = "means over the trainings of all folds, " if study.has_folds else ""
    text = (
        f"The first {len(rows)} of {len(study.trials):,} trials, feasible ones first: {means}in sample. They were "
        "found by looking for the best and flatter themselves; a click on a heading sorts."
    )
    return Table("The best trials, in sample", headings, rows, text)


def _state(row: dict[str, Any]) -> Cell:
    broken = any((row[name] or 0.0) > 0.0 for name in row if name.startswith(CONSTRAINTS))
    state = "infeasible" if row["state"] == "COMPLETE" and broken else str(row["state"]).lower()
    return Cell(state, state)


def _parameters(study: Study) -> list[Part]:
    parts: list[Part] = []
    if study.groups:
        parts.append(Text("Charts have the trials of all groups; each group chose among its own."))
    if study.importances:
        parts.append(importances_chart(study))
    if _measured(study):
        names = ranked_names(study)
        pairs = [(x, y) for place, y in enumerate(names[:_PAIRED]) for x in names[:place]]
        parts += _together("Pairs of parameters: peak or plateau?", [surface_chart(study, x, y) for x, y in pairs])
        parts += _together("Single parameters", [slice_chart(study, name) for name in names[:_SLICED]])
        parts += [parallel_chart(study)] if names else []
    if why_no_record(study):
        return parts
    if study.has_folds:
        drift = study.walk_forward.drift
        rows = [
            [_share(row[name]) if name == _MOVED else _value(row[name]) for name in drift.columns]
            for row in drift.to_dicts()
        ]
        text = (
            "What the folds chose, and how far the choice moved from one fold to the next, in per cent of the range "
            "that was tried; a choice that jumps is a weak one."
        )
        named = {"param": "parameter", _MOVED: "mean change, of the range"}
        headings = [named.get(name, name.replace("_", " ")) for name in drift.columns]
        parts += [folds_chart(study), Table("Drift over the folds", headings, rows, text)]
        said = describe_final(study)
        parts += [Text(f"The {name}, in sample and no part of the record: {each}.") for name, each in said.items()]
    chosen = {name.removeprefix("selected in "): each for name, each in describe_selected(study).items()}
    parts += [Listing("What each group selected", chosen)] if chosen else []
    found = study.statistics
    if found is not None and found.sensitivity:
        parts.append(Listing(STRESS_TEST, describe_stress(found.sensitivity)))
    return parts


def _together(title: str, charts: list[Chart]) -> list[Part]:
    """Return charts of one kind side by side, under the text that they share."""
    return [Charts(title, [replace(chart, text="") for chart in charts], charts[0].text)] if charts else []


def _making(study: Study) -> list[Part]:
    identity = study.identity
    entries = {
        "study": study.sweep.study,
        "folder": str(study.path),
        "hash": identity.hash,
        "data fingerprint": identity.data,
        "strategy": f"{study.sweep.strategy}, source {identity.strategy}",
        "versions": ", ".join(f"{name} {version}" for name, version in identity.versions.items()),
    }
    entries["look-ahead"] = UNCHECKED if study.lookahead is None else str(study.lookahead)
    if study.history:
        from backsweep.study.store.growth import describe_growth  # noqa: PLC0415 - loads pydantic

        entries["data grown"] = "; ".join(map(describe_growth, study.history))
    if study.holdout_uses:
        from backsweep.study.store.holdout_log import describe_uses  # noqa: PLC0415 - loads pydantic

        entries["holdout"] = describe_uses(study.holdout_uses)
    path = shlex.quote(str(study.path))
    command = (
        f"backsweep run sweep.yaml --out another/folder --trials {max(len(study.trials), 1)}\n"
        f"backsweep show another/folder --hash    # and of this study: backsweep show {path} --hash"
    )
    return [
        Listing("", entries),
        sweep_part(identity.sweep),
        Code("The commands that reproduce the trials and compare them", command),
    ]


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", float(value))


def _share(value: float | None) -> Cell:
    return Cell("-") if value is None else Cell(f"{value:.0%}", value)


def _labelled(study: Study, column: str, value: Any) -> Any:
    """Return a parameter's value, a null choice as a text."""
    return "null" if value is None and column.removeprefix(PARAMS) not in study.space.conditional else value


def _value(value: float | str | bool | None) -> Cell:
    return Cell(format_number(value, 4), float(value) if isinstance(value, int | float) else value)
