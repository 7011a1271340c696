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
from backsweep.study.results.replay import replay_values
from backsweep.study.results.study import open_study
from backsweep.study.search.space import build_space, trial_spec
from backsweep.study.store.folder import StudyFolder
from backsweep.sweepfile.load import load_sweep
from backsweep.trial.models import check_models
from backsweep.trial.own_metrics import check_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from backsweep.study.results.study import Study
    from backsweep.trial.result import Result


@dataclass(frozen=True, eq=False)
class NextOrders:
    """What a trial holds at the last bar, and its orders; columns as `trial.live_records` has them.

    Attributes
    ----------
    trial, reason, params : which trial of the study, why that one, and its parameters.
    last_bar : when the last bar of the data ended, UTC.
    data : how these data and the study's compare.
    positions : the assets held.
    working : orders of earlier bars that still wait, with their present prices.
    send : orders that the strategy submitted at the last bar, for the next one. A `held` one waits for its parent.
    cancel : orders of earlier bars that the strategy cancelled at the last bar, columns as `Result.orders`.
    notes : what to know of the data and the run, a line each.

    """

    study: str
    trial: int
    reason: str
    params: dict[str, Any]
    last_bar: datetime
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
    assert number is not None  # noqa: S101 - `best_params` has asked
    sweep = StudyFolder(opened.path).completed(sweep)
    sweep = sweep.model_copy(update={"data": sealed(sweep.data)})
    space = build_space(sweep, load_strategy(sweep.strategy).declared())
    check_models(sweep.costs)  # what is compared is what was loaded
    check_metrics(sweep.metrics)
    newer = check_all_but_data(opened, sweep)
    result = replay_values(trial_spec(sweep, space), params, holdout=True)
    last = result.equity["timestamp"][-1]
    same = "those of the study, with no later bar"
    live = result.live_orders
    now = pl.col("submitted") == last
    cancelled = (pl.col("closed") == last) & (pl.col("reject_reason") == REJECT_REASONS[BY_STRATEGY]) & ~now
    return NextOrders(
        study=sweep.study,
        trial=number,
        reason=_reason(opened, asked=trial is not None),
        params=params,
        last_bar=last,
        data=describe_newer(opened, number, result) if newer else same,
        positions=result.positions,
        working=live.filter(~now),
        send=live.filter(now),
        cancel=result.orders.filter(cancelled),
        notes=(*_notes(result, last), *result.notes),
    )


def _reason(study: Study, *, asked: bool) -> str:
    """Return why a trial's parameters are used."""
    if asked:
        return "named by --trial"
    if not study.has_folds:
        return f"the best feasible one of {len(study.trials):,} trials"
    fold = study.walk_forward.folds.row(-1, named=True)
    more = f", the first of {len(fold['numbers'])} that it chose" if len(fold["numbers"]) > 1 else ""
    trained = f"{fold['train_start']:%Y-%m-%d} to {fold['train_end']:%Y-%m-%d}"
    return f"the choice of the last fold, {fold['fold']}, trained from {trained}{more}"


def _notes(result: Result, last: datetime) -> list[str]:
    """Return what the tables do not say: orders that the last bar has filled or rejected already."""
    now = result.orders.filter((pl.col("submitted") == last) & pl.col("closed").is_not_null())
    return [
        f"{count} order{'s' if count > 1 else ''} of the last bar {'are' if count > 1 else 'is'} {status} already"
        for status, count in now["status"].value_counts(sort=True).iter_rows()
    ]
