"""Groups of assets put together: what each earned with its own parameters, added up as one portfolio.

Every asset begins with an equal part of the cash, so that a group has a share of it by the number of its assets. Each
group is left alone from then on: profit and loss are added, not returns. In walk-forward that begins anew with every
test. A group that selected nothing keeps its cash.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from backsweep.study.table.columns import ASSET_GROUP
from backsweep.study.table.trials import best_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from backsweep.sweepfile.search import Search

_MOST = 700.0  # the logarithm of what is nearly the largest float
OF_GROUP = pl.col(f"^{ASSET_GROUP}$")
"""The column of groups, where there is one."""


def shares_of(search: Search) -> dict[str, float]:
    """Return each group's part of the cash; empty without groups."""
    groups = search.named_groups
    count = sum(map(len, groups.values()))
    return {name: len(assets) / count for name, assets in groups.items()}


def best_by_group(trials: pl.DataFrame, search: Search) -> dict[str, int]:
    """Return the number of each group's best trial; without the groups that have none to select."""
    if not len(trials):
        return {}
    rows = {name: best_row(trials.filter(pl.col(ASSET_GROUP) == name), search) for name in search.named_groups}
    return {name: int(row["number"]) for name, row in rows.items() if row is not None}


def portfolios(trials: pl.DataFrame) -> float:
    """Return how many portfolios of one trial for each group there are, infinite beyond all floats."""
    sizes = trials[ASSET_GROUP].value_counts()["count"] if ASSET_GROUP in trials.columns else ()
    logarithm = sum(map(math.log, sizes))
    return math.exp(logarithm) if logarithm < _MOST else math.inf


def groups_together(returns: Mapping[Any, NDArray[np.float64]], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the returns, float64[sessions], of all groups in the same sessions, from those of each.

    Groups that are not among `returns` keep their cash. Without groups there is one record, under None.
    """
    if not shares:
        return returns[None]
    sessions = len(next(iter(returns.values())))
    worth = np.zeros(sessions + 1)
    for name, share in shares.items():
        worth[0] += share
        earned = returns.get(name, np.zeros(sessions))
        worth[1:] += share * np.cumprod(np.maximum(1.0 + np.nan_to_num(earned, nan=0.0), 0.0))
    before = np.where(worth[:-1] > 0.0, worth[:-1], 1.0)
    return np.where(worth[:-1] > 0.0, worth[1:] / before - 1.0, 0.0)
