"""What user code supplies: one class with parameters, features and `on_data`."""

from backsweep.strategy.bind import Bound, BoundParts, bind
from backsweep.strategy.combination import Combination, Part, is_plain, part, parts_of
from backsweep.strategy.declare import Strategy, crosses, fits, numbers_of, to_row
from backsweep.strategy.explain import ask, explain, find_failed, head_of
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
from backsweep.strategy.part_broker import broker_of_part
from backsweep.strategy.per_asset import PerAsset
from backsweep.strategy.sources import Code, is_installed
from backsweep.strategy.wake import Comparison, Condition, above, below, held_for, never

__all__ = [
    "Bound",
    "BoundModel",
    "BoundParts",
    "Code",
    "Combination",
    "CommissionModel",
    "Comparison",
    "Condition",
    "CostModel",
    "Fill",
    "Higher",
    "Param",
    "Part",
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
    "broker_of_part",
    "choice",
    "crosses",
    "explain",
    "find_code",
    "find_failed",
    "find_file",
    "fits",
    "head_of",
    "held_for",
    "higher",
    "is_installed",
    "is_plain",
    "load_class",
    "load_function",
    "load_strategy",
    "modules_of",
    "never",
    "numbers_of",
    "param",
    "part",
    "parts_of",
    "reference_of",
    "state",
    "to_row",
]
