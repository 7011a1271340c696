"""One message for user code that does not compile or does what a strategy may not do: its file, line and remedy."""

from __future__ import annotations

import difflib
import inspect
import re
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from numba.core.errors import NumbaError

from backsweep.broker import BAR_FIELDS, Broker, Data, Order, Position
from backsweep.engine.tables import FILL
from backsweep.errors import BacksweepError, StrategyError
from backsweep.strategy.declare import Declared, Strategy

_UNKNOWN = re.compile(r"Unknown attribute '(\w+)' of type ([\w.]+)")
_INTERPRETED_UNKNOWN = re.compile(r"'?(\w+)'?(?: object)? has no attribute '(\w+)'")
_ASSIGNED = re.compile(r"(\w+)\.(\w+) cannot be assigned|Cannot resolve setattr: \([\w.]*?(\w+)\(.*\)\.(\w+) = ")
_UNTYPED = re.compile(r">>> (\w+\(.*\))")
_NUMBERS = "use numbers, loops, NumPy scalars and math functions"
_DEBUG = "run with --interpreted to step through it in a debugger"
_REMEDY = (f"{_NUMBERS}; {_DEBUG}", f"{_NUMBERS}; build everything else in features(); {_DEBUG}")


def ask(strategy: Strategy, method: str) -> Any:
    """Call a method of the user's that is never compiled, `features` or `wake`; what it raises is a StrategyError."""
    try:
        return getattr(strategy, method)()
    except (MemoryError, BacksweepError):
        raise
    except Exception as error:
        raise _raised(type(strategy), method, error, str(error)) from error


def explain(
    cls: type[Declared], error: Exception, columns: Sequence[str], context: Sequence[str], method: str = "on_data"
) -> StrategyError:
    """Turn what Numba or Python said of a strategy's, or a cost model's, method into a StrategyError.

    `columns` are the names of the signals and features beside the bars, `context` those of the context series.
    """
    text = str(error)
    if getattr(cls, method) is Strategy.on_data:
        return StrategyError(
            f"{cls.__name__} does not define on_data",
            where=inspect.getsourcefile(cls) or "",
            expected="def on_data(self, timestamp, data, context, broker)",
            remedy="name it so" if difflib.get_close_matches("on_data", vars(cls)) else "add it",
        )
    where = _place(getattr(cls, method), error, text)
    if found := _ASSIGNED.search(text):
        return _assigned(cls, method, found[1] or found[3], found[2] or found[4], where)
    if found := _UNKNOWN.search(text):
        return _unknown(cls, method, found[2].rsplit(".", 1)[-1], found[1], where, columns, context)
    if found := _INTERPRETED_UNKNOWN.search(text):
        return _unknown(cls, method, found[1], found[2], where, columns, context)
    if not isinstance(error, NumbaError):
        return _raised(cls, method, error, _gist(text, method))
    return StrategyError(
        f"{cls.__name__}.{method} does not compile",
        where=where,
        found=_gist(text, method),
        remedy=_REMEDY[method == "on_data"],
    )


def _raised(cls: type[Declared], method: str, error: Exception, found: str) -> StrategyError:
    problem = f"{cls.__name__}.{method} raised {type(error).__name__}"
    return StrategyError(problem, where=_place(getattr(cls, method), error, str(error)), found=found)


def _assigned(cls: type[Declared], method: str, owner: str, name: str, where: str) -> StrategyError:
    if method != "on_data":
        problem = f"{method} assigns {owner}.{name}, but a cost model can change nothing"
        return StrategyError(problem, where=where, expected="a number as its answer", remedy="use a local variable")
    if owner == cls.__name__:
        kind = "a parameter" if name in cls.declared() else "not declared as a variable of the run"
        remedy = f"declare a variable on the class, {name} = bs.state(0.0), under a name that is no parameter"
        return StrategyError(
            f"on_data assigns self.{name}, which is {kind}", where=where, expected="a bs.state", remedy=remedy
        )
    return StrategyError(
        f"on_data assigns {owner}.{name}, but a strategy cannot write to the account or the market",
        where=where,
        expected="requests to the broker",
        found=f"an assignment to {name}",
        remedy="use broker.submit_order, update_order, cancel_order or an order_target method",
    )


def _unknown(
    cls: type[Declared],
    method: str,
    owner: str,
    name: str,
    where: str,
    columns: Sequence[str],
    context: Sequence[str],
) -> StrategyError:
    known = {
        "Bar": (*BAR_FIELDS, *columns),
        "Context": tuple(context),
        "Broker": _public(Broker),
        "Data": _public(Data),
        "Position": _public(Position),
        "Order": _public(Order),
        "Fill": tuple(FILL.names or ()),
        cls.__name__: (*cls.declared(), *cls._states),
    }.get(owner, ())
    word = {"Bar": "signal", "Context": "context series"}.get(owner, "name")
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else ""
    if owner == "Bar" and not near:
        remedy = "add the column to the signals file" + (", or give it in features()" if method == "on_data" else "")
    if owner == "Context" and not near:
        remedy = "add the series to the context file of the sweep"
    return StrategyError(
        f"{method} uses an unknown {word} {name!r} of {owner.lower() if owner != cls.__name__ else 'self'}",
        where=where,
        expected=f"one of {', '.join(known) or 'none'}",
        found=name,
        remedy=remedy,
    )


def _public(cls: type) -> tuple[str, ...]:
    names = (*getattr(cls, "__slots__", ()), *vars(cls))
    return tuple(dict.fromkeys(name for name in names if not name.startswith("_") and name not in _MACHINERY))


_MACHINERY = {"compile_attribute", "view_type"}


def _place(function: Callable[..., object], error: Exception, text: str) -> str:
    """Find the user's line: in what Numba says, in the traceback, or else the line where the function begins."""
    source = inspect.getsourcefile(function) or ""
    name = source.rsplit("/", 1)[-1]
    lines = re.findall(rf'{re.escape(name)}"?[,)]? ?(?:, )?\(?(?:line )?(\d+)', text)
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
    if lines:
        line = int(lines[0])
    elif frames:
        line = frames[-1] or 0
    else:
        line = _first_line(function)
    return f"{source}, line {line}"


def _first_line(function: Callable[..., object]) -> int:
    return function.__code__.co_firstlineno


def _gist(text: str, method: str) -> str:
    """Give the innermost sentence of what Numba says, without its types and candidates."""
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
