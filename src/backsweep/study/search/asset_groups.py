"""The groups of `search.asset_groups`, once the assets of the data are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.dataset.calendar import survey
from backsweep.sweepfile.asset_groups import check_group_members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.sweepfile.sweep import Sweep


def with_asset_groups(sweep: Sweep, assets: Sequence[str] | None = None) -> Sweep:
    """Return a sweep whose groups are named and have all assets of its data, which are surveyed unless they are given.

    Raises BadInput where a group has an asset that the data do not have, and where an asset is in none.
    """
    if sweep.search.asset_groups is None:
        return sweep
    known = survey(sweep.data).assets if assets is None else assets
    if sweep.search.asset_groups == "per_asset":
        sweep = sweep.model_copy(update={"search": sweep.search.with_groups({asset: (asset,) for asset in known})})
    check_group_members(sweep, known)
    return sweep
