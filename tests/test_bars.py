"""What type checkers know of a bar is what it has."""

from backsweep.bars import PRICES_AND_VOLUME, Bar


def test_the_annotated_fields_of_a_bar_are_prices_and_volume():
    assert tuple(name for name in Bar.__annotations__ if not name.startswith("_")) == PRICES_AND_VOLUME
