"""`backsweep show`: a study's state and its best trials."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backsweep.cli.console import (
    echo,
    make_console,
    make_listing,
    print_benchmarks,
    print_columns,
    print_warnings,
    print_worth,
    write_data,
)
from backsweep.cli.findings import show_findings
from backsweep.cli.forms import Form, Format, write_json
from backsweep.cli.options import StudyPlace
from backsweep.report.formats import format_metric, format_number, format_param
from backsweep.report.words import describe_final, describe_selected
from backsweep.study.table.columns import ASSET_GROUP, CONSTRAINTS, PARAMS, USER_ATTRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    from rich.console import Console

    from backsweep.study.results.state import State
    from backsweep.study.results.study import Study
    from backsweep.sweepfile.folds import WalkForward
    from backsweep.sweepfile.search import Search

BENCHMARK = ("alpha", "beta")
"""Those shown where there is a benchmark."""

SHOWN = ("sharpe", "cagr", "max_drawdown", "trades")
"""The metrics of the table, after the objectives; the other formats have all."""


def show(
    study: StudyPlace,
    top: Annotated[int, typer.Option(help="Number of trials to show.", min=1)] = 10,
    folds: Annotated[bool, typer.Option("--folds", help="Show what each fold of a walk-forward selected.")] = False,
    form: Form = Format.table,
    only_hash: Annotated[
        bool, typer.Option("--hash", help="Print only the digest of the study's rows, timing columns apart.")
    ] = False,
    statistics: Annotated[bool, typer.Option("--statistics", help="Print the verdict and its statistics.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh while another process runs the study, until it ends.")
    ] = False,
    every: Annotated[float, typer.Option(metavar="SECONDS", help="Refresh interval, with --watch.", min=0.1)] = 2.0,
) -> None:
    """Show a study's state and its best trials.

    For example:
    - backsweep show studies/demo --top 20

    - backsweep show studies/demo --format csv > best.csv

    - backsweep show studies/demo --hash

    - backsweep show studies/demo --statistics

    - backsweep show studies/walk-forward --folds

    - backsweep show studies/demo --watch

    """
    import backsweep  # noqa: PLC0415 - loads Polars and Numba, which --help does without

    if watch:
        from backsweep.cli.watch import watch as watch_study  # noqa: PLC0415 - loads Polars, as above

        watch_study(study, top, every, print_best)
        return
    opened = backsweep.open_study(study)
    if only_hash:
        echo(opened.digest())
        return
    if statistics:
        show_findings(opened, form)
        return
    if folds:
        _show_folds(opened, form)
        return
    from backsweep.api.exports import with_seconds  # noqa: PLC0415 - loads Polars, as above

    best = with_seconds(opened.top(top))
    if form is Format.csv:
        write_data(best.write_csv())
    elif form is Format.json:
        trials = list(best.iter_rows(named=True))
        content = {**asdict(opened.state), "best": opened.best, "trials": trials}
        content |= {"selected": opened.selected_by_group} if opened.groups else {}
        content["holdout_touches"] = [asdict(use) for use in opened.holdout_uses]
        content["history"] = [asdict(growth) for growth in opened.history]
        if opened.has_folds:
            content["final"] = opened.walk_forward.final.to_dicts()
        content["lookahead"] = None if opened.lookahead is None else asdict(opened.lookahead)
        write_json(content)
    else:
        walk = opened.sweep.walk_forward
        from backsweep.api.sweeps import study_warnings  # noqa: PLC0415 - loads Polars and Numba, as above
        from backsweep.study.store.growth import describe_growth  # noqa: PLC0415 - loads pydantic
        from backsweep.study.store.holdout_log import describe_uses  # noqa: PLC0415 - the same
        from backsweep.study.store.lookahead_record import describe_test  # noqa: PLC0415 - the same

        said = describe_uses(opened.holdout_uses) if walk is not None and walk.holdout is not None else ""
        tested = describe_test(opened.lookahead)
        grown = "; ".join(map(describe_growth, opened.history))
        chosen = {**describe_final(opened), **describe_selected(opened)}
        more = {"data grown": grown, "holdout": said, **chosen, "look-ahead": tested}
        print_best(make_console(), opened.state, opened.sweep.search, best, more)
        print_benchmarks(make_console(), opened.benchmark)
        print_warnings(study_warnings(opened))
        if len(best):
            print_worth(opened.path)


def _show_folds(study: Study, form: Format) -> None:
    result = study.walk_forward
    if form is Format.csv:
        write_data(result.folds.drop("numbers").write_csv())
        return
    if form is Format.json:
        tables = {name: getattr(result, name).to_dicts() for name in ("folds", "final", "paths", "drift")}
        if study.benchmark is not None:
            tables["benchmark"] = study.benchmark.to_dicts()
        content = {"metrics": result.metrics, **tables}
        write_json(content)
        return
    console, table = make_console(), result.folds
    goals = [goal.metric for goal in study.sweep.search.objective]
    columns = {"fold": [f"{row['fold']}{' (short)' if row['short'] else ''}" for row in table.to_dicts()]}
    columns |= {"group": table[ASSET_GROUP].to_list()} if study.groups else {}
    dates = dict(zip(study.sessions, study.session_dates, strict=True))
    columns |= {name: [str(dates.get(end, "-")) for end in table[f"{name}_start"]] for name in ("train", "test")}
    columns["trial"] = [format_number(number) for number in table["number"]]
    for name in goals:
        for segment in ("train", "test"):
            columns[f"{segment}_{name}"] = [format_metric(name, value) for value in table[f"{segment}_{name}"]]
    columns["test_return"] = [format_metric("total_return", value) for value in table["test_return"]]
    columns |= _test_benchmarks(study.benchmark, table["fold"])
    for name in table.columns:
        if name.startswith(PARAMS):
            lacking = _lacking(study.sweep.search, name) or table["number"].has_nulls()
            columns[name.removeprefix(PARAMS)] = [format_param(value, 4, lacking=lacking) for value in table[name]]
    print_columns(console, columns)
    if short := _too_few(table, study.sweep.walk_forward):
        console.print(f"Note: {short}", markup=False)
    if len(result.paths) > 1:
        paths = result.paths
        print_columns(console, {name: [format_metric(name, value) for value in paths[name]] for name in paths.columns})
        console.print("cross-validation, mean over the paths: not an out-of-sample record", style="bold")
    else:
        console.print("out of sample, all tests combined", style="bold")
    console.print(make_listing({name: format_metric(name, value) for name, value in result.metrics.items()}))
    console.print()
    print_benchmarks(console, study.benchmark)
    _show_choices(console, study)


def _show_choices(console: Console, study: Study) -> None:
    """Print how the choices moved from fold to fold, and the final one."""
    drift = study.walk_forward.drift
    print_columns(console, {name: [format_number(value, 4) for value in drift[name]] for name in drift.columns})
    for name, said in describe_final(study).items():
        console.print()
        console.print(f"{name}, in sample: no part of the record above", style="bold", markup=False)
        console.print(said, markup=False)


def _test_benchmarks(figures: pl.DataFrame | None, folds: pl.Series) -> dict[str, list[str]]:
    """Return what each benchmark returned in the tests of `folds`, a column for each."""
    if figures is None:
        return {}
    by_fold = {(row["fold"], row["benchmark"]): row["total_return"] for row in figures.to_dicts()}
    names = figures["benchmark"].unique(maintain_order=True)
    return {
        f"{name}_return": [format_metric("total_return", by_fold.get((fold, name))) for fold in folds] for name in names
    }


def _too_few(folds: pl.DataFrame, rules: WalkForward | None) -> str:
    """Return which folds had fewer parameter sets to choose from than `top_k` asks for, if any."""
    if rules is None or rules.select != "top_k":
        return ""
    chosen = zip(folds["fold"], folds["numbers"].list.len(), strict=True)
    short = [f"{fold} ({count})" for fold, count in chosen if count < rules.top]
    return f"fewer than {rules.top} parameter sets to choose from in fold {', '.join(short)}" if short else ""


def print_best(console: Console, state: State, search: Search, best: pl.DataFrame, more: Mapping[str, str]) -> None:
    """Print a study's state and these trials of it; `more` are further lines by what they are about, empty for none."""
    goals = [f"{'maximize' if goal.maximize else 'minimize'} {goal.metric}" for goal in search.objective]
    entries = {
        "study": state.study,
        "trials": f"{state.done:,}" + (f" of {state.total:,}" if state.total is not None else ""),
        **({"ended": state.ended} if state.ended else {}),
        "failed": f"{state.failed:,}",
        **({"duplicates": f"{state.duplicates:,} with the parameters of an earlier one"} if state.duplicates else {}),
        **({} if search.pruning is None else {"pruned": f"{state.pruned:,}"}),
        "objective": ", ".join(goals),
        "constraints": ", ".join(search.constraints) or "none",
    }
    entries |= {name: text for name, text in more.items() if text}
    console.print(make_listing(entries))
    if len(best):
        from backsweep.study.table.trials import value_columns  # noqa: PLC0415 - loads Polars, as above

        console.print()
        goals = [goal.metric for goal in search.objective]
        _print_trials(console, best, search, dict(zip(goals, value_columns(search), strict=True)))


def _lacking(search: Search, column: str) -> bool:
    """Return whether some trials do not have the parameter of a column, by its condition."""
    entry = search.params.get(column.removeprefix(PARAMS))
    return entry is not None and entry.when is not None


def _print_trials(console: Console, best: pl.DataFrame, search: Search, objectives: dict[str, str]) -> None:
    """Print metrics and parameters of each trial; parameters that all share are printed below.

    `objectives` are the columns of the objectives by their texts.
    """
    trials = list(best.iter_rows(named=True))
    columns = {"trial": [str(row["number"]) for row in trials]}
    if ASSET_GROUP in best.columns:
        columns["group"] = [row[ASSET_GROUP] for row in trials]
    if "front" in best.columns:
        columns["front"] = [format_number(row["front"]) for row in trials]
    beside = [name for name in BENCHMARK if USER_ATTRS + name in best.columns]
    metrics = {name: USER_ATTRS + name for name in (*SHOWN, *beside) if name not in objectives}
    for name, column in {**objectives, **metrics}.items():
        columns[name] = [format_metric(name, row[column]) for row in trials]
    params = {
        name: [format_param(row[name], 4, lacking=_lacking(search, name)) for row in trials]
        for name in best.columns
        if name.startswith(PARAMS)
    }
    same = [name for name, cells in params.items() if len(cells) > 1 and len(set(cells)) == 1]
    notes = [_note(row) for row in trials]
    if any(notes):
        columns["note"] = notes  # before the parameters: what does not fit the width is left out from the end
    columns |= {name.removeprefix(PARAMS): cells for name, cells in params.items() if name not in same}
    print_columns(console, columns)
    if "front" in best.columns:
        console.print("front 1: no other trial is as good in every objective and better in one", markup=False)
    if same:
        shared = ", ".join(f"{name.removeprefix(PARAMS)}={params[name][0]}" for name in same)
        console.print(f"the same in all of these: {shared}")


def _note(row: dict[str, Any]) -> str:
    """Return what is wrong with a trial, "" if nothing is."""
    if row["state"] != "COMPLETE":
        return "pruned" if row["state"] == "PRUNED" else "failed"
    broken = [
        name.removeprefix(CONSTRAINTS)
        for name, value in row.items()
        if name.startswith(CONSTRAINTS) and (value or 0) > 0
    ]
    return "violates " + ", ".join(broken) if broken else ""
