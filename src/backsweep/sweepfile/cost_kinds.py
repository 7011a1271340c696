"""The sections of commission and slippage, by the `kind` that names them: made of what each kind declares.

Rates are fractions (0.0005 = 5 basis points) of the traded notional; amounts are in the asset's currency. The kinds and
their keys stand in `engine.costs`, one file each.
"""

from __future__ import annotations

import itertools
import math
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, create_model, field_validator

from backsweep.engine.costs.commissions import COMMISSIONS
from backsweep.engine.costs.commissions.tiered import TIER
from backsweep.engine.costs.kinds import Choice, Kind, Number, Registry
from backsweep.engine.costs.slippages import SLIPPAGES
from backsweep.sweepfile.section import Section

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Amount = Annotated[float, Field(ge=0.0)]


class _Bounded(Section):
    """What bounds the commission of an order, over all its fills."""

    minimum: Amount = 0.0
    """In the asset's currency, for an order over all its fills."""
    maximum: Rate = 0.0
    """Fraction of what the order traded, over all its fills; 0: no bound."""


class Custom(Section):
    """A cost model of the user's own; further keys give its class's parameters."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | int | bool | str] = Field(init=False)

    kind: Literal["custom"]
    model: str
    """The model's class, `file.py:Class` or `package.module:Class`."""
    times: Amount = 1.0
    """What its answers are multiplied by."""

    @field_validator("model", mode="before")
    @classmethod
    def _reference(cls, model: object) -> object:
        """Accept the class itself, too, as Python code has it."""
        return f"{model.__module__}:{model.__qualname__}" if isinstance(model, type) else model

    @property
    def params(self) -> dict[str, float | int | bool | str]:
        """The parameters that are given."""
        return dict(self.__pydantic_extra__)


def _field(key: Number) -> tuple[Any, Any]:
    """Return type and field of a number: needed without a default, null where it may be left out."""
    bounded = Annotated[float, Field(ge=key.ge, gt=key.gt, le=key.le, lt=key.lt)]
    if key.default is None:
        return bounded, Field(description=key.about)
    if math.isnan(key.default):
        return bounded | None, Field(None, description=key.about)
    return bounded, Field(key.default, description=key.about)


_TIER: dict[str, Any] = {key.name: _field(key) for key in TIER}
_ABOUT_TIER = "The rate of what lies above a total, up to the next tier's."
Tier: Any = create_model("Tier", __base__=Section, __doc__=_ABOUT_TIER, __module__=__name__, **_TIER)


def _ascending(tiers: Any) -> Any:
    """Refuse tiers that do not begin above 0 and ascend."""
    starts = [tier.above for tier in tiers]
    if starts[0] != 0.0 or any(one >= other for one, other in itertools.pairwise(starts)):
        raise ValueError("tiers begin above 0 and ascend: {above: 0, rate: ...}, then {above: 300000, rate: ...}")
    return tiers


def _section(name: str, kind: Kind, part: str) -> type[Section]:
    """Return the section of a kind of commission or slippage."""
    bases = tuple(base for base, fits in ((_Bounded, kind.bounded), (Custom, name == "custom")) if fits)
    fields: dict[str, Any] = {"kind": (Literal[name], ...)}
    validators = {}
    for key in kind.keys:
        if isinstance(key, Number):
            fields[key.name] = _field(key)
        elif isinstance(key, Choice):
            fields[key.name] = (Literal[key.words], Field(description=key.about))
        else:
            fields[key.name] = (tuple[Tier, ...], Field(min_length=1, description=key.about))
            validators["_ascending"] = field_validator(key.name)(_ascending)
    title = "".join(word.capitalize() for word in (*name.split("_"), part))
    return create_model(
        title, __base__=bases or Section, __doc__=kind.about, __module__=__name__, __validators__=validators, **fields
    )


def _sections(kinds: Registry, part: str) -> dict[str, type[Section]]:
    """Return the sections of all kinds by the kinds' names, known to this module under their own."""
    sections = {name: _section(name, kind, part) for name, kind in kinds.kinds.items()}
    globals().update({section.__name__: section for section in sections.values()})  # pickles name a class by its module
    return sections


_COMMISSIONS = _sections(COMMISSIONS, "commission")
_SLIPPAGES = _sections(SLIPPAGES, "slippage")
NO_COMMISSION = _COMMISSIONS["none"].model_validate({"kind": "none"})
NO_SLIPPAGE = _SLIPPAGES["none"].model_validate({"kind": "none"})
if TYPE_CHECKING:
    Commission: TypeAlias = Section
    Slippage: TypeAlias = Section
else:
    Commission = Annotated[reduce(or_, _COMMISSIONS.values()), Field(discriminator="kind")]
    Slippage = Annotated[reduce(or_, _SLIPPAGES.values()), Field(discriminator="kind")]
