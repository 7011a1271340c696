"""What type checkers know of a fill is what it has."""

from backsweep.engine.tables import FILL
from backsweep.strategy import Fill


def test_the_annotated_fields_of_a_fill_are_those_of_the_engine():
    assert tuple(name for name in Fill.__annotations__ if not name.startswith("_")) == FILL.names
