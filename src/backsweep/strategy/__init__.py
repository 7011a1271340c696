"""What user code supplies: one class with parameters, features and `on_data`."""

from backsweep.strategy.bind import Bound, bind
from backsweep.strategy.declare import Strategy, crosses, fits, numbers_of, to_row
from backsweep.strategy.explain import ask, explain, head_of
from backsweep.strategy.fields import Param, StateVariable, Value, choice, param, state
from backsweep.strategy.higher import Higher, higher
from backsweep.strategy.load import (
    find_code,
    find_file,
    load_class,
    load_function,
    load_strategy,
    modules_of,
    reference_of,
)
from backsweep.strategy.models import BoundModel, CommissionModel, CostModel, Fill, SlippageModel, bind_model
from backsweep.strategy.per_asset import PerAsset
from backsweep.strategy.sources import Code, is_installed
from backsweep.strategy.wake import Comparison, Condition, above, below, held_for, never

__all__ = [
    "Bound",
    "BoundModel",
    "Code",
    "CommissionModel",
    "Comparison",
    "Condition",
    "CostModel",
    "Fill",
    "Higher",
    "Param",
    "PerAsset",
    "SlippageModel",
    "StateVariable",
    "Strategy",
    "Value",
    "above",
    "ask",
    "below",
    "bind",
    "bind_model",
    "choice",
    "crosses",
    "explain",
    "find_code",
    "find_file",
    "fits",
    "head_of",
    "held_for",
    "higher",
    "is_installed",
    "load_class",
    "load_function",
    "load_strategy",
    "modules_of",
    "never",
    "numbers_of",
    "param",
    "reference_of",
    "state",
    "to_row",
]
