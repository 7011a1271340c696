"""The rules of `search.asset_groups`: what the groups must be to each other, to the data and to the other sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backsweep.errors import BadInput
from backsweep.sweepfile.messages import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backsweep.sweepfile.sweep import Sweep

_SHOWN = 8  # names that a message lists


def check_asset_groups(sweep: Sweep) -> None:
    """Refuse `search.asset_groups` without sleeves, that share assets or have none, and beside what has no groups."""
    search, walk = sweep.search, sweep.walk_forward
    if search.asset_groups is None:
        return
    where = sweep.where("search", "asset_groups")
    if sweep.account.mode != "sleeves":
        raise BadInput(
            "groups of assets in one account",
            where=where,
            expected="account.mode: sleeves, where every asset has an account of its own, so that groups can be "
            "searched apart and their results be added",
            found="account.mode: shared",
            remedy="write `mode: sleeves` under `account`, or leave `asset_groups` out",
        )
    _check_members(sweep)
    own = [name for name in search.params if ".per_asset." in name]
    refused = {
        ("walk_forward", "mode"): "mode: cpcv" if walk is not None and walk.mode == "cpcv" else "",
        ("walk_forward", "holdout"): f"holdout: {walk.holdout}" if walk is not None and walk.holdout else "",
        ("runtime", "shards"): f"shards: {sweep.runtime.shards}" if sweep.runtime.shards is not None else "",
        ("search", "params", *own[:1]): own[0] if own else "",
    }
    for path, found in refused.items():
        if found:
            expected = {
                "mode": "`mode: rolling`, `anchored` or `holdout`, whose tests make one record of all groups",
                "holdout": "folds alone: the holdout is for one set of parameters",
                "shards": "no shards: the trials of a group run on its own assets alone, which are few",
            }.get(path[1], "numbers that all groups have: a number of one asset means nothing in the others' searches")
            raise BadInput(
                f"`search.asset_groups` beside `{'.'.join(path)}`",
                where=sweep.where(*path),
                expected=expected,
                found=found,
                remedy=f"leave `{path[-1]}` out, or leave `search.asset_groups` out",
            )


def _check_members(sweep: Sweep) -> None:
    """Refuse groups without an asset, an asset that stands twice, and one that `data.assets` does not name."""
    groups, known = sweep.search.named_groups, sweep.data.assets
    if isinstance(sweep.search.asset_groups, dict) and not groups:
        raise BadInput(
            "no groups", where=sweep.where("search", "asset_groups"), remedy="name some, or leave `asset_groups` out"
        )
    group_of: dict[str, str] = {}
    for name, assets in groups.items():
        where = sweep.where("search", "asset_groups", name)
        if not assets:
            raise BadInput(f"the group `{name}` has no asset", where=where, remedy="name its assets, or take it out")
        for asset in assets:
            if asset in group_of:
                other = group_of[asset]
                raise BadInput(
                    f"{asset} stands twice in groups",
                    where=where,
                    expected="every asset in one group, once",
                    found=f"in `{other}` and `{name}`" if other != name else f"twice in `{name}`",
                    remedy="take it out of one",
                )
            group_of[asset] = name
    if known is not None and groups:
        check_group_members(sweep, known)


def check_group_members(sweep: Sweep, known: Sequence[str]) -> None:
    """Raise BadInput unless the groups have the `known` assets of the data, and no others."""
    groups = sweep.search.named_groups
    for name, assets in groups.items():
        for asset in assets:
            if asset not in known:
                raise BadInput(
                    f"the group `{name}` has an unknown asset",
                    where=sweep.where("search", "asset_groups", name),
                    expected="assets of the data",
                    found=asset,
                    remedy=nearest(asset, known),
                )
    grouped = {asset for assets in groups.values() for asset in assets}
    if rest := [asset for asset in known if asset not in grouped]:
        raise BadInput(
            "assets that are in no group",
            where=sweep.where("search", "asset_groups"),
            expected="every asset of the data in one group",
            found=", ".join(rest[:_SHOWN]) + (f" and {len(rest) - _SHOWN} more" if len(rest) > _SHOWN else ""),
            remedy="add them to a group, or name the others alone under `data.assets`",
        )
