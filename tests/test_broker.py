"""What type checkers know of positions and orders is what these have."""

import pytest

from backsweep.broker import Order, Position


@pytest.mark.parametrize("view", [Position, Order])
def test_the_annotated_fields_of_a_view_are_its_slots(view):
    assert tuple(view.__annotations__) == view.__slots__
