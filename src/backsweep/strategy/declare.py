"""What a strategy class declares: parameters to sweep, memory of a run, features, and when it must wake.

    class Threshold(bs.Strategy):
        entry: float = bs.param(0.5, 3.0)
        window: int = bs.param(5, 100, log=True)
        last_exit: int = bs.state(-1, per_asset=True)

The annotation gives the type: float, int or bool, of choices also str, each of them or None; of a per-asset variable
PerAsset[float] and so on, which is what `self.last_exit` is. An instance holds one value for each parameter.

To type checkers a strategy is a class of keyword arguments, one for each annotated parameter, all with defaults.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

import numpy as np

from backsweep.errors import StrategyError
from backsweep.figures.card import make_card
from backsweep.strategy.fields import (
    Number,
    Param,
    StateVariable,
    Value,
    is_finite,
    resolve_param,
    resolve_state,
    state,
)

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from backsweep.bars import Data
    from backsweep.broker import Broker
    from backsweep.strategy.higher import Higher
    from backsweep.strategy.wake import Condition

HOOKS = ("features", "cross_features", "fit", "wake", "wake_held")
"""A strategy's methods that are called outside of a run, and never compiled."""


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(state,))
class Declared:
    """What user code declares on a class: its parameters, and, for a strategy, its memory."""

    _params: ClassVar[dict[str, Param]] = {}
    _states: ClassVar[dict[str, StateVariable]] = {}
    _kinds: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Collect what the class declares."""
        super().__init_subclass__(**keywords)
        cls._params, cls._states, cls._kinds = dict(cls._params), dict(cls._states), dict(cls._kinds)
        annotations = inspect.get_annotations(cls)
        for name, value in list(vars(cls).items()):
            if isinstance(value, Param):
                cls._kinds[name], cls._params[name] = resolve_param(cls, name, value, annotations)
            elif isinstance(value, StateVariable):
                cls._kinds[name] = resolve_state(cls, name, value, annotations)
                cls._states[name] = value

    def __init__(self, **values: Value) -> None:
        """Return every parameter its value, or its default."""
        for name, declared in self._params.items():
            setattr(self, name, _checked(type(self), name, values.pop(name, declared.default)))
        if values:
            raise StrategyError(
                f"{type(self).__name__} has no parameter {next(iter(values))!r}",
                expected=f"one of {', '.join(self._params) or 'none'}",
                remedy="declare it on the class with bs.param or bs.choice",
            )

    @classmethod
    def declared(cls) -> dict[str, Param]:
        """Return the declared parameters by name, in order of declaration."""
        return dict(cls._params)

    def values(self) -> dict[str, Value]:
        """Return this instance's parameters by name; StrategyError for one that is not set, or wrong."""
        values = {name: getattr(self, name) for name in self._params}
        if any(isinstance(value, Param) for value in values.values()):
            raise StrategyError(
                f"{type(self).__name__}.__init__ leaves the parameters without values",
                where=inspect.getsourcefile(type(self)) or "",
                expected="no __init__, or one that calls super().__init__(**values)",
                remedy="declare parameters with bs.param and variables of the run with bs.state, and remove __init__",
            )
        return {name: _checked(type(self), name, value) for name, value in values.items()}

    def _repr_html_(self) -> str:
        """Return the parameters with their values and ranges, as notebooks show them."""
        values = self.values()
        rows = [(name, f"{values[name]}", _describe(declared)) for name, declared in self._params.items()]
        texts = [] if rows else ["It declares no parameter."]
        return make_card(type(self).__name__, texts, headings=("parameter", "value", "searched"), rows=rows)


class Strategy(Declared):
    """The base of every strategy: declare parameters on the class and decide in `on_data`."""

    fitted: ClassVar[Any] = None
    """What `fit` has returned for the fold at hand; for `features`."""

    def fit(self, train: pl.DataFrame) -> Any:  # noqa: ARG002 - the protocol
        """Return what `features` may use as `self.fitted`, made of a fold's training alone; optional.

        `train` has the bars of all assets in the training, by timestamp and asset: `timestamp` (a Datetime on the clock
        of the data), `asset` (its name), prices, `volume` and the signals. Called once for each fold and each set of
        the parameters that it reads, in each worker process; it must return the same for the same frame.
        """
        return None

    def features(self) -> Mapping[str, pl.Expr | Higher]:
        """Return columns that depend on the parameters, as Polars expressions, or what `bs.higher` returns, by name.

        Each is evaluated for every asset by itself, over its bars in order of time, and read as `bar.NAME`. The columns
        are `timestamp` (a Datetime on the clock of the data), `session` (the number of the trading day), `time_of_day`
        (whole minutes since midnight), prices, `volume` and the signals. A feature may look at the present bar and
        those before it alone; a name that the data have is refused.
        """
        return {}

    def cross_features(self) -> Mapping[str, pl.Expr]:
        """Return columns that compare the assets, as Polars expressions by name.

        Each is evaluated over the bars of all assets at one timestamp, and read as `bar.NAME`: a rank, a distance from
        the mean, another asset's price. `asset` is the asset's name here, and the other columns are those of
        `features`, whose names can be used as well; a feature can use the names of cross features in turn, such as to
        look back on a spread. A missing value is null, which ranks and means leave out. It needs `account.mode:
        shared`.
        """
        return {}

    def wake(self) -> Condition | None:
        """Return when `on_data` has something to decide while there is no position and no order; None: always.

        A condition, made of `bs.above` and `bs.below`, is a promise that `on_data` does nothing where it does not hold
        for any bar: it changes the speed, never the result. `backsweep check` compares both.
        """
        return None

    def wake_held(self) -> Condition | None:
        """Return when `on_data` has something to decide while there is a position or an order; None: always.

        As `wake`, with `bs.held_for` and `bs.never`. A fill by itself wakes nobody.
        """
        return None

    def on_data(self, timestamp: int, data: Data[Any], context: Any, broker: Broker) -> None:  # noqa: ARG002 - the protocol
        """Decide, at the close of one timestamp; what is asked of the broker happens afterwards.

        `timestamp` is when its bars ended, int64 nanoseconds UTC.
        """
        raise StrategyError(
            f"{type(self).__name__} does not define on_data",
            expected="def on_data(self, timestamp, data, context, broker)",
        )


def numbers_of(instance: Declared) -> dict[str, Number]:
    """Return an instance's parameters as records and arrays have them: of texts and None their codes."""
    declared = instance.declared()
    return {name: declared[name].number(value) for name, value in instance.values().items()}


def to_row(values: Mapping[str, Value], declared: Mapping[str, Param], names: Iterable[str]) -> NDArray[np.float64]:
    """Return values by name as a trial's array of numbers has them, float64[names]: NaN for a name without a value.

    That is a parameter which its condition rules out. A name that is not declared is a dotted key of the sweep file.
    """
    row = [
        math.nan if name not in values else declared[name].number(values[name]) if name in declared else values[name]
        for name in names
    ]
    return np.array(row, np.float64)


def fits(cls: type[Strategy]) -> bool:
    """Return whether a strategy has a model that is trained for each fold."""
    return cls.fit is not Strategy.fit


def crosses(cls: type[Strategy]) -> bool:
    """Return whether a strategy has features over all assets of a timestamp."""
    return cls.cross_features is not Strategy.cross_features


def _describe(declared: Param) -> str:
    if declared.choices is not None:
        return "one of " + ", ".join(
            choice if isinstance(choice, str) else str(choice).lower() for choice in declared.choices
        )
    step = f", steps of {declared.step:g}" if declared.step is not None else ""
    kind = ", whole numbers" if declared.integer and not step else ""
    return f"{declared.low:g} to {declared.high:g}{step}{kind}" + (", logarithmic" if declared.log else "")


def _checked(cls: type[Declared], name: str, value: Any) -> Value:
    """Return the value in the parameter's type; the range is the sweep's business, not the strategy's."""
    kind, param = cls._kinds[name], cls._params[name]
    if param.coded and param.choices is not None:
        place = param.place(value)
        if place is None:
            expected = "one of " + ", ".join(map(repr, param.choices))
            raise StrategyError(f"{cls.__name__}.{name} cannot be {value!r}", expected=expected, found=repr(value))
        return param.choices[place]
    if not is_finite(value) or (kind == "i8" and (value != int(value) or abs(value) >= 2**63)):
        raise StrategyError(
            f"{cls.__name__}.{name} cannot be {value!r}",
            expected={"f8": "a finite number", "i8": "a whole number below 2^63", "b1": "true or false"}[kind],
            found=repr(value),
        )
    if param.least is not None and value < param.least:
        expected = f"{param.least:g} or more"
        raise StrategyError(f"{cls.__name__}.{name} cannot be {value!r}", expected=expected, found=repr(value))
    number: Value = {"f8": float, "i8": int, "b1": bool}[kind](value)
    return number
