"""Mistakes that a line of a strategy can show: one function each, from a node of the syntax tree to the remedy.

A rule returns the problem, what is expected and the remedy, or None where a node is not its mistake.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from backsweep.broker import Broker

ARGUMENTS = ("self", "timestamp", "data", "context", "broker")
CODES = {
    "order_type": "one of bs.MARKET, bs.LIMIT, bs.STOP, bs.STOP_LIMIT, bs.TRAILING_STOP, bs.MARKET_ON_CLOSE",
    "tif": "one of bs.GTC, bs.DAY, bs.GTD, bs.IOC, bs.FOK",
    "asset": "an asset's number, as bar.asset",
    "quantity": "signed units: a positive number buys, a negative one sells",
}
NO_QUOTES = "write a number, without quotes"
ONE_BAR = "for i in range(data.count): bar = data[i]"
EARLIER = 'describe the past in features(), such as {"before": pl.col("close").shift(1)}, and read bar.before'
FEATURES = "compute it in features() with Polars expressions, and read the column as bar.NAME"
CLOCK = (
    "bar.time_of_day is the minute of the local day, 570 at 09:30; for dates, make a column in features(), such as "
    '{"weekday": pl.col("timestamp").dt.weekday()}, and read bar.weekday'
)
_TIMES = ("datetime", "time", "calendar", "zoneinfo")
_COLLECTIONS = (ast.Tuple, ast.List, ast.Set)
_COMPILED = ("numpy", "math", "cmath", "backsweep", "numba")
_STATEMENTS: dict[type[ast.AST], tuple[str, str]] = {
    ast.ExceptHandler: (
        "except",
        "test the value with if: a request that cannot become an order is rejected, not raised",
    ),
    ast.With: ("with", "read files before the run, as signals or as numbers of the module"),
    ast.Import: ("import", "import at the top of the file"),
    ast.ImportFrom: ("import", "import at the top of the file"),
    ast.Global: ("global", "declare a variable of the run on the class, count = bs.state(0.0), and assign self.count"),
    ast.Lambda: ("lambda", "define a function in the module, or a method"),
    ast.FunctionDef: ("def", "define the function in the module, or as a method"),
    ast.ClassDef: ("class", "define the class in the module"),
    ast.Dict: ("a dict", "declare a number for each asset, last = bs.state(0.0, per_asset=True): self.last[bar.asset]"),
    ast.Set: ("a set", "use numbers, or a NumPy array of numbers"),
    ast.JoinedStr: ("text", "give each case a number; print(number) shows one"),
}


@dataclass
class Scope:
    """What the names of one method mean: the roles of its arguments, its own names, and the module's.

    `texts` are the choices of the parameters that are texts.
    """

    method: str
    roles: Mapping[str, str]
    local: set[str]
    known: Mapping[str, Any]
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    texts: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def role(self, node: ast.AST) -> str:
        """Return the role of a name, "" if it has none."""
        return self.roles.get(node.id, "") if isinstance(node, ast.Name) else ""

    def broker_method(self, node: ast.AST) -> str:
        """Return the broker's method that a node calls, "" if it calls none."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and self.role(node.func.value) == "broker"
        ):
            return node.func.attr if inspect.isfunction(getattr(Broker, node.func.attr, None)) else ""
        return ""

    def text_parameter(self, node: ast.AST) -> str:
        """Return the name of a parameter among texts that a node reads, "" if it reads none."""
        reads = isinstance(node, ast.Attribute) and self.role(node.value) == "self" and node.attr in self.texts
        return node.attr if reads and isinstance(node, ast.Attribute) else ""

    def value(self, node: ast.AST) -> Any:
        """Return what a name of the module stands for, None where it is the method's own."""
        outer = isinstance(node, ast.Name) and node.id not in self.local
        return self.known.get(node.id) if outer and isinstance(node, ast.Name) else None


Found = tuple[str, str, str]
"""Problem, what is expected, remedy."""


def _broker_call(scope: Scope, node: ast.AST) -> Found | None:
    """Find a call of the broker whose arguments do not fit, or are text or None."""
    name = scope.broker_method(node)
    if not isinstance(node, ast.Call) or not name or any(isinstance(each, ast.Starred) for each in node.args):
        return None
    method = getattr(Broker, name)
    parameters = list(inspect.signature(method).parameters.values())[1:]
    arguments = [each.name for each in parameters]
    optional = [each.name if each.default is each.empty else f"{each.name}=" for each in parameters]
    expected = f"broker.{name}({', '.join(optional)})"
    given = dict(zip(arguments, node.args, strict=False))
    given |= {each.arg: each.value for each in node.keywords if each.arg}
    for unknown in given.keys() - set(arguments):
        near = [each for each in arguments if unknown in each] or difflib.get_close_matches(unknown, arguments, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "leave it out"
        return f"broker.{name} has no argument {unknown!r}", expected, remedy
    if len(node.args) > len(arguments):
        return f"broker.{name} is called with too many arguments", expected, f"it takes {len(arguments)} at most"
    for key, value in given.items():
        if isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            return f"broker.{name}: {key} is text", CODES.get(key, "a number"), _code_for(key, value)
        if isinstance(value, ast.Constant) and value.value is None:
            return f"broker.{name}: {key} is None", CODES.get(key, "a number"), f"leave {key} out"
    missing = [each.name for each in parameters if each.default is each.empty and each.name not in given]
    if missing and not any(each.arg is None for each in node.keywords):
        return f"broker.{name} is called without {' and '.join(missing)}", expected, f"add {missing[0]}"
    return None


def _code_for(key: str, value: ast.expr) -> str:
    """Return the code that a text such as "market" or "buy" stands for."""
    said = str(value.value).upper().replace(" ", "_").replace("-", "_") if isinstance(value, ast.Constant) else ""
    if key in ("order_type", "tif") and f"bs.{said}" in CODES[key]:
        return f"write {key}=bs.{said}"
    if key == "asset":
        return "read the number from a bar: bar.asset"
    return NO_QUOTES if key not in ("order_type", "tif") else "choose one of them"


def _module(scope: Scope, node: ast.AST) -> Found | None:
    """Find a name that a module does not have."""
    if isinstance(node, ast.Attribute) and isinstance(module := scope.value(node.value), ModuleType):
        name = ast.unparse(node.value)
        if module.__name__.split(".")[0] in _COMPILED and not hasattr(module, node.attr):
            if module.__name__ == "backsweep":
                names = [each for each in dir(module) if each.isupper()] if node.attr.isupper() else dir(module)
            else:
                names = dir(module)
            near = difflib.get_close_matches(node.attr, names, n=1, cutoff=0.5)
            return f"{name} has no {node.attr!r}", "", f"did you mean {name}.{near[0]}?" if near else f"see dir({name})"
    return None


def _foreign(scope: Scope, node: ast.AST) -> Found | None:
    """Find a module that compiled code cannot use, or a class of one."""
    value = scope.value(node)
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
    home = home.split(".")[0]
    foreign = isinstance(value, ModuleType) or (isinstance(value, type) and home in (*_TIMES, "pandas", "polars"))
    if not foreign or home in _COMPILED or not isinstance(node, ast.Name):
        return None
    remedy = CLOCK if home in _TIMES else FEATURES
    if home == "random":
        remedy = "draw the numbers beforehand, as a signal column, so that a run can be repeated"
    return f"{scope.method} is compiled, and cannot use {home}", "numbers, NumPy scalars and math functions", remedy


def _undefined(scope: Scope, node: ast.AST) -> Found | None:
    """Find a name that nothing defines."""
    if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
        return None
    if node.id in scope.local or node.id in scope.known:
        return None
    names = [name for name in (*scope.local, *scope.known) if name not in vars(builtins)]
    near = difflib.get_close_matches(node.id, names, n=1)
    own = "a parameter is self.NAME, a signal bar.NAME; other names are defined in the method or the module"
    return f"{scope.method} uses an undefined name {node.id!r}", "", f"did you mean {near[0]!r}?" if near else own


def _clock(scope: Scope, node: ast.AST) -> Found | None:
    """Find a timestamp that is used as a date."""
    if isinstance(node, ast.Attribute) and scope.role(node.value) == "timestamp":
        return f"timestamp has no {node.attr!r}: it is a number", "nanoseconds since 1970, in UTC", CLOCK
    return None


def _data_as_list(scope: Scope, node: ast.AST) -> Found | None:
    """Find `data` where a list, a table or a truth value is expected."""
    parent = scope.parents.get(node)
    if scope.role(node) != "data" or isinstance(parent, ast.Attribute):
        return None
    if isinstance(parent, ast.Subscript):
        index = parent.slice
        if isinstance(index, ast.Slice):
            return "data has the bars of this timestamp, and cannot be sliced", f"{ONE_BAR}", EARLIER
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            remedy = "read a bar's columns as bar.close, its asset as bar.asset"
            return "data[i] is the bar with number i, not a name", ONE_BAR, remedy
        return None
    if isinstance(parent, (ast.UnaryOp, ast.If, ast.BoolOp, ast.IfExp)):
        remedy = "remove the test: whenever on_data is called, there is at least one bar"
        return "data is neither true nor false", "data.count, how many bars there are", remedy
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
        return None
    return "data is not a list", ONE_BAR, "use data.count for its length and data[i] for a bar"


def _by_name(scope: Scope, node: ast.AST) -> Found | None:
    """Find `bar["close"]`, `context["vix"]` and a variable of the run indexed without `per_asset`."""
    if not isinstance(node, ast.Subscript):
        return None
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        written = f"{ast.unparse(node.value)}.{node.slice.value}"
        return "columns are read as attributes, not by a text in brackets", written, f"write {written}"
    if isinstance(node.value, ast.Attribute) and scope.role(node.value.value) == "self":
        name = node.value.attr
        remedy = f"declare it {name} = bs.state(0.0, per_asset=True)"
        return f"self.{name} is one number, and has no entry for each asset", "a bs.state with per_asset=True", remedy
    return None


def _position_as_number(scope: Scope, node: ast.AST) -> Found | None:
    """Find a position that is compared or tested as if it were its quantity."""
    if scope.broker_method(node) != "get_position":
        return None
    if isinstance(scope.parents.get(node), (ast.Compare, ast.BinOp, ast.UnaryOp, ast.If, ast.BoolOp, ast.IfExp)):
        expected = "its .quantity: signed units, 0 where there is none"
        return "a position is not a number", expected, f"write {ast.unparse(node)}.quantity"
    return None


def _not_called(scope: Scope, node: ast.AST) -> Found | None:
    """Find a method of the broker that is not called."""
    if not (isinstance(node, ast.Attribute) and scope.role(node.value) == "broker"):
        return None
    if not inspect.isfunction(getattr(Broker, node.attr, None)):
        return None
    parent = scope.parents.get(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        return None
    return f"broker.{node.attr} is a method, and is not called", f"broker.{node.attr}(...)", "add the parentheses"


def _text(scope: Scope, node: ast.AST) -> Found | None:
    """Find a text, None or a list that is kept in a variable of the run, or used in arithmetic."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.JoinedStr | ast.List):
        target, value = node.targets[0], node.value
        number = isinstance(value, ast.Constant) and isinstance(value.value, (bool, int, float))
        if isinstance(target, ast.Attribute) and scope.role(target.value) == "self" and not number:
            problem = f"self.{target.attr} holds a number, and cannot be {ast.unparse(value)}"
            remedy = "give each case a number: 0 for none, 1 for long, -1 for short; math.nan for no value"
            return problem, "a number, true or false", remedy
    if isinstance(node, (ast.BinOp, ast.Compare)):
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.left, *node.comparators]
        if scope.texts and any(scope.text_parameter(side) or isinstance(side, ast.Name) for side in sides):
            return None
        for side in sides:
            if isinstance(side, ast.Constant) and isinstance(side.value, str):
                return f"{scope.method} computes with the text {side.value!r}", "numbers", NO_QUOTES
    if isinstance(node, ast.List) and not node.elts:
        remedy = f"{FEATURES}; memory of a run is a bs.state"
        return "an empty list has no type that compiled code can know", "np.zeros(n)", remedy
    return None


def no_choice(scope: Scope, node: ast.AST) -> Found | None:
    """Find a comparison of a parameter among texts with a text that is none of them, which is never equal."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        given = [each for side in sides for each in (side.elts if isinstance(side, _COLLECTIONS) else [side])]
    elif isinstance(node, ast.Match):
        sides = [node.subject]
        patterns = [pattern for case in node.cases for pattern in ast.walk(case.pattern)]
        given = [pattern.value for pattern in patterns if isinstance(pattern, ast.MatchValue)]
    else:
        return None
    name = next(filter(None, map(scope.text_parameter, sides)), "")
    for each in given:
        if name and isinstance(each, ast.Constant) and isinstance(each.value, str):
            choices = [choice for choice in scope.texts[name] if choice is not None]
            if each.value not in choices:
                near = difflib.get_close_matches(each.value, choices, n=1)
                remedy = (
                    f"did you mean {near[0]!r}?" if near else f"write one of them, or add it to bs.choice of {name}"
                )
                expected = "one of " + ", ".join(map(repr, choices))
                return f"self.{name} is compared with {each.value!r}, which is no choice of it", expected, remedy
    return None


def _in_texts(scope: Scope, node: ast.AST) -> Found | None:
    """Find `self.kind in ("sma", "ema")`, which compiled code cannot do with texts."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
        name = scope.text_parameter(node.left)
        if name:
            remedy = f'write self.{name} == "..." or self.{name} == "..."'
            return f"{scope.method} is compiled, and cannot look for a text in a list", "== and != of texts", remedy
    return None


def _super(_scope: Scope, node: ast.AST) -> Found | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super":
        remedy = "put what both share into a method of its own, and call self.METHOD(...)"
        return "compiled code cannot call super()", "", remedy
    return None


def _statement(scope: Scope, node: ast.AST) -> Found | None:
    """Find statements and values that compiled code does not have."""
    if type(node) not in _STATEMENTS:
        return None
    name, remedy = _STATEMENTS[type(node)]
    return f"{scope.method} is compiled, and cannot use {name}", "numbers, if, for, while and calls", remedy


def _yields(_scope: Scope, node: ast.AST) -> Found | None:
    """Find a generator, which would never run."""
    if isinstance(node, (ast.Yield, ast.YieldFrom)):
        return "on_data yields, and so would never run", "requests to the broker", "call the broker, and return nothing"
    return None


def _asset_as_text(_scope: Scope, node: ast.AST) -> Found | None:
    """Find `bar.asset == "SPY"`, which is false for every bar."""
    if not isinstance(node, ast.Compare):
        return None
    sides = [node.left, *node.comparators]
    texts = [side for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)]
    if texts and any(isinstance(side, ast.Attribute) and side.attr == "asset" for side in sides):
        remedy = "assets are numbered in alphabetical order, from 0; to trade one asset, name it in data.assets"
        return "an asset is compared with a text, which is never equal", "bar.asset is the asset's number", remedy
    return None


def _negative_bar(scope: Scope, node: ast.AST) -> Found | None:
    """Find `data[-1]`, which compiled code reads from an earlier timestamp."""
    if not (isinstance(node, ast.Subscript) and scope.role(node.value) == "data"):
        return None
    if not (isinstance(node.slice, ast.UnaryOp) and isinstance(node.slice.op, ast.USub)):
        return None
    return "data[i] has the bars of this timestamp, and no earlier ones", "i from 0 to data.count - 1", EARLIER


RULES: tuple[Callable[[Scope, ast.AST], Found | None], ...] = (
    _broker_call,
    _clock,
    _module,
    _not_called,
    _position_as_number,
    _data_as_list,
    _by_name,
    _undefined,
    _text,
)
"""For any run, the likeliest first."""

COMPILED_RULES = (_in_texts, _foreign, _super, _statement)
"""For what Python can do and compiled code cannot."""

SILENT = (_yields, _asset_as_text, _negative_bar)
"""For what compiles and runs, and does not do what it says."""
