"""Write the settings of a sweep file into the engine's records, and find the place of every swept number.

A dotted key such as `costs.slippage.rate` is resolved once to the fields that it stands for; a trial then only assigns
numbers, and nothing is compiled again.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from backsweep.engine.codes import ACCOUNT_KINDS, AMBIGUOUS, LIMIT_FILLS
from backsweep.engine.costs.commissions import COMMISSIONS
from backsweep.engine.costs.kinds import PLACES, Choice
from backsweep.engine.costs.slippages import SLIPPAGES
from backsweep.engine.profiles import OWN_PROFILES, PROFILES
from backsweep.engine.tables import TIER
from backsweep.errors import BadInput
from backsweep.sweepfile.account import AssetSpec
from backsweep.sweepfile.costs import Financing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.engine.state import Tables
    from backsweep.sweepfile.account import AccountSpec, LimitSpec
    from backsweep.sweepfile.costs import CostsSpec
    from backsweep.sweepfile.execution import ExecutionSpec
    from backsweep.sweepfile.section import Section

_KINDS = {"commission": COMMISSIONS, "slippage": SLIPPAGES}
_COST = re.compile(
    r"(?:per_asset\.(?P<asset>.+)\.)?(?P<part>commission|slippage)\.(?:tiers\.(?P<tier>\d+)\.)?(?P<name>\w+)"
)

LIMITS = {
    "positions": "most_positions",
    "exposure": "most_exposure",
    "daily_loss": "daily_loss",
    "drawdown": "drawdown",
}
"""The limits of an account, and the fields of the rules where they stand."""

NUMBERS = ("multiplier", "lot", "tick", "initial_margin", "maintenance_margin")
"""What can be swept of an asset, where it has such a number of its own."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a swept number goes: some rows of one field, and the number that the sweep file gives."""

    field: NDArray[Any]
    rows: NDArray[np.intp] | slice

    @cached_property
    def given(self) -> float:
        """What was there before a number was put there, NaN if there are no rows: for trials that do not vary it."""
        return float(next(iter(self.field[self.rows]), np.nan))

    def put(self, value: float) -> None:
        """Assign the number."""
        self.field[self.rows] = value


def set_account(tables: Tables, account: AccountSpec, assets: Sequence[str]) -> None:
    """Write the account's settings, and what each asset is."""
    rules = tables.rules[0]
    rules.cash = account.cash
    rules.kind = ACCOUNT_KINDS.index(account.kind)
    rules.leverage = account.leverage
    rules.minimum_order = account.minimum_order
    rules.settlement = account.settlement
    rules.margin_calls = int(account.calls_margin)
    _set_limits(rules, account.limits)
    check_named("account", account.per_asset, assets)
    for row, asset in enumerate(assets):
        own = account.per_asset.get(asset, AssetSpec())
        record = tables.assets[row]
        record.contract = own.multiplier
        record.currency = account.currencies.index(own.currency) if own.currency else 0
        record.lot = account.lot if own.lot is None else own.lot
        record.tick = account.tick if own.tick is None else own.tick
        record.shortable = int(own.shortable)
        record.initial_margin = own.initial_margin or 0.0
        record.maintenance_margin = own.maintenance_margin or account.maintenance_margin


def _set_limits(rules: Any, limits: LimitSpec | None) -> None:
    """Write the account's limits; those of losses are checked where margin is."""
    numbers = {} if limits is None else limits.model_dump(exclude_none=True)
    rules.limits = int(bool(numbers))
    for name, field in LIMITS.items():
        rules[field] = numbers.get(name, np.inf)
    if numbers.keys() & {"daily_loss", "drawdown"}:
        rules.margin_calls = 1


def set_execution(tables: Tables, execution: ExecutionSpec) -> None:
    """Write the execution profile's choices, and what else an order needs to fill.

    Raises BadInput where finer bars meet the profile of an engine that knows none.
    """
    if tables.sizes[0].finer_bars and execution.profile not in OWN_PROFILES:
        raise BadInput(
            f"the profile {execution.profile} reproduces an engine that knows no finer bars",
            where="execution.profile",
            expected=f"one of {', '.join(OWN_PROFILES)}, with data.detail",
            found=execution.profile,
            remedy="take data.detail out, or choose one of these profiles",
        )
    for name, choice in asdict(PROFILES[execution.profile]).items():
        tables.rules[0][name] = choice
    tables.rules[0].limit_fill = LIMIT_FILLS.index(execution.limit_fill)
    tables.rules[0].ambiguous = AMBIGUOUS.index(execution.ambiguous)
    tables.rules[0].delay = execution.delay
    tables.rules[0].volume_share = execution.volume_share


def set_volume(tables: Tables, execution: ExecutionSpec, codes: NDArray[np.int32]) -> None:
    """Write from which row on each asset's bars have volume; `codes` are the bars' assets."""
    if execution.volume_share > 0.0 and not (tables.bars["volume"] > 0.0).any():
        raise BadInput(
            "execution.volume_share bounds what fills by the bars' volume, and no bar has any",
            where="execution.volume_share",
            expected="bars with volume",
            found=f"volume 0 in all {len(tables.bars)} bars",
            remedy="give the bars a volume column, or leave execution.volume_share out",
        )
    if execution.untraded == "wait":
        traded = np.flatnonzero(tables.bars["volume"] > 0.0)
        np.minimum.at(tables.assets["volume_from"], codes[traded], traded)


def set_costs(tables: Tables, costs: CostsSpec, assets: Sequence[str]) -> None:
    """Write every asset's costs: its own where it has some, else those of all."""
    check_named("costs", costs.per_asset, assets)
    financing = costs.financing or Financing()
    fees = any(own.short_borrow is not None for own in costs.per_asset.values())
    tables.rules[0].financing = int(costs.financing is not None or fees)
    tables.rules[0].margin_interest = financing.margin_interest
    tables.rules[0].short_credit = financing.short_credit
    for row, asset in enumerate(assets):
        own = costs.per_asset.get(asset)
        record = tables.assets[row]
        record.stop_slippage = costs.stop_slippage
        record.short_borrow = financing.short_borrow if own is None or own.short_borrow is None else own.short_borrow
    tiers: list[tuple[float, ...]] = []
    for part in _KINDS:
        for section, rows in _owners(part, costs, assets).values():
            _set_cost(tables, part, section, rows, tiers)
    tables.arrays["tiers"] = np.array(tiers or np.zeros(1), TIER)


def set_funding(tables: Tables, costs: CostsSpec, signals: Mapping[str, NDArray[np.float64]]) -> None:
    """Write where the funding rates are, float64[bars]; the market keeps the column alive."""
    name = costs.financing.funding if costs.financing else None
    if name is None:
        return
    if name not in signals:
        raise BadInput(
            f"costs.financing.funding names a column that the data does not have: {name!r}",
            where="costs.financing.funding",
            expected=f"one of {', '.join(signals)}" if signals else "a numeric column beside the bars",
            found=name,
            remedy="add the column to the bars or the signals, a rate for each bar with a payment and null elsewhere",
        )
    tables.rules[0].funding = signals[name].ctypes.data


def _owners(part: str, costs: CostsSpec, assets: Sequence[str]) -> dict[str, tuple[Section, list[int]]]:
    """Return the commission or the slippage of all assets, under "", and those of some, each with its assets' rows."""
    own = {asset: getattr(given, part) for asset, given in costs.per_asset.items() if getattr(given, part)}
    others = [row for row, asset in enumerate(assets) if asset not in own]
    found = {asset: (section, rows_of(asset, assets)) for asset, section in own.items()}
    return {"": (getattr(costs, part), others)} | found


def rows_of(asset: str, assets: Sequence[str]) -> list[int]:
    """Return the numbers of an asset in the engine's tables: one, or one for each part of a combination."""
    return [row for row, name in enumerate(assets) if name == asset]


def _set_cost(tables: Tables, part: str, section: Any, rows: list[int], tiers: list[tuple[float, ...]]) -> None:
    """Write a commission or slippage for some assets: the number of its kind, its keys by their names, its tiers."""
    kind = _KINDS[part].kinds[section.kind]
    words = {key.name: key.words for key in kind.keys if isinstance(key, Choice)}
    records = tables.assets[part]
    records["kind"][rows] = _KINDS[part].number(section.kind)
    for name in set(records.dtype.fields or ()) - set(PLACES):
        value = getattr(section, name, 0.0)
        records[name][rows] = words[name].index(value) if name in words else _or_nan(value)
    own = getattr(section, "tiers", ())
    records["first_tier"][rows], records["tiers"][rows] = len(tiers), len(own)
    tiers += [tuple(_or_nan(getattr(tier, name)) for name in TIER.names or ()) for tier in own]
    tables.rules[0].monthly |= int(kind.monthly)


def check_tiers(tables: Tables) -> None:
    """Raise BadInput where swept numbers have put tiers out of order."""
    for first, count in np.unique(tables.assets["commission"][["first_tier", "tiers"]]):
        starts = tables.tiers["above"][first : first + count]
        if (np.diff(starts) <= 0.0).any():
            raise BadInput(
                "the tiers of a commission are out of order",
                where="costs.commission.tiers",
                expected="numbers `above` that ascend",
                found=", ".join(f"{start:g}" for start in starts),
                remedy="sweep each `above` within a range that meets no other's",
            )


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def check_named(section: str, per_asset: Mapping[str, object], assets: Sequence[str]) -> None:
    """Raise BadInput where `per_asset` of a section names an asset that is not among `assets`."""
    for asset in per_asset:
        if asset not in assets:
            raise BadInput(
                f"{section}.per_asset names an asset that the data does not have: {asset!r}",
                where=f"{section}.per_asset.{asset}",
                expected=f"one of {', '.join(assets[:20])}{', ...' if len(assets) > 20 else ''}",
                found=asset,
                remedy=f"write the asset as the data does, or take it out of {section}.per_asset",
            )


def place_of(key: str, tables: Tables, account: AccountSpec, costs: CostsSpec, assets: Sequence[str]) -> Place:
    """Find where the number under a dotted key goes; `set_account` and `set_costs` come first.

    A number must be there to be swept: an asset that is named has such a number of its own, a cost's kind has it.
    """
    section, _, path = key.partition(".")
    found = _account_place(path, tables, account, assets) if section == "account" else None
    if key in {"execution.delay", "execution.volume_share"}:
        return Place(tables.rules[path], slice(None))
    if section == "costs":
        found = _financing_place(path, tables, costs, assets) or _cost_place(path, tables, costs, assets)
    if found is not None:
        return found
    raise BadInput(
        f"{key} is not a number that can be swept",
        where=key,
        expected="account.cash, leverage, lot, tick, minimum_order, settlement or maintenance_margin, "
        "execution.volume_share, or a number that stands under account.per_asset or costs, such as costs.slippage.rate "
        "where its kind is percentage",
        found=key,
        remedy="give costs a kind that has this number, under the same key, and sweep it then",
    )


def _account_place(path: str, tables: Tables, account: AccountSpec, assets: Sequence[str]) -> Place | None:
    """Find a number of the account: its own, or under `per_asset` that of an asset; None if there is none."""
    if path in {"cash", "leverage", "minimum_order", "settlement"}:
        return Place(tables.rules[path], slice(None))
    limit = path.removeprefix("limits.")
    if limit != path and limit in LIMITS and getattr(account.limits, limit, None) is not None:
        return Place(tables.rules[LIMITS[limit]], slice(None))
    if path.endswith("maintenance_margin"):
        tables.rules[0].margin_calls = 1
    if path in {"lot", "tick", "maintenance_margin"}:
        own = {asset for asset, given in account.per_asset.items() if getattr(given, path) is not None}
        rows = [row for row, asset in enumerate(assets) if asset not in own]
        return Place(tables.assets[path], np.array(rows, np.intp))
    owner, _, name = path.rpartition(".")
    asset = owner.removeprefix("per_asset.")
    if asset == owner or name not in NUMBERS:
        return None
    if asset not in account.per_asset or getattr(account.per_asset[asset], name) is None:
        return None
    field = "contract" if name == "multiplier" else name
    return Place(tables.assets[field], np.array(rows_of(asset, assets)))


def _financing_place(path: str, tables: Tables, costs: CostsSpec, assets: Sequence[str]) -> Place | None:
    """Find a rate of financing, for all or of an asset that has its own; None if there is none."""
    own = {asset for asset, given in costs.per_asset.items() if given.short_borrow is not None}
    field = tables.assets["short_borrow"]
    asset = path.removeprefix("per_asset.").removesuffix(".short_borrow")
    if path == f"per_asset.{asset}.short_borrow" and asset in own:
        return Place(field, np.array(rows_of(asset, assets)))
    if costs.financing is None:
        return None
    if path in {"financing.margin_interest", "financing.short_credit"}:
        return Place(tables.rules[path.partition(".")[2]], slice(None))
    if path == "financing.short_borrow":
        return Place(field, np.array([row for row, asset in enumerate(assets) if asset not in own], np.intp))
    return None


def _cost_place(path: str, tables: Tables, costs: CostsSpec, assets: Sequence[str]) -> Place | None:
    """Find a number of commission or slippage, for all or of an asset that has its own; None if there is none."""
    if path == "stop_slippage":
        return Place(tables.assets["stop_slippage"], slice(None))
    match = _COST.fullmatch(path)
    if match is None:
        return None
    part, name, records = match["part"], match["name"], tables.assets[match["part"]]
    section, rows = _owners(part, costs, assets).get(match["asset"] or "", (None, []))
    if match["tier"] is None:
        known = name in (records.dtype.fields or ()) and isinstance(getattr(section, name, None), float)
        return Place(records[name], np.array(rows, np.intp)) if known else None
    number, tiers = int(match["tier"]), getattr(section, "tiers", ())
    known = number < len(tiers) and isinstance(getattr(tiers[number], name, None), float)
    return Place(tables.tiers[name], records["first_tier"][rows[:1]] + number) if known else None
