"""What user code supplies: one class with parameters, features and `on_data`."""

from backsweep.strategy.bind import Bound, bind
from backsweep.strategy.declare import Param, StateVariable, Strategy, choice, param, state
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
    "param",
    "state",
]
