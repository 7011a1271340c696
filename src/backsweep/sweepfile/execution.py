"""The section `execution`: how orders fill."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from backsweep.engine.profiles import PROFILES
from backsweep.sweepfile.section import Section


class ExecutionSpec(Section):
    """How orders fill."""

    profile: str = "next_open"
    """A named set of rules (`backsweep.engine.profiles`): `next_open`, `same_close`, `next_close`, or that of another
    engine: `vectorbt`, `backtesting_py`, `backtrader`, `zipline`."""
    limit_fill: Literal["touch", "penetration"] = "touch"
    """A limit fills when the price touches it, or only when the price goes beyond it."""
    ambiguous: Literal["stop_first", "target_first"] = "stop_first"
    """Where a bar's range has a stop and a target, the stop fills, or the target; a stop whose entry is a stop in the
    same bar fills there, or waits. The metrics `ambiguous_fills` and `ambiguous_pnl` count."""
    untraded: Literal["wait", "fill"] = "wait"
    """At a bar without volume orders wait, or fill all the same. Until an asset's first bar with volume its data counts
    as data without volume, and orders fill."""
    quotes: bool = False
    """Orders meet quotes in the place of the bar: those to buy its asks, those to sell its bids, which are the columns
    `bid_open`, `bid_high`, `bid_low`, `bid_close`, and the same with `ask_`. Open, high, low and close are marks."""
    delay: Annotated[int, Field(ge=0, le=1000)] = 0
    """Timestamps by which the strategy sees bars, signals and context late; its account it sees as it is."""
    volume_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Fraction of a bar's volume that the orders of an asset together fill at most; the rest of what they ask for goes
    on working. 0: no bound. What `untraded: fill` fills without volume has none either."""

    @field_validator("profile")
    @classmethod
    def _known(cls, profile: str) -> str:
        """Refuse an unknown profile."""
        if profile not in PROFILES:
            *names, last = map(repr, PROFILES)
            raise PydanticCustomError(
                "literal_error", "Input should be {names}", {"names": f"{', '.join(names)} or {last}"}
            )
        return profile
