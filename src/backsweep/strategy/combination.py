"""Several strategies as one: its parts trade one account, each with positions and orders of its own.

    class Both(bs.Combination):
        trend: Trend = bs.part(Trend, weight=0.6)
        reversion: Reversion = bs.part(Reversion, weight=bs.param(0.1, 0.5))

Its parameters are those of the parts under dotted names, such as `trend.window`, each part's followed by its weight,
`trend.weight`; a parameter of the strategy's own that is called `weight` is `trend.own_weight`. `Both(trend=Trend(
window=50))` has an instance's values; what is left out has its default.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from backsweep.errors import StrategyError
from backsweep.strategy.declare import HOOKS, Declared, Strategy, fits
from backsweep.strategy.fields import Param, StateVariable, check_name, is_finite, refused, resolve_param

if TYPE_CHECKING:
    from backsweep.strategy.fields import Value

Class = TypeVar("Class", bound=Strategy)

WEIGHT, OWN_WEIGHT = "weight", "own_weight"
_SECTIONS = ("account", "costs", "execution")  # whose numbers have dotted keys too
_SETTING = ("__init__", "__new__", "__setattr__", "__getattribute__", "values")  # what values pass, in and out
_TAKEN = ("on_data", *HOOKS)


@dataclass(eq=False)
class Part:
    """One strategy of a combination; on an instance, `self.trend` is that strategy with its values."""

    cls: type[Strategy]
    weight: Param
    name: str = ""

    def __set_name__(self, owner: type[Combination], name: str) -> None:
        """Note the name that the part has."""
        self.name = name

    def __get__(self, instance: Combination | None, owner: type[Combination] | None = None) -> Any:
        """Return the declaration of the class, or the strategy of an instance."""
        if instance is None:
            return self
        return self.cls(**{own: getattr(instance, dotted(self.name, own)) for own in self.cls.declared()})


def part(cls: type[Class], *, weight: float = 1.0) -> Class:
    """Declare a part of a combination: a strategy, and the fraction of the account's equity that it works with.

    To the part, `broker.get_equity()` is the weight times the account's. A weight is a number, 0 or more, or
    `bs.param(low, high)` or `bs.choice(...)` to be searched; a number is searched where `search.params` has a range for
    it. Weights need not add up to 1. Annotate the part with its class.
    """
    if not (inspect.isclass(cls) and issubclass(cls, Strategy)) or cls is Strategy:
        raise refused(
            "a part is a strategy",
            expected="a class, such as bs.part(Trend, weight=0.5)",
            found=f"a {type(cls).__name__}" if not inspect.isclass(cls) else cls.__name__,
        )
    if issubclass(cls, Combination) or fits(cls):
        what = "a combination" if issubclass(cls, Combination) else "a strategy with `fit`"
        raise refused(
            f"{what} cannot be a part",
            expected="a strategy without parts and without a model that is trained for each fold",
            found=cls.__name__,
            remedy="name its parts instead" if issubclass(cls, Combination) else "run it in a study of its own",
        )
    if not is_plain(cls):
        raise refused(
            f"{cls.__name__} sets values in a method of its own, and cannot be a part",
            expected="parameters that are what they are given: no __init__ and none of its kind",
            found=cls.__name__,
            remedy="compute in features() and on_data what follows from the parameters",
        )
    if OWN_WEIGHT in {*cls.declared(), *cls._states}:
        raise refused(
            f"{cls.__name__}.{OWN_WEIGHT} has the name under which a combination knows a parameter `{WEIGHT}`",
            expected="another name",
            found=OWN_WEIGHT,
            remedy=f"rename it in {cls.__name__}",
        )
    given: Any = weight
    declared = given if isinstance(given, Param) else Param(choices=(given,), default=given)
    numbers = [declared.low] if declared.choices is None else declared.choices
    if not all(is_finite(each) and not isinstance(each, bool) and each >= 0.0 for each in numbers):  # type: ignore[operator]  # finite
        raise refused(
            "a part's weight must be 0 or more",
            expected="a number, bs.param(low, high) or bs.choice([...]) of numbers from 0 on",
            found=repr(given if not isinstance(given, Param) else declared.choices or declared.low),
        )
    made: Any = Part(cls, declared)
    return made


class Combination(Strategy):
    """The base of a strategy of several parts, which decide one after the other, in order, at every timestamp.

    Cash and equity, margin and limits are those of one account. Positions and orders are a part's own: of an asset that
    two parts hold there are two positions, which are not netted. A combination has nothing but parts.
    """

    _parts: ClassVar[dict[str, Part]] = {}

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Collect the parts, and their parameters and variables under dotted names."""
        super().__init_subclass__(**keywords)
        cls._parts = dict(cls._parts)
        _refuse_own(cls)
        for name, value in list(vars(cls).items()):
            if isinstance(value, Part):
                _add_part(cls, name, value)
        if not cls._parts:
            raise refused(
                f"{cls.__name__} has no part",
                expected="at least one, such as trend: Trend = bs.part(Trend, weight=0.5)",
                found="none",
            )

    def __init__(self, **values: Any) -> None:
        """Set every parameter of the parts: from an instance under the part's name, a dotted name, or its default."""
        known: dict[str, Value] = {}
        for name, value in values.items():
            if name not in self._parts:
                known[name] = value
                continue
            cls = self._parts[name].cls
            if type(value) is not cls:
                raise StrategyError(
                    f"{type(self).__name__}.{name} is not of its class",
                    expected=f"an instance, such as {name}={cls.__name__}()",
                    found=f"a {type(value).__name__}",
                )
            known |= {dotted(name, own): number for own, number in value.values().items()}
        super().__init__(**known)

    @classmethod
    def parts(cls) -> dict[str, Part]:
        """Return the parts by name, in order."""
        return dict(cls._parts)


def is_plain(cls: type[Strategy]) -> bool:
    """Return whether instances hold the values that they are made of: nothing of the user's changes them."""
    bases = (Declared, Combination)
    return all(any(getattr(cls, name) is getattr(base, name) for base in bases) for name in _SETTING) and all(
        isinstance(inspect.getattr_static(cls, name), Param) for name in cls.declared()
    )


def dotted(part: str, own: str) -> str:
    """Return the name on a combination of what a part declares."""
    return f"{part}.{OWN_WEIGHT if own == WEIGHT else own}"


def parts_of(cls: type[Strategy]) -> dict[str, Part]:
    """Return the parts of a combination, nothing for any other strategy."""
    return cls.parts() if issubclass(cls, Combination) else {}


def _add_part(cls: type[Combination], name: str, added: Part) -> None:
    """Declare a part's parameters, its weight and its variables on the combination."""
    check_name(cls, name)
    if name in _SECTIONS:
        raise refused(
            f"{cls.__name__}.{name} has the name of a section",
            expected="another name: parameters of parts and numbers of sections have dotted names",
            found=name,
            name=name,
            remedy="rename it",
        )
    for names in (cls._params, cls._states, cls._kinds):
        for old in [each for each in names if each.startswith(f"{name}.")]:
            del names[old]
    cls._parts[name] = added
    own = added.cls
    weight = f"{name}.{WEIGHT}"
    kind, declared = resolve_param(cls, weight, added.weight, {weight: float})
    found: dict[str, Param | StateVariable] = {dotted(name, each): param for each, param in own.declared().items()}
    found |= {weight: replace(declared, least=0.0)}
    found |= {dotted(name, each): state for each, state in own._states.items()}  # noqa: SLF001 - as the combination's
    cls._kinds |= {dotted(name, each): kind for each, kind in own._kinds.items()} | {weight: kind}  # noqa: SLF001
    for each, value in found.items():
        if isinstance(value, Param):
            cls._params[each] = value
            setattr(cls, each, value)
        else:
            cls._states[each] = value


def _refuse_own(cls: type[Combination]) -> None:
    """Refuse what a combination cannot have: parameters, variables and methods that no part would see."""
    for name, value in vars(cls).items():
        if name in _TAKEN or isinstance(value, Param | StateVariable):
            what = "a method" if name in _TAKEN else "a parameter" if isinstance(value, Param) else "a variable"
            raise refused(
                f"{cls.__name__}.{name} is {what} of a combination itself",
                expected="parts, and nothing else: each decides for itself",
                found=name,
                name="" if name in _TAKEN else name,
                remedy="declare it in the strategies that use it",
            )
