"""The section `costs`: commission, slippage and financing, for every asset and for some."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from backsweep.sweepfile.cost_kinds import NO_COMMISSION, NO_SLIPPAGE, Amount, Commission, Custom, Rate, Slippage
from backsweep.sweepfile.section import Section

COST_PARTS = ("commission", "slippage")


def custom_models(costs: object) -> list[dict[str, Any]]:
    """Return the mappings in a plain `costs` section, if it is one, that name a model of the user's own."""
    if not isinstance(costs, dict):
        return []
    own = costs.get("per_asset")
    owners = [costs, *(own.values() if isinstance(own, dict) else ())]
    parts = [owner.get(part) for owner in owners if isinstance(owner, dict) for part in COST_PARTS]
    return [part for part in parts if isinstance(part, dict) and isinstance(part.get("model"), str)]


class Financing(Section):
    """Rates a year, charged from one session's date to the next one's over 365; and funding, bar by bar."""

    margin_interest: Amount = 0.0
    """Rate a year on negative cash."""
    short_borrow: Amount = 0.0
    """Rate a year on the value held short, at the last close."""
    short_credit: Amount = 0.0
    """Rate a year that the proceeds of short sales earn, on the value held short."""
    funding: str | None = None
    """A column of the data: the fraction of the value held at the bar's close that longs pay to shorts (below zero the
    other way round); null for a bar without a payment."""


class AssetCosts(Section):
    """One asset's own costs; what is left out holds as for every asset."""

    short_borrow: Amount | None = None
    """Rate a year on the value held short."""
    commission: Commission | None = None
    """What an order of this asset pays."""
    slippage: Slippage | None = None
    """By how much its market and stop orders fill at a worse price."""


class CostsSpec(Section):
    """What trading costs, for every asset and for some."""

    commission: Commission = NO_COMMISSION
    """What an order pays for its fills."""
    slippage: Slippage = NO_SLIPPAGE
    """By how much market and stop orders fill at a worse price; limit orders never do."""
    stop_slippage: Rate = 0.0
    """Fraction of the price by which stop orders slip on top."""
    financing: Financing | None = None
    """Interest, borrow fees and funding; without it they are zero."""
    per_asset: dict[str, AssetCosts] = Field(default_factory=dict)
    """What is different for some assets, by name."""

    @property
    def custom(self) -> dict[str, Custom]:
        """The user's own models by their places, such as `commission` and `per_asset.SPY.slippage`."""
        owners = {"": self} | {f"per_asset.{asset}.": own for asset, own in self.per_asset.items()}
        parts = {f"{place}{part}": getattr(owner, part) for place, owner in owners.items() for part in COST_PARTS}
        return {place: part for place, part in parts.items() if isinstance(part, Custom)}
