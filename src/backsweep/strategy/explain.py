"""One message for user code that does not compile or does what a strategy may not do: its file, line and remedy."""

from __future__ import annotations

import difflib
import inspect
import re
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from numba.core.errors import NumbaError, UnsupportedBytecodeError

from backsweep.bars import BAR_FIELDS, Data
from backsweep.broker import Broker, Order, Position
from backsweep.engine.tables import FILL
from backsweep.errors import BacksweepError, StrategyError
from backsweep.strategy.combination import parts_of
from backsweep.strategy.declare import Declared, Strategy
from backsweep.strategy.load import modules_of
from backsweep.strategy.mistake_rules import EARLIER
from backsweep.strategy.mistakes import SIGNATURE, code_line, find_mistake, wrong_signature
from backsweep.strategy.wake import Condition

_UNKNOWN = re.compile(r"Unknown attribute '(\w+)' of type ([\w.]+)")
_INTERPRETED_UNKNOWN = re.compile(r"'?(\w+)'?(?: object)? has no attribute '(\w+)'")
_ASSIGNED = re.compile(r"(\w+)\.(\w+) cannot be assigned|Cannot resolve setattr: \([\w.]*?(\w+)\(.*\)\.(\w+) = ")
_NO_CHOICE = re.compile(r"TypingError: (.+) is not one of the choices (.+)")
_UNTYPED = re.compile(r">>> (\w+\(.*\))")
_COMPILER = (NumbaError, UnsupportedBytecodeError)
_NUMBERS = "use numbers, loops, NumPy scalars and math functions"
_DEBUG = "run with --interpreted to step through it in a debugger"
_REMEDY = (f"{_NUMBERS}; {_DEBUG}", f"{_NUMBERS}; build everything else in features(); {_DEBUG}")


def ask(strategy: Strategy, method: str, *arguments: Any) -> Any:
    """Call a method of the user's that is never compiled, such as `features`; what it raises is a StrategyError."""
    cls = type(strategy)
    try:
        with modules_of(cls):
            answer = getattr(strategy, method)(*arguments)
    except (MemoryError, BacksweepError):
        raise
    except Exception as error:
        raise _raised(cls, method, error, str(error)) from error
    if method in {"wake", "wake_held"} and answer is not None and not isinstance(answer, Condition):
        raise StrategyError(
            f"{cls.__name__}.{method} does not return a condition",
            where=head_of(cls, method),
            expected='such as bs.above("pred", "entry") | bs.below("pred", "-entry")',
            found=f"{answer!r}, a {type(answer).__name__}",
            remedy=f"to see every bar, remove {method}",
        )
    return answer


def head_of(cls: type[Declared], method: str) -> str:
    """Return the file and the line where a method begins."""
    function = getattr(cls, method)
    return f"{inspect.getsourcefile(function) or ''}, line {_first_line(function)}"


def find_failed(cls: type[Strategy], error: Exception) -> tuple[type[Strategy], str]:
    """Return whose code an error is about, the class or that of a part, with the part's name; "" without parts.

    It is the part in whose source a line lies that the error names, else the first.
    """
    parts = parts_of(cls)
    if not parts:
        return cls, ""
    for name, part in parts.items():
        for base in (each for each in part.cls.__mro__ if not each.__module__.startswith("backsweep.strategy.")):
            try:
                lines, first = inspect.getsourcelines(base)
            except (OSError, TypeError):
                continue
            if any(first <= line < first + len(lines) for line in _lines(part.cls.on_data, error, str(error))):
                return part.cls, name
    return next((part.cls, name) for name, part in parts.items())


def explain(
    cls: type[Declared], error: Exception, columns: Sequence[str], context: Sequence[str], method: str = "on_data"
) -> StrategyError:
    """Turn what Numba or Python said of a strategy's, or a cost model's, method into a StrategyError.

    `columns` are the names of the signals and features beside the bars, `context` those of the context series.
    """
    text, function = str(error), getattr(cls, method)
    source, line = _place(function, error, text)
    where, code = f"{source}, line {line}", f"`{code_line(function, line)}`"
    if found := _ASSIGNED.search(text):
        return _assigned(cls, method, found[1] or found[3], found[2] or found[4], where, code)
    compiled = isinstance(error, _COMPILER)
    if compiled and (found := _NO_CHOICE.search(text)):
        problem = f"{method} compares a parameter with {found[1]}, which is no choice of it"
        return StrategyError(problem, where=where, expected=f"one of {found[2]}", found=code, remedy="correct the text")
    unknown = _UNKNOWN.search(text)
    owner, name = (unknown[2].rsplit(".", 1)[-1], unknown[1]) if unknown else ("", "")
    if not unknown and (found := _INTERPRETED_UNKNOWN.search(text)):
        owner, name = found[1], found[2]
    owner = "Broker" if owner == "PartBroker" else owner
    known = _known(cls, owner, columns, context)
    if known is None and (
        compiled or isinstance(error, (TypeError, ValueError, AttributeError, NameError, IndexError))
    ):
        if method == "on_data" and (remedy := wrong_signature(cls, function)):
            problem = f"{cls.__name__}.on_data has the wrong arguments"
            return StrategyError(problem, where=where, expected=SIGNATURE, found=code, remedy=remedy)
        if mistake := find_mistake(function, line, compiled=compiled, cls=cls):
            return StrategyError(
                mistake.problem,
                where=f"{source}, line {mistake.line}",
                expected=mistake.expected,
                found=f"`{code_line(function, mistake.line)}`",
                remedy=mistake.remedy,
            )
    if known is not None:
        return _unknown(cls, method, owner, name, where, code, known)
    if name:
        problem = f"{method} uses an unknown name {name!r} of a value of type {owner.lower()}"
        return StrategyError(problem, where=where, found=code, remedy=_REMEDY[method == "on_data"])
    if not compiled:
        return _raised(cls, method, error, _gist(text, method))
    return StrategyError(
        f"{cls.__name__}.{method} does not compile",
        where=where,
        found=f"{code}: {_gist(text, method)}",
        remedy=_REMEDY[method == "on_data"],
    )


def _raised(cls: type[Declared], method: str, error: Exception, found: str) -> StrategyError:
    function = getattr(cls, method)
    source, line = _place(function, error, str(error))
    problem = f"{cls.__name__}.{method} raised {type(error).__name__}"
    return StrategyError(problem, where=f"{source}, line {line}", found=f"`{code_line(function, line)}`: {found}")


def _assigned(cls: type[Declared], method: str, owner: str, name: str, where: str, code: str) -> StrategyError:
    if method != "on_data":
        problem = f"{method} assigns {owner}.{name}, but a cost model can change nothing"
        expected, remedy = "a number as its answer", "use a local variable"
        return StrategyError(problem, where=where, expected=expected, found=code, remedy=remedy)
    if owner == cls.__name__:
        kind = "a parameter" if name in cls.declared() else "not declared as a variable of the run"
        remedy = f"declare a variable on the class, {name} = bs.state(0.0), under a name that is no parameter"
        problem = f"on_data assigns self.{name}, which is {kind}"
        return StrategyError(problem, where=where, expected="a bs.state", found=code, remedy=remedy)
    return StrategyError(
        f"on_data assigns {owner}.{name}, but a strategy cannot write to the account or the market",
        where=where,
        expected="requests to the broker",
        found=code,
        remedy="use broker.submit_order, update_order, cancel_order or an order_target method",
    )


def _known(cls: type[Declared], owner: str, columns: Sequence[str], context: Sequence[str]) -> tuple[str, ...] | None:
    """Return the names that a view has, None for anything else."""
    return {
        "Bar": (*BAR_FIELDS, *columns),
        "Context": tuple(context),
        "Broker": _public(Broker),
        "Data": _public(Data),
        "Position": _public(Position),
        "Order": _public(Order),
        "Fill": tuple(FILL.names or ()),
        cls.__name__: (*cls.declared(), *cls._states),
    }.get(owner)


def _unknown(
    cls: type[Declared], method: str, owner: str, name: str, where: str, code: str, known: tuple[str, ...]
) -> StrategyError:
    word = {"Bar": "signal", "Context": "context series"}.get(owner, "name")
    return StrategyError(
        f"{method} uses an unknown {word} {name!r} of {owner.lower() if owner != cls.__name__ else 'self'}",
        where=where,
        expected=f"one of {', '.join(known)}" if known else "none: there are no such names",
        found=code,
        remedy=_remedy(cls, method, "self" if owner == cls.__name__ else owner, name, known),
    )


def _remedy(cls: type[Declared], method: str, owner: str, name: str, known: Sequence[str]) -> str:
    """Return what to do about an unknown name: the one that is meant, or how to declare it."""
    if meant := _MEANT.get(owner, {}).get(name):
        return meant
    if near := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {near[0]!r}?"
    if owner == "Bar":
        return "add the column to the signals file" + (", or describe it in features()" if method == "on_data" else "")
    if owner == "Context":
        return "add the series to the context file of the sweep"
    if owner == "self":
        value = getattr(cls, name, None)
        if value is not None:
            return (
                f"{name} is a {type(value).__name__}: on the class, only numbers can be read; define it in the module"
            )
        return f"declare it on the class: {name} = bs.state(0.0) to remember a number, bs.param(low, high) to sweep it"
    return ""


def _public(cls: type) -> tuple[str, ...]:
    names = (*getattr(cls, "__slots__", ()), *vars(cls))
    return tuple(dict.fromkeys(name for name in names if not name.startswith("_") and name not in _MACHINERY))


_MACHINERY = {"compile_attribute", "view_type"}
_SELF = "it is an argument of on_data: write {0}, not self.{0}"
_MEANT: dict[str, dict[str, str]] = {  # what other libraries call it, and what it is here
    "Broker": {
        "buy": "write broker.submit_order(asset, quantity): a positive quantity buys",
        "sell": "write broker.submit_order(asset, -quantity): a negative quantity sells",
        "order": "write broker.submit_order(asset, quantity)",
        "close": "write broker.close_position(asset)",
        "cancel": "write broker.cancel_order(order_id)",
        "cash": "write broker.get_cash()",
        "equity": "write broker.get_equity()",
        "getcash": "write broker.get_cash()",
        "getvalue": "write broker.get_equity()",
        "position": "write broker.get_position(asset)",
        "positions": "write broker.get_position(asset)",
        "getposition": "write broker.get_position(asset)",
    },
    "Position": {
        "size": "write .quantity",
        "price": "write .entry_price",
        "avg_price": "write .entry_price",
        "pl": "write .unrealized_pnl",
        "pnl": "write .unrealized_pnl",
        "value": "write .market_value",
    },
    "Bar": {
        "symbol": "write bar.asset: the asset's number",
        "ticker": "write bar.asset: the asset's number",
        "timestamp": "it is an argument of on_data: write timestamp",
        "date": "it is an argument of on_data: write timestamp",
    },
    "Data": {
        **{name: f"each asset has its own: data[i].{name} for i in range(data.count)" for name in BAR_FIELDS},
        "history": EARLIER,
        "index": "it is an argument of on_data: write timestamp",
        "timestamp": "it is an argument of on_data: write timestamp",
    },
    "self": {
        **{name: _SELF.format(name) for name in ("broker", "data", "context", "timestamp")},
        "buy": "write broker.submit_order(asset, quantity): a positive quantity buys",
        "sell": "write broker.submit_order(asset, -quantity): a negative quantity sells",
        "position": "write broker.get_position(asset)",
        "I": 'describe indicators in features(), such as {"average": pl.col("close").rolling_mean(20)}',
    },
}


def _place(function: Callable[..., object], error: Exception, text: str) -> tuple[str, int]:
    """Find the user's file and line: in what Numba says, in the traceback, or else where the function begins."""
    lines = _lines(function, error, text)
    return inspect.getsourcefile(function) or "", lines[0] if lines else _first_line(function)


def _lines(function: Callable[..., object], error: Exception, text: str) -> list[int]:
    """Return the lines of a function's file that Numba names, or that were run last, the likeliest first."""
    source = inspect.getsourcefile(function) or ""
    name = source.rsplit("/", 1)[-1]
    lines = re.findall(rf'{re.escape(name)}"?[,)]? ?(?:, )?\(?(?:line )?(\d+)', text)
    if lines:
        return [int(line) for line in lines]
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
    return [line or 0 for line in reversed(frames)]


def _first_line(function: Callable[..., object]) -> int:
    return function.__code__.co_firstlineno


def _gist(text: str, method: str) -> str:
    """Return the innermost sentence of Numba's message, without its types and candidates."""
    noise = (
        "During:",
        "File ",
        "Overload",
        "- Of which",
        "Of which",
        "There are",
        "With argument",
        "Rejected",
        ">>>",
        "raised from",
        "- Resolution failure",
    )
    calls = [call for call in _UNTYPED.findall(text) if not call.startswith((method, "decide"))]
    if calls and "No match for registered cases" in text:
        return f"there is no {calls[-1]}"[:300]
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith(noise) and method not in line]
    sentences = [line for line in said if len(line) > 15 and not line.startswith(("def ", "<source", "^"))]
    telling = [line for line in sentences if "Failed in nopython" not in line and "No implementation" not in line]
    chosen = telling or sentences or [text]
    return re.sub(r"^Typing\w*: |: %.*", "", chosen[0])[:300]
