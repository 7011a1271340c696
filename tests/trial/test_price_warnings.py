import numpy as np
import pytest
from scenarios.scripted import bars, evaluator, flat

from backsweep.engine.codes import LIMIT, MARKET, STOP
from backsweep.strategy import Strategy, param, state

NAN = np.nan
NONE = 0.0
"""No such price, of a parameter: those cannot be NaN."""


class Bracket(Strategy):
    """Asks once, at a close of 100, for a bracket; then moves its stop to `moved`, if that is given."""

    units: float = param(-10.0, 10.0, default=1.0)
    kind: float = param(0.0, 5.0, default=0.0)
    limit: float = param(0.0, 1e3, default=1.0)
    stop: float = param(0.0, 1e3, default=1.0)
    loss: float = param(0.0, 1e3, default=1.0)
    target: float = param(0.0, 1e3, default=1.0)
    moved: float = param(0.0, 1e3, default=1.0)
    order: float = state(0.0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if self.order == 0:
            self.order = broker.submit_bracket(
                0,
                self.units,
                self.loss if self.loss > 0.0 else NAN,
                self.target if self.target > 0.0 else NAN,
                int(self.kind),
                self.limit if self.limit > 0.0 else NAN,
                self.stop if self.stop > 0.0 else NAN,
            )
        elif self.moved > 0.0:
            broker.update_order(broker.find_child(int(self.order), 2), stop_price=self.moved)


class Stop(Strategy):
    """Asks once, at a close of 100, for a stop, or a limit order, of no parent."""

    units: float = param(-10.0, 10.0, default=1.0)
    kind: float = param(0.0, 5.0, default=0.0)
    price: float = param(0.0, 1e3, default=1.0)
    asked: float = state(0.0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if self.asked == 0:
            self.asked = broker.submit_order(0, self.units, int(self.kind), self.price, self.price)


@pytest.fixture(scope="module")
def bracket():
    names = ("units", "kind", "limit", "stop", "loss", "target", "moved")
    engine = evaluator(bars(*flat(100, 6)), Bracket, params=names)

    def said(units, loss, target, kind=MARKET, limit=NONE, stop=NONE, moved=0.0):
        values = np.array([units, kind, limit, stop, loss, target, moved])
        return [each for each in engine.replay(values, compiled=False).warnings if "submitted" in each]

    return said


@pytest.fixture(scope="module")
def single():
    engine = evaluator(bars(*flat(100, 6)), Stop, params=("units", "kind", "price"))

    def said(units, kind, price):
        return [
            each
            for each in engine.replay(np.array([units, kind, price]), compiled=False).warnings
            if "submitted" in each
        ]

    return said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((10, 105.0, NONE), "1 of 1 stops submitted: on the wrong side of the price"),
        ((-10, 95.0, NONE), "1 of 1 stops submitted: on the wrong side of the price"),
        ((10, NONE, 95.0), "1 of 1 targets submitted: on the wrong side of the price"),
        ((-10, NONE, 105.0), "1 of 1 targets submitted: on the wrong side of the price"),
        ((10, 95.0, NONE, LIMIT, 90.0), "close 100, entry 90); the stop of a long position belongs below its entry"),
        ((10, NONE, 105.0, STOP, NONE, 110.0), "close 100, entry 110); the target of a long position belongs above"),
        ((10, 0.05, NONE), "0.05 looks like 5 %; a price is expected: bar.close * (1.0 - 0.05)"),
        ((10, NONE, 0.1), "0.1 looks like 10 %; a price is expected: bar.close * (1.0 + 0.1)"),
        ((-10, 0.05, NONE), "bar.close * (1.0 + 0.05)"),
        ((-10, NONE, 0.1), "bar.close * (1.0 - 0.1)"),
    ],
)
def test_a_misplaced_price_of_a_bracket_is_told_once(bracket, asked, said):
    (found,) = bracket(*asked)
    assert said in found


@pytest.mark.parametrize(
    "asked",
    [
        (10, 95.0, 105.0),
        (-10, 105.0, 95.0),
        (10, 100.0, 100.0),
        (10, 85.0, 95.0, LIMIT, 90.0),  # below the close, and above the entry
        (10, 105.0, 115.0, STOP, NONE, 110.0),  # above the close, and below the entry
        (10, 102.0, 103.0, LIMIT, 105.0),  # beyond the market: fills between the close and its limit
        (-10, 95.0, 85.0, STOP, NONE, 90.0),
    ],
)
def test_a_bracket_around_its_entry_shows_nothing(bracket, asked):
    assert bracket(*asked) == []


def test_a_stop_that_is_moved_later_is_judged_as_it_was_submitted(bracket):
    assert bracket(10, 95.0, NONE, moved=110.0) == []
    assert len(bracket(10, 105.0, NONE, LIMIT, 90.0, moved=80.0)) == 1


def test_stops_of_no_parent_belong_to_where_they_are_not_triggered_at_once(single):
    assert "a buy stop belongs above the price" in single(10, STOP, 95.0)[0]
    assert "a sell stop belongs below the price" in single(-10, STOP, 105.0)[0]
    assert single(10, STOP, 105.0) == single(-10, STOP, 95.0) == []


def test_a_limit_order_beyond_the_market_is_legal(single):
    assert single(10, LIMIT, 105.0) == single(-10, LIMIT, 95.0) == []


def test_the_first_is_told_with_its_numbers(single):
    (found,) = single(10, STOP, 95.0)
    assert "(the first: 10 A at 2024-01-01 00:00:00, stop 95, close 100); a buy stop belongs above" in found
