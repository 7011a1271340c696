"""The selected parameters of a study on today's data: what they hold, and what they would send for the next bar."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from backsweep.dataset import sealed
from backsweep.engine.codes import BY_STRATEGY, REJECT_REASONS
from backsweep.strategy import load_strategy
from backsweep.study.results.newer_data import check_all_but_data, check_holdout_used, describe_newer
from backsweep.study.results.replay import replay_groups, replay_to_the_end
from backsweep.study.results.study import open_study
from backsweep.study.search.asset_groups import with_asset_groups
from backsweep.study.search.space import build_space, trial_spec
from backsweep.study.store.folder import StudyFolder
from backsweep.sweepfile.load import load_sweep
from backsweep.trial.models import check_models
from backsweep.trial.own_metrics import check_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from backsweep.study.results.study import Study
    from backsweep.trial.result import Result


@dataclass(frozen=True, eq=False)
class NextOrders:
    """What a trial holds at the last bar, and its orders; columns as `trial.live_records` has them.

    Attributes
    ----------
    trial, reason, params : which trial of the study, why that one, and its parameters. Where groups of assets have
        trials of their own, `trial` is None and `params` has the parameters of each group by its name.
    last_bar : when the last bar of the data ended, UTC.
    zone : the zone of the data's sessions, in which the command line shows times.
    data : how these data and the study's compare.
    positions : the assets held.
    working : orders that waited before, with their present prices.
    send : orders that the strategy submitted in the last session and that no bar of their asset has met yet: those of
        the last bar and, where markets close at different times, of the last bar of an asset that closed before. A
        `held` one waits for its parent.
    cancel : orders that waited before and were cancelled since, by the same rule; columns as `Result.orders`.
    notes : what to know of the data and the run, a line each.

    """

    study: str
    trial: int | None
    reason: str
    params: dict[str, Any]
    last_bar: datetime
    zone: str
    data: str
    positions: pl.DataFrame
    working: pl.DataFrame
    send: pl.DataFrame
    cancel: pl.DataFrame
    notes: tuple[str, ...]

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return the four tables by name."""
        return {"positions": self.positions, "working": self.working, "send": self.send, "cancel": self.cancel}


def next_orders(
    path: str | Path,
    study: str | Path | None = None,
    *,
    trial: int | None = None,
    overrides: Sequence[str] = (),
) -> NextOrders:
    """Run the selected parameters of a study, or those of `trial`, on the data of a sweep file to their last bar.

    `study` is its folder (studies/<study> here). The data may end later than the study's, and may differ in nothing
    else; `data.end` may be later or absent. Raises StudyConflict where they do, BadInput where nothing is selected, for
    a trial that is not there, and for a holdout that nobody has looked at.
    """
    sweep = load_sweep(Path(path), overrides)
    opened = open_study(study if study is not None else Path("studies") / sweep.study)
    check_holdout_used(opened)
    params = opened.best_params if trial is None else opened.describe(trial)["params"]
    number = opened.selected if trial is None else trial
    sweep = StudyFolder(opened.path).completed(sweep)
    sweep = with_asset_groups(sweep.model_copy(update={"data": sealed(sweep.data)}))
    space = build_space(sweep, load_strategy(sweep.strategy).declared())
    check_models(sweep.costs)  # what is compared is what was loaded
    check_metrics(sweep.metrics)
    newer = check_all_but_data(opened, sweep)
    spec = trial_spec(sweep, space)
    if number is None:  # of all groups, each its own
        result, ends = replay_groups(spec, params)
    else:
        result, ends = replay_to_the_end(spec, params, group=opened.group_of(number))
    same = "those of the study, with no later bar"
    working, send, cancel, over = divide_orders(result, ends)
    return NextOrders(
        study=sweep.study,
        trial=number,
        reason=_reason(opened, None if trial is None else opened.group_of(trial), asked=trial is not None),
        params=params,
        last_bar=result.equity["timestamp"][-1],
        zone=sweep.data.timezone or "UTC",
        data=describe_newer(opened, number, result, spec) if newer else same,
        positions=result.positions,
        working=working,
        send=send,
        cancel=cancel,
        notes=(*_notes(over), *result.notes),
    )


def divide_orders(
    result: Result, ends: NDArray[np.int64]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the orders that waited before, the new ones, those to cancel, and the new ones that are over already.

    See `NextOrders`; `ends` are the ends of the sessions of the run.
    """
    live, orders = (
        frame.join(result.last_bars, on="asset", how="left", maintain_order="left")
        for frame in (result.live_orders, result.orders)
    )
    new, over = _since("submitted", ends), pl.col("closed").is_not_null()
    cancelled = _since("closed", ends) & (pl.col("reject_reason") == REJECT_REASONS[BY_STRATEGY])
    parts = live.filter(~new), live.filter(new), orders.filter(cancelled & ~new), orders.filter(over & new)
    working, send, cancel, done = (part.drop("last_bar") for part in parts)
    return working, send, cancel, done


def _since(column: str, ends: NDArray[np.int64]) -> pl.Expr:
    """Return whether a time is in the last of the sessions that end at `ends`, at the asset's last bar or after it."""
    unmet = (pl.col(column) >= pl.col("last_bar")).fill_null(value=True)  # also where the asset has no bar
    return unmet & (pl.col(column) > pl.from_epoch(pl.lit(int(ends[-2])), "ns")) if len(ends) > 1 else unmet


def _reason(study: Study, group: str | None, *, asked: bool) -> str:
    """Return why a trial's parameters are used."""
    if asked:
        return "named by --trial" + (f", on the assets of {group} alone" if group is not None else "")
    if study.groups:
        trials = ", ".join(f"{name} {number}" for name, number in study.selected_by_group.items())
        return f"{_which(study)} of each group: {trials}"
    if not study.has_folds:
        return f"the best feasible one of {len(study.trials):,} trials"
    final = study.walk_forward.final
    choice = (final if len(final) else study.walk_forward.folds).row(-1, named=True)
    name = _which(study)
    more = f", the first of {len(choice['numbers'])} that it chose" if len(choice["numbers"]) > 1 else ""
    return f"{name}, trained from {choice['train_start']:%Y-%m-%d} to {choice['train_end']:%Y-%m-%d}{more}"


def _which(study: Study) -> str:
    """Return what was selected, as the beginning of a reason."""
    if not study.has_folds:
        return "the best feasible trial"
    folds = study.walk_forward.folds
    return "the final choice" if len(study.walk_forward.final) else f"the choice of the last fold, {folds['fold'][-1]}"


def _notes(over: pl.DataFrame) -> list[str]:
    """Return what the tables do not say: orders that the last bar has filled or rejected already."""
    return [
        f"{count} order{'s' if count > 1 else ''} of the last bar {'are' if count > 1 else 'is'} {status} already"
        for status, count in over["status"].value_counts(sort=True).iter_rows()
    ]
