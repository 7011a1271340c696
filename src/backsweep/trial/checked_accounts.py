"""The accounts in which `backsweep check` tests a strategy: that of all assets, or those of some sleeves.

A sleeve is tested as it runs: on its own asset's bars, with its share of the cash.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.dataset.calendar import calendar_of
from backsweep.trial.runner import Settings
from backsweep.trial.sleeves.runner import Share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from backsweep.dataset import Shard
    from backsweep.sweepfile.trial import TrialSpec

SLEEVES = 6
"""How many sleeves are tested at most, from the first asset to the last."""


@dataclass(frozen=True, eq=False)
class CheckedAccount:
    """One account: its data and settings, the trials' values, and the other arguments that its runs take."""

    shard: Shard
    settings: Settings
    trials: NDArray[np.float64]
    options: dict[str, Any]


def checked_accounts(spec: TrialSpec, shard: Shard, trials: NDArray[np.float64]) -> Iterator[CheckedAccount]:
    """Yield the accounts to test under `trials`, float64[trials, params]; of many sleeves `SLEEVES`, evenly spaced."""
    options: dict[str, Any] = {"folds": spec.folds}
    if spec.account.mode == "shared":
        settings = Settings(spec.account, spec.execution, spec.costs)
        yield CheckedAccount(shard, settings, trials, options | {"params": spec.params, "fixed": dict(spec.fixed)})
        return
    share = Share(spec, calendar_of(shard))
    scaled = share.scaled(trials)
    count = len(shard.assets)
    for place in np.unique(np.linspace(0, count - 1, min(count, SLEEVES)).round().astype(int)).tolist():
        asset = (shard.assets[place],)
        own = _alone(shard.part(asset))
        yield CheckedAccount(own, share.settings(asset), scaled[:, share.kept(asset)], options | share.options(asset))


def _alone(part: Shard) -> Shard:
    """Return a part of the assets with the timestamps and sessions in which these have bars."""
    present = part.context["timestamp"].is_in(part.rows["timestamp"].unique().implode())
    sessions, numbers = np.unique(part.sessions[present.to_numpy()], return_inverse=True)
    return replace(
        part,
        context=part.context.filter(present),
        sessions=numbers.astype(np.int32),
        session_table=part.session_table.some(sessions.astype(np.int64)),
        benchmark=None,
    )
