"""The section `execution`: how orders fill."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from backsweep.engine.profiles import PROFILES
from backsweep.sweepfile.section import Section


class ExecutionSpec(Section):
    """How orders fill; `backsweep.engine.profiles` says what the name of a profile stands for.

    limit_fill : a limit fills when the price touches it, or only when the price goes beyond it.
    ambiguous : where a bar's range has a stop and a target, the stop fills, or the target; a stop whose entry is a stop
        in the same bar fills there, or waits. The rules, and the metrics that count, are in
        `backsweep.engine.fills.ambiguity`.
    untraded : at a bar without volume orders wait, or fill all the same. Until an asset's first bar with volume its
        data counts as data without volume, and orders fill.
    delay : how many timestamps later the strategy sees bars, signals and context; its account it sees as it is.
    volume_share : the orders of an asset together fill at most this share of a bar's volume, and leave the rest of
        what they ask for working; 0 for no bound. What `untraded: fill` fills without volume has none either.

    """

    profile: str = "next_open"
    limit_fill: Literal["touch", "penetration"] = "touch"
    ambiguous: Literal["stop_first", "target_first"] = "stop_first"
    untraded: Literal["wait", "fill"] = "wait"
    delay: Annotated[int, Field(ge=0, le=1000)] = 0
    volume_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    @field_validator("profile")
    @classmethod
    def _known(cls, profile: str) -> str:
        if profile not in PROFILES:
            *names, last = map(repr, PROFILES)
            raise PydanticCustomError(
                "literal_error", "Input should be {names}", {"names": f"{', '.join(names)} or {last}"}
            )
        return profile
