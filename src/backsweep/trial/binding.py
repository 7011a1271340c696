"""From the words of a sweep file to the engine's records: account and costs, and the place of every swept number.

A dotted key such as `costs.slippage.rate` is resolved once to the fields that it stands for; a trial then only assigns
numbers, and nothing is compiled again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.engine.codes import ACCOUNT_KINDS, COMMISSION_KINDS, SLIPPAGE_KINDS
from backsweep.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backsweep.engine.records import Tables
    from backsweep.trial.spec import AccountSpec, Commission, CostsSpec, Slippage

COST_FIELDS = {
    ("commission", "rate"): "commission_rate",
    ("commission", "amount"): "commission_rate",
    ("commission", "minimum"): "commission_minimum",
    ("slippage", "rate"): "slippage_rate",
    ("slippage", "amount"): "slippage_rate",
}


@dataclass(frozen=True, eq=False)
class Place:
    """Where a swept number goes: some rows of one field."""

    field: NDArray[Any]
    rows: NDArray[np.intp] | slice

    def put(self, value: float) -> None:
        """Assign the number."""
        self.field[self.rows] = value


def set_account(tables: Tables, account: AccountSpec) -> None:
    """Write the account's settings."""
    if account.mode != "shared":
        raise BadInput(
            f"account.mode {account.mode!r} cannot be run yet",
            where="account.mode",
            expected="shared",
            found=account.mode,
        )
    rules = tables.rules[0]
    rules.cash = account.cash
    rules.kind = ACCOUNT_KINDS.index(account.kind)
    rules.leverage = account.leverage
    rules.lot = account.lot


def set_costs(tables: Tables, costs: CostsSpec, assets: Sequence[str]) -> None:
    """Write every asset's costs: its own where it has some, else those of all."""
    _check_assets(costs, assets)
    for row, asset in enumerate(assets):
        own = costs.per_asset.get(asset)
        record = tables.assets[row]
        _set_commission(record, own.commission if own and own.commission else costs.commission)
        _set_slippage(record, own.slippage if own and own.slippage else costs.slippage)


def _set_commission(record: Any, commission: Commission) -> None:
    record.commission_kind = COMMISSION_KINDS.index(commission.kind)
    record.commission_rate = getattr(commission, "rate", getattr(commission, "amount", 0.0))
    record.commission_minimum = getattr(commission, "minimum", 0.0)


def _set_slippage(record: Any, slippage: Slippage) -> None:
    record.slippage_kind = SLIPPAGE_KINDS.index(slippage.kind)
    record.slippage_rate = getattr(slippage, "rate", getattr(slippage, "amount", 0.0))


def _check_assets(costs: CostsSpec, assets: Sequence[str]) -> None:
    for asset in costs.per_asset:
        if asset not in assets:
            raise BadInput(
                f"costs.per_asset names an asset that the data does not have: {asset!r}",
                where=f"costs.per_asset.{asset}",
                expected=f"one of {', '.join(assets[:20])}{', ...' if len(assets) > 20 else ''}",
                found=asset,
            )


def place_of(key: str, tables: Tables, costs: CostsSpec, assets: Sequence[str]) -> Place:
    """Find where the number under a dotted key goes; `set_account` and `set_costs` come first."""
    section, *path = key.split(".")
    if section == "account" and len(path) == 1 and path[0] in {"cash", "leverage", "lot"}:
        return Place(tables.rules[path[0]], slice(None))
    if section == "costs" and len(path) == 2 and tuple(path) in COST_FIELDS:
        own = [
            row
            for row, asset in enumerate(assets)
            if asset in costs.per_asset and getattr(costs.per_asset[asset], path[0]) is not None
        ]
        others = np.setdiff1d(np.arange(len(assets)), own)
        return Place(tables.assets[COST_FIELDS[path[0], path[1]]], others)
    if section == "costs" and len(path) == 4 and path[0] == "per_asset" and (path[2], path[3]) in COST_FIELDS:
        return Place(tables.assets[COST_FIELDS[path[2], path[3]]], np.array([list(assets).index(path[1])]))
    raise BadInput(
        f"{key} is not a number that can be swept",
        where=key,
        expected="a number under costs, account or execution, such as costs.slippage.rate or account.leverage",
        found=key,
    )
