"""What was selected, fill by fill: its trades and its account, from the records that a run leaves in the study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.report.account_parts import account_parts
from backsweep.report.parts import Section, Text
from backsweep.report.price_parts import known_closes, price_parts
from backsweep.report.trade_parts import trade_parts
from backsweep.storage.open import open_files
from backsweep.study.results.asset_groups import shares_of
from backsweep.study.store.run_records import read_run_records

if TYPE_CHECKING:
    import polars as pl

    from backsweep.study.results.study import Study
    from backsweep.study.store.selected import Selected

_COUNTED = ("ambiguous_fills", "ambiguous_pnl")


def run_sections(study: Study) -> list[Section]:
    """Return the sections on the records of what was selected; none before a run has ended."""
    found = read_run_records(open_files(study.path))
    if found is None:
        return []
    selected, read_records = found
    records = read_records.on_clock(study.sweep.data.timezone)
    alone = "what the groups selected, in sample" if study.groups else "the selected trial, in sample"
    each = "each fold's and group's choice" if study.groups else "each fold's choice"
    where = f"{each} in its test" if study.has_folds else alone
    title = f"Trades of {where}"
    if not _is_current(selected, study):
        return [
            Section(title, [Text("The records are of an earlier selection: the run that replaces them has not ended.")])
        ]
    account = study.sweep.account
    multipliers = {name: asset.multiplier for name, asset in account.per_asset.items() if asset.multiplier != 1.0}
    trades = trade_parts(records, _metrics(selected), study.sweep.data.timezone)

    ends = study.sessions.dt.replace_time_zone(None)

    def read(assets: tuple[str, ...]) -> pl.DataFrame | str:
        return known_closes(study.sweep.data, study.identity.data, (ends[0], ends[-1]), assets)

    return [
        Section(title, [*trades, *price_parts(records, read)]),
        Section("Account", account_parts(records, account.cash, multipliers, _parts_of_cash(study))),
    ]


def _is_current(selected: Selected, study: Study) -> bool:
    if study.has_folds:
        chosen = [(fold, number) for fold, numbers in study.chosen for number in numbers]
        return [(each.fold, each.number) for each in selected.folds] == chosen
    if study.groups:
        return selected.groups == study.best_params
    return study.selected is not None and selected.params == study.best_params


def _parts_of_cash(study: Study) -> dict[int, float]:
    """Return the part of the cash that a trial of a walk-forward has, where it runs on a group of assets."""
    if not study.groups or not study.has_folds:
        return {}
    shares = shares_of(study.sweep.search)
    numbers = [number for _, each in study.chosen for number in each]
    return {number: shares[study.group_of(number) or ""] for number in numbers}


def _metrics(selected: Selected) -> dict[str, float | None]:
    """Return the metrics of the run, or of folds the counts that can be added."""
    if not selected.folds:
        return selected.metrics
    tested = [each.metrics for each in selected.folds if each.metrics is not None]
    return {name: sum(each.get(name) or 0.0 for each in tested) for name in _COUNTED}
