"""What one line of a class declares: a parameter to sweep, or a variable of a run.

`param`, `choice` and `state` make a declaration; `resolve_param` and `resolve_state` complete it by its annotation once
the class is there. Errors have the user's file and line.
"""

from __future__ import annotations

import linecache
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from backsweep.errors import StrategyError

if TYPE_CHECKING:
    from backsweep.strategy.per_asset import PerAsset

Number = float | int | bool
Value = Number | str | None
"""Of a parameter; None is a value of its own."""
N = TypeVar("N", bound=Number)
C = TypeVar("C", bound=Value)
_PER_ASSET = re.compile(r"(?:\w+\.)*PerAsset\[(\w+)\]")  # as it is written, and as the type is printed
_OR_NONE = re.compile(r"(?:\w+\.)*Optional\[(.*)\]|(.*)\|None|None\|(.*)")
_TEXT = re.compile(r"str|(?:\w+\.)*Literal\[.*\]")
_HERE = Path(__file__).parent
KINDS: Mapping[Any, str] = {"float": "f8", float: "f8", "int": "i8", int: "i8", "bool": "b1", bool: "b1"}


@dataclass(frozen=True)
class Param:
    """The values that a parameter may take: from `low` to `high`, both included, or one of `choices`.

    `step` counts from `low`; `log` proposes evenly in the logarithm; `integer` follows from the annotation.

    Choices with texts or None are *coded*: in an array of numbers, and in compiled code, each is its place among them.
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    default: Value = None
    choices: tuple[Value, ...] | None = None
    integer: bool = False
    least: float | None = None
    """The smallest number that makes sense at all; None: any does."""

    @property
    def coded(self) -> bool:
        """Whether a number stands for the value, since texts or None are among the choices."""
        return any(choice is None or isinstance(choice, str) for choice in self.choices or ())

    def place(self, value: object) -> int | None:
        """Return the place of a value among the choices; None if it is none of them."""
        return place_of(value, self.choices or ())

    def number(self, value: Any) -> Number:
        """Return a value as records and arrays have it: the code of a coded one, which must be among the choices."""
        number: Number = self.choices.index(value) if self.coded and self.choices else value
        return number

    def value(self, number: float) -> Value:
        """Return the value that a number in an array stands for."""
        return self.choices[int(number)] if self.coded and self.choices else number


def place_of(value: object, choices: Sequence[Value]) -> int | None:
    """Return the place of a value among choices, where true is not 1; None if it is none of them."""
    kinds = (str, bool)
    alike = (
        place
        for place, choice in enumerate(choices)
        if choice == value and all(isinstance(choice, kind) == isinstance(value, kind) for kind in kinds)
    )
    return next(alike, None)


@dataclass(frozen=True)
class StateVariable:
    """A variable that a strategy keeps during a run, one for all assets or one for each."""

    initial: Number
    per_asset: bool = False


@overload
def param(low: int, high: int, *, step: int | None = None, log: bool = False, default: int | None = None) -> int: ...
@overload
def param(
    low: float, high: float, *, step: float | None = None, log: bool = False, default: float | None = None
) -> float: ...
def param(
    low: float, high: float, *, step: float | None = None, log: bool = False, default: float | None = None
) -> Any:
    """Declare a parameter that may be swept from `low` to `high`, both included; annotate it as float or int.

    `step` counts from `low`; with `log` equal ratios are equally likely, which goes with no `step`. The default is the
    middle unless given, with `log` the geometric one.

    Raises StrategyError where these are no finite numbers, the range is empty, or the default lies outside of it.
    """
    for name, value in (("low", low), ("high", high), ("step", step), ("default", default)):
        _check_finite(f"a parameter's {name}", value)
    if low > high:
        raise refused(
            "a parameter's range is empty",
            expected="low <= high",
            found=f"{low} to {high}",
            remedy=f"write bs.param({high}, {low})",
        )
    if log and low <= 0.0:
        raise refused(
            "a logarithmic parameter must be positive",
            expected="low > 0",
            found=str(low),
            remedy="raise low",
        )
    if step is not None and step <= 0.0:
        raise refused("a parameter's step must be positive", expected="step > 0", found=str(step))
    if default is not None and not low <= default <= high:
        raise refused(
            "a parameter's default is outside of its range",
            expected=f"{low} to {high}",
            found=str(default),
            remedy="change the default, or widen the range",
        )
    return Param(low=low, high=high, step=step, log=log, default=default)


def choice(options: list[C] | tuple[C, ...], *, default: C | EllipsisType = ...) -> C:
    """Declare a parameter that takes one of a few values; the default is the first unless given.

    Values are numbers, booleans or texts, and None may be among them: `kind: str = bs.choice(["sma", "ema"])`,
    `stop: float | None = bs.choice([None, 0.1, 0.2])`. Compare a text with `==` and `!=`; ask for None with `is None`.

    Raises StrategyError for anything but a list of such values of one type, and for a default that is none of them.
    """
    kinds = {_family(option) for option in options} - {"none"} if isinstance(options, (list, tuple)) else set()
    if len(kinds) != 1 or not kinds <= {"number", "boolean", "text"}:
        raise refused(
            "a choice must be among numbers, booleans or texts",
            expected="a list with at least one of them, all of one type; None may be among them",
            found=repr(options),
            remedy='such as bs.choice(["sma", "ema"]), bs.choice([10, 20]) or bs.choice([None, 10, 20])',
        )
    for option in options:
        if isinstance(option, (int, float)):
            _check_finite("a choice", option)
    if len({*options}) < len(options):
        raise refused("a choice is there twice", expected="each once", found=repr(options), remedy="remove one")
    if default is ... or (default is None and None not in options):
        default = options[0]
    if place_of(default, options) is None and default not in options:
        if isinstance(default, (int, float)):
            _check_finite("a choice", default)
        raise refused(
            "a choice's default is not one of its alternatives",
            expected=f"one of {', '.join(map(str, options))}",
            found=repr(default),
            remedy="change the default, or add it to the list",
        )
    declared: Any = Param(choices=tuple(options), default=default)
    return declared


def _family(option: object) -> str:
    """Return what a choice is: choices of one parameter are of one family."""
    families = {bool: "boolean", int: "number", float: "number", str: "text", type(None): "none"}
    return next((family for kind, family in families.items() if isinstance(option, kind)), "other")


@overload
def state(initial: N, *, per_asset: Literal[False] = False, init: Literal[False] = False) -> N: ...
@overload
def state(initial: N, *, per_asset: Literal[True], init: Literal[False] = False) -> PerAsset[N]: ...
def state(initial: Number, *, per_asset: bool = False, init: Literal[False] = False) -> Any:  # noqa: ARG001 - for types
    """Declare a variable of the run: read and written as `self.name`, or `self.name[asset]` with `per_asset`.

    `init` says to type checkers that a variable is no argument of the class; leave it out.
    """
    if not isinstance(initial, (bool, int, float)):
        raise refused(
            "a variable of the run must begin with a number",
            expected="bs.state(0.0), bs.state(-1) or bs.state(False)",
            found=repr(initial),
            remedy="give each case a number, math.nan for no value; for one number per asset, per_asset=True",
        )
    return StateVariable(initial, per_asset)


def _check_finite(what: str, value: Number | None) -> None:
    """Refuse a value that is no finite number: NaN stands for an absent value, and nothing can be compared with it."""
    if value is not None and not is_finite(value):
        raise refused(
            f"{what} is not a finite number",
            expected="a finite number",
            found=repr(value),
            remedy="use a number of its own, such as 0, for none, and branch on it in on_data",
        )


def is_finite(value: object) -> bool:
    return isinstance(value, (bool, int, float)) and abs(value) <= sys.float_info.max


def refused(problem: str, *, expected: str, found: str, remedy: str = "", name: str = "") -> StrategyError:
    """Return the error of a declaration, with the user's file and line: where `name` is declared, if it is given."""
    frame = sys._getframe(1)  # noqa: SLF001 - the interpreter's own way to know who calls
    while frame.f_back is not None and Path(frame.f_code.co_filename).parent == _HERE:
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    if name:
        after = enumerate(linecache.getlines(file)[line - 1 :], line)
        line = next((number for number, text in after if re.match(rf"\s+{name}\s*[:=]", text)), line)
    code = linecache.getline(file, line).strip()
    return StrategyError(
        problem,
        where=f"{file}, line {line}",
        expected=expected,
        found=f"`{code}`: {found}" if code else found,
        remedy=remedy,
    )


def resolve_param(cls: type, name: str, declared: Param, annotations: Mapping[str, Any]) -> tuple[str, Param]:
    """Return the kind of a parameter in a record, and its declaration with all that follows from that."""
    check_name(cls, name)
    if declared.coded:
        return "i8", _coded(cls, name, declared, annotations)
    kind = _kind_of(cls, name, annotations, _sample(declared))
    _check_whole(cls, name, declared, kind)
    return kind, _completed(declared, kind)


def _coded(cls: type, name: str, declared: Param, annotations: Mapping[str, Any]) -> Param:
    """Return the declaration of texts, or of None and others, with numbers in the type of the annotation."""
    known = [option for option in declared.choices or () if option is not None]
    is_text = isinstance(known[0], str)
    annotation = annotations.get(name)
    written = getattr(annotation, "__name__", str(annotation)) if isinstance(annotation, type) else str(annotation)
    if (inside := _OR_NONE.fullmatch(written.replace(" ", ""))) is not None:
        written = next(part for part in inside.groups() if part is not None)
    if annotation is not None and (_TEXT.fullmatch(written) is None if is_text else written not in KINDS):
        raise refused(
            f"{cls.__name__}.{name} is annotated as another type than its choices have",
            expected="str, or `str | None`" if is_text else "float, int or bool, each with `| None`",
            found=written,
            remedy="annotate it as its choices are",
            name=name,
        )
    if is_text or isinstance(known[0], bool):
        return declared
    numbers = Param(choices=tuple(known))
    kind = (
        KINDS[written] if annotation is not None else "f8" if any(isinstance(each, float) for each in known) else "i8"
    )
    _check_whole(cls, name, numbers, kind)
    typed = {"f8": float, "i8": int, "b1": bool}[kind]

    def as_typed(value: Value) -> Value:
        return None if value is None else typed(value)

    return replace(declared, choices=tuple(map(as_typed, declared.choices or ())), default=as_typed(declared.default))


def resolve_state(cls: type, name: str, declared: StateVariable, annotations: Mapping[str, Any]) -> str:
    """Return the kind of a variable's values."""
    check_name(cls, name)
    return _kind_of(cls, name, annotations, declared.initial, per_asset=declared.per_asset)


def check_name(cls: type, name: str) -> None:
    """Refuse the name of something that every strategy, or cost model, has."""
    for base in cls.__mro__[1:]:
        if base.__module__.startswith(f"{__package__}.") and name in vars(base):
            raise refused(
                f"{cls.__name__}.{name} has a name that is taken",
                expected="a name of its own",
                found=f"what {base.__name__}.{name} is already",
                remedy="rename it",
                name=name,
            )


def _sample(declared: Param) -> Any:
    if declared.choices is not None:
        kinds = {type(option) for option in declared.choices}
        return declared.choices[0] if len(kinds) == 1 else 0.0
    return declared.low if declared.low is not None else 0.0


def _kind_of(cls: type, name: str, annotations: Mapping[str, Any], sample: Number, *, per_asset: bool = False) -> str:
    annotation = annotations.get(name, type(sample))
    if per_asset and (inside := _PER_ASSET.fullmatch(str(annotation))):
        annotation = inside[1]
    if annotation not in KINDS:
        raise refused(
            f"{cls.__name__}.{name} has a type that compiled code cannot hold",
            expected="float, int or bool",
            found=getattr(annotation, "__name__", str(annotation)),
            remedy="annotate it as float, int or bool",
            name=name,
        )
    return KINDS[annotation]


def _check_whole(cls: type, name: str, declared: Param, kind: str) -> None:
    """Refuse fractions in the declaration of a whole number."""
    numbers: list[Any] = [declared.low, declared.high, declared.step, declared.default, *(declared.choices or ())]
    wrong = [each for each in numbers if each is not None and each != int(each)]
    if kind == "i8" and wrong:
        raise refused(
            f"{cls.__name__}.{name} is an int, and cannot be {wrong[0]}",
            expected="whole numbers",
            found=str(wrong[0]),
            remedy="annotate it as float, or write whole numbers",
            name=name,
        )


def _completed(declared: Param, kind: str) -> Param:
    """Fill in what follows from the declaration: whether it is an integer, and its default."""
    if kind == "b1" and declared.choices is None:
        declared = Param(choices=(False, True), default=declared.default)
    declared = replace(declared, integer=kind == "i8")
    if declared.default is not None:
        return declared
    if declared.choices is not None:
        return replace(declared, default=declared.choices[0])
    low, high = float(declared.low or 0.0), float(declared.high or 0.0)
    middle = math.sqrt(low * high) if declared.log else (low + high) / 2
    if declared.step is not None:
        middle = low + round((middle - low) / declared.step) * declared.step
    return replace(declared, default=round(middle) if declared.integer else middle)
