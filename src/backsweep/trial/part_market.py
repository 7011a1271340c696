"""The market of a combination: to the engine each asset is there once for each part, and to each part once.

An asset's parts follow each other, asset a of part p as number a x parts + p, and so do their rows: each row of the
data stands there `parts` times. Settings of an asset are those of all its parts, since all of them have its name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from backsweep.engine.compile.kernel import record_dtype
from backsweep.errors import BadInput
from backsweep.trial.market import FILLER, columns_record, locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from backsweep.sweepfile.costs import CostsSpec
    from backsweep.trial.market import Market


class PartAddresses(NamedTuple):
    """What the parts of a combination read: the columns of each by its name, the context, and the data's own bars."""

    columns: Any
    context: Any
    bars: Any
    groups: Any


def repeat_for_parts(market: Market, parts: int) -> Market:
    """Return the market in which the engine trades for so many parts; it has no rows that features could read."""
    if parts == 1:
        return market
    bars = repeat_bars(market.bars, parts)
    groups, actions = market.groups.copy(), np.repeat(market.actions, parts)
    groups["first_row"] *= parts
    groups["count"] *= parts
    actions["asset"] = actions["asset"] * parts + np.arange(len(actions)) % parts
    return replace(
        market,
        assets=tuple(name for name in market.assets for _ in range(parts)),
        bars=locked(bars),
        groups=locked(groups),
        actions=locked(actions),
        signals={name: locked(np.repeat(values, parts)) for name, values in market.signals.items()},
        rows=pl.DataFrame({"asset": bars["asset"].astype(np.int32)}),
        finer_ranges=None if market.finer_ranges is None else locked(np.repeat(market.finer_ranges, parts)),
    )


def repeat_bars(bars: NDArray[Any], parts: int) -> NDArray[Any]:
    """Return records of BAR, each as often as there are parts, with the number of the asset for each."""
    repeated = np.repeat(bars, parts)
    repeated["asset"] = repeated["asset"] * parts + np.arange(len(repeated)) % parts
    return repeated


def addresses_of(
    parts: Sequence[str], signals: Mapping[str, NDArray[np.float64]], features: Mapping[str, NDArray[np.float64]]
) -> tuple[NDArray[Any], Any]:
    """Return a table of one record with the addresses of columns by name, and where those of features are in it.

    The columns are those of a strategy, or, by the names of the `parts` of a combination, of each of them.
    """
    if not parts:
        table = columns_record({**signals, **features})
        return table, table
    own = {part: _names_of(part, features) for part in parts}
    records = [
        (part, record_dtype([(name, "i8") for name in (*signals, *names.values())] or [(FILLER, "i8")]))
        for part, names in own.items()
    ]
    table = np.zeros(1, record_dtype(records))
    for part, names in own.items():
        for name, values in signals.items():
            table[part][name] = values.ctypes.data
        for dotted, name in names.items():
            table[part][name] = features[dotted].ctypes.data
    return table, {dotted: table[part][name] for part, names in own.items() for dotted, name in names.items()}


def _names_of(part: str, names: Iterable[str]) -> dict[str, str]:
    """Return the names that are the part's, and what it calls them."""
    return {name: name.partition(".")[2] for name in names if name.partition(".")[0] == part}


def check_costs(parts: int, costs: CostsSpec) -> None:
    """Raise BadInput where several parts meet a cost model of the user's, which would see parts as assets."""
    if parts > 1 and costs.custom:
        place = next(iter(costs.custom))
        raise BadInput(
            f"costs.{place} is a model of your own, which a combination does not support",
            where=f"costs.{place}",
            expected="one of the kinds that there are",
            found="kind: custom",
            remedy="use another kind, or run each part in a study of its own",
        )
