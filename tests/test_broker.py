"""What type checkers know of the views is what the views have."""

import pytest

from backsweep.broker import PRICES_AND_VOLUME, Bar, Order, Position
from backsweep.engine.tables import FILL
from backsweep.strategy import Fill


@pytest.mark.parametrize(
    ("view", "fields"),
    [(Position, Position.__slots__), (Order, Order.__slots__), (Bar, PRICES_AND_VOLUME), (Fill, FILL.names)],
)
def test_the_annotated_fields_of_a_view_are_its_fields(view, fields):
    assert sorted(name for name in view.__annotations__ if not name.startswith("_")) == sorted(fields)
