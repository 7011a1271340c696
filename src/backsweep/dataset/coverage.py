"""Whether signals and actions match the bars: keys without a match are mostly spelled in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backsweep.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHOWN = 5


def check_assets_match(role: str, own: Sequence[str], known: Sequence[str], source: str) -> None:
    """Raise BadData if no asset of the signals or actions has bars."""
    if own and not set(own).intersection(known):
        raise BadData(
            f"no asset of the {role} has bars",
            where=f"{source}, column asset",
            expected=f"assets of the bars, as text: {_listed(sorted(known))}",
            found=_listed(sorted(own)),
            remedy="write the assets' names the same way in both files; leading zeros and suffixes are part of a name",
        )


def check_timestamps_match(own: pl.Series, known: pl.Series, source: str) -> None:
    """Raise BadData if signals within the bars' time range share no timestamp with them."""
    among = own.filter(own.is_between(known.min(), known.max()))
    if len(among) and not among.is_in(known.implode()).any():
        first = pl.from_epoch(among.head(1), time_unit="ns").item()
        raise BadData(
            "no signal has the timestamp of a bar",
            where=f"{source}, column timestamp",
            expected="signals stamped like the bars, at the bar's end",
            found=f"signals between the bars, the first at {first} (UTC, or as written)",
            remedy="give signals the timestamps of the bars they belong to",
        )


def check_rows_match(signals: pl.DataFrame, unmatched: pl.DataFrame, source: str) -> None:
    """Raise BadData if no signal has a bar of its timestamp and asset."""
    if signals.height and unmatched.height == signals.height:
        raise BadData(
            "no signal has a bar of its timestamp and asset",
            where=source,
            expected="signals with the timestamps and the assets of the bars",
            found=f"{signals.height:,} signals, the first of {signals['asset'][0]}",
            remedy="give signals the timestamps of the bars they belong to, or leave data.signals out",
        )


def describe_unknown(context: pl.DataFrame) -> list[str]:
    """Return a text for each column of the context, as joined to the bars, that has no value at any of them."""
    unknown = [name for name in context.columns[1:] if context[name].is_nan().all()]
    return [f"the context {name!r} has no value at or before any bar" for name in unknown]


def describe_unmatched(role: str, unmatched: pl.DataFrame, rows: int) -> str:
    """Return how many rows of the signals or actions match no bar, by asset; empty where all match."""
    if not unmatched.height:
        return ""
    counts = unmatched.group_by("asset").len().sort("len", "asset", descending=[True, False])
    shown = [f"{count:,} of {asset}" for asset, count in counts.head(_SHOWN).iter_rows()]
    others = f" and {counts.height - _SHOWN:,} more assets" if counts.height > _SHOWN else ""
    return f"{unmatched.height:,} of {rows:,} rows of the {role} match no bar: {', '.join(shown)}{others}"


def describe_assets_without_bars(role: str, own: Sequence[str], bars: Iterable[str]) -> list[str]:
    """Return a text that names the assets of the signals or actions that have no bars; none where all have."""
    strangers = sorted(set(own).difference(bars))
    if not strangers:
        return []
    return [f"{len(strangers):,} of {len(own):,} assets of the {role} have no bars: {_listed(strangers)}"]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" ... ({len(names):,})" if len(names) > _SHOWN else "")
