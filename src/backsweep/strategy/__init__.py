"""What user code supplies: one class with parameters, features and `on_data`."""

from backsweep.strategy.bind import Bound, bind
from backsweep.strategy.declare import Param, StateVariable, Strategy, choice, param, state
from backsweep.strategy.explain import explain
from backsweep.strategy.load import load_strategy
from backsweep.strategy.wake import Condition, above, below

__all__ = [
    "Bound",
    "Condition",
    "Param",
    "StateVariable",
    "Strategy",
    "above",
    "below",
    "bind",
    "choice",
    "explain",
    "load_strategy",
    "param",
    "state",
]
