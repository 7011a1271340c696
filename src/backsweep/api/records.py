"""The records of one parameter set, or of what a study selected, as files: fills, trades, equity, orders, cash."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.dataset.fingerprint import fingerprint
from backsweep.storage.open import open_files
from backsweep.study.results.replay import replay_groups, replay_values
from backsweep.study.store.identity import identify
from backsweep.study.store.selected import PARAMS, SELECTED, Making, begin_records, read_selected, write_selected
from backsweep.study.table.columns import USER_ATTRS
from backsweep.trial.evaluate import make_evaluator, make_group_evaluator
from backsweep.trial.folds import TEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from backsweep.storage.protocol import Files
    from backsweep.strategy import Value
    from backsweep.study.results.study import Study
    from backsweep.study.search.space import Space
    from backsweep.sweepfile.sweep import Sweep
    from backsweep.sweepfile.trial import TrialSpec
    from backsweep.trial.evaluator import Evaluator
    from backsweep.trial.result import Result

RECORDS = ("fills", "trades", "equity", "orders", "cash_flows")


@dataclass(frozen=True, eq=False)
class Replay:
    """One parameter set with its full records; `params` are those that were given or that the trial had.

    `groups` are those of each group of assets by its name, where these were run together, each with its own. `making`
    is how it was made, written with the records.
    """

    study: str
    params: dict[str, Value]
    result: Result
    groups: dict[str, dict[str, Value]] = field(default_factory=dict)
    making: Making | None = None

    def write(self, folder: str | Path) -> str | Path:
        """Write fills, trades, equity, orders and cash flows as Parquet, then `params.json`; returns where that is."""
        files = open_files(folder)
        begin_records(files, RECORDS)
        self.put(files)
        return files.location

    def put(self, files: Files, folder: str = "") -> None:
        """Write the same into a folder of a place, `selected/`."""
        content = {"params": self.params, "metrics": self.result.metrics, "undefined": self.result.reasons}
        content |= {"groups": self.groups} if self.groups else {}
        content |= {"making": asdict(self.making)} if self.making is not None else {}
        write_selected(files, {name: getattr(self.result, name) for name in RECORDS}, content, folder)


def describe_making(
    sweep: Sweep,
    params: Mapping[str, Value],
    of: tuple[str | Path, int | None, Mapping[str, Value] | None] | None = None,
) -> Making:
    """Describe how the run of some parameters was made.

    With groups of assets it is `of` a study: its folder, the trial, and what was given beside it. There the command
    names the study, as only that has the groups' parameters.
    """
    words = ["backsweep", "backtest", "sweep.yaml"]
    if of is not None:
        folder, trial, params = of[0], of[1], of[2] or {}
        words += [*(["--trial", str(trial)] if trial is not None else []), "--study", str(folder)]
    for name, value in params.items():
        words += ["--param", f"{name}={json.dumps(value, ensure_ascii=False)}"]
    made = identify(sweep, fingerprint(sweep.data))
    return Making(made.sweep, made.data, made.strategy, made.versions, shlex.join([*words, "--out", "another/folder"]))


def write_selected_records(study: Study, spec: TrialSpec, space: Space) -> None:
    """Write the records of what was selected into the study's folder, unless they are there.

    It is the best trial over all the data, and in walk-forward the choice of every fold over its test. Groups of assets
    are run together, each with its own; not where one of them has nothing to select.
    """
    if spec.folds is not None:
        _write_choices(study, spec, space)
        return
    groups = study.best_params if len(study.selected_by_group) == len(study.groups) > 0 else {}
    if study.selected is None and not groups:
        return
    params = {} if groups else study.best_params
    files = open_files(study.path)
    written = read_selected(files)
    if written is not None and (written.params, written.groups) == (params, groups):
        return
    files.remove(SELECTED + PARAMS)
    result = replay_groups(spec, groups)[0] if groups else replay_values(spec, params)
    Replay(study.sweep.study, params, result, groups).put(files, SELECTED)


def _write_choices(study: Study, spec: TrialSpec, space: Space) -> None:
    """Write what every fold's choice did in its test: fills, trades, equity and orders with `fold` and `number`.

    `params` in params.json are those of the selected trial, whose number is `final`, and `folds` those of all folds. A
    group of assets has choices of its own, each a run on its assets, and `groups` are the parameters of all.
    """
    table = study.walk_forward.folds
    chosen = [(fold, number) for fold, numbers in table.select("fold", "numbers").iter_rows() for number in numbers]
    files = open_files(study.path)
    written = read_selected(files)
    selected, groups = study.selected, study.best_params if study.selected_by_group else {}
    if not chosen or (
        written is not None
        and written.groups == groups
        and [(each.fold, each.number) for each in written.folds] == chosen
        and (written.final == selected or not len(study.walk_forward.final))
    ):
        return
    files.remove(SELECTED + PARAMS)
    evaluator_of = _evaluators(study, spec)
    entries: list[dict[str, Any]] = []
    frames: dict[str, list[pl.DataFrame]] = {name: [] for name in RECORDS}
    measured = study.rows("folds", {number for _, number in chosen})
    tested = set(table.filter(pl.col("test_start").is_not_null())["fold"])
    for fold, number in chosen:
        params = study.describe(number)["params"]
        keys = (pl.lit(fold, pl.Int32).alias("fold"), pl.lit(number, pl.Int64).alias("number"))
        if fold not in tested:
            entries.append({"fold": fold, "number": number, "params": params, "metrics": None})
            continue
        row = measured.row(by_predicate=_row_of(fold, number), named=True)
        metrics = {name: row[f"{USER_ATTRS}{name}"] for name in spec.metric_names}
        entries.append({"fold": fold, "number": number, "params": params, "metrics": metrics})
        for result in evaluator_of(number).replay_test(space.encode(params), fold):
            for name in RECORDS:
                frames[name].append(getattr(result, name).select(*keys, pl.all()))
    params = None if selected is None else study.describe(selected)["params"]
    content = {"params": params, "folds": entries, "final": selected, **({"groups": groups} if groups else {})}
    records = {name: pl.concat(parts) for name, parts in frames.items()} if tested else {}
    write_selected(files, records, content)


def _evaluators(study: Study, spec: TrialSpec) -> Callable[[int], Evaluator]:
    """Return what runs a trial again, by its number: on all assets, or on those of its group."""
    if not study.groups:
        evaluator = make_evaluator(spec)
        return lambda _: evaluator
    groups = make_group_evaluator(spec)
    return lambda number: groups.of(str(study.group_of(number)))


def _row_of(fold: int, number: int) -> pl.Expr:
    return (pl.col("fold") == fold) & (pl.col("number") == number) & (pl.col("segment") == TEST)
