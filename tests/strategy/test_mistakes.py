"""What a line of a strategy shows: each line is a mistake that a newcomer makes, with what is said of it."""

import numpy as np
import pytest
from scenarios.scripted import bars, evaluator, flat

from backsweep.errors import StrategyError
from backsweep.strategy import load_strategy
from backsweep.strategy.mistakes import find_mistake, refuse

HEAD = """import datetime
import math
import numpy as np
import polars as pl
import backsweep as bs


class Mine(bs.Strategy):
    last: float = bs.state(0.0)

"""
ON_DATA = "    def on_data(self, timestamp, data, context, broker):\n"
LINE = HEAD.count("\n") + 2

SHOWN = [
    ('broker.submit_order(0, 1, order_type="market")', "order_type is text", "order_type=bs.MARKET"),
    ('broker.submit_order(0, 1, tif="day")', "tif is text", "tif=bs.DAY"),
    ('broker.submit_order(0, "buy", 1)', "quantity is text", "without quotes"),
    ('broker.submit_order("SPY", 1)', "asset is text", "bar.asset"),
    ("broker.submit_order(0, 1, limit_price=None)", "limit_price is None", "leave limit_price out"),
    ("broker.submit_order(0, 1, price=100.0)", "no argument 'price'", "'limit_price'"),
    ("broker.submit_order()", "without asset and quantity", "add asset"),
    ("broker.close_position(0, 1.0)", "too many arguments", "it takes 1 at most"),
    ("broker.submit_order(0, 1, order_type=bs.MKT)", "bs has no 'MKT'", "bs.MARKET"),
    ("x = np.sqroot(4.0)", "np has no 'sqroot'", "np.sqrt"),
    ("x = timestamp.hour", "timestamp has no 'hour'", "bar.time_of_day is the minute of the local day"),
    ("x = datetime.datetime(2020, 1, 1)", "cannot use datetime", "bar.time_of_day is the minute of the local day"),
    ("x = pl.Series([1.0])", "cannot use polars", "features()"),
    ("x = data[0].close > broker.get_cash", "get_cash is a method", "parentheses"),
    ("x = broker.get_position(0) > 0", "position is not a number", "broker.get_position(0).quantity"),
    ("x = not data", "neither true nor false", "at least one bar"),
    ("x = len(data)", "data is not a list", "data.count"),
    ("x = [bar.close for bar in data]", "data is not a list", "data[i]"),
    ('x = data["SPY"]', "not a name", "bar.asset"),
    ("x = data[0:2]", "cannot be sliced", "shift(1)"),
    ('x = data[0]["close"]', "not by a text in brackets", "write data[0].close"),
    ("x = self.last[0]", "is one number", "per_asset=True"),
    ("broker.submit_order(0, size)", "undefined name 'size'", "self.NAME"),
    ('self.last = "long"', "cannot be 'long'", "give each case a number"),
    ("self.last = None", "cannot be None", "math.nan"),
    ('x = data[0].close / "2"', "the text '2'", "without quotes"),
    ("xs = []", "empty list", "bs.state"),
    ("import math as m", "cannot use import", "top of the file"),
    ("x = {}", "cannot use a dict", "per_asset=True"),
    ("super().on_data(timestamp, data, context, broker)", "super()", "self.METHOD"),
]

SILENT = [
    ('x = data[0].asset == "SPY"', "never equal", "data.assets"),
    ("yield 1", "never run", "call the broker"),
    ("x = data[-1].close", "no earlier ones", "shift(1)"),
]


@pytest.fixture
def write(tmp_path):
    """Write a strategy whose methods are given, and load it."""

    def written(methods):
        path = tmp_path / "mine.py"
        path.write_text(HEAD + methods)
        return load_strategy(f"{path}:Mine")

    return written


@pytest.mark.parametrize(("code", "problem", "remedy"), SHOWN, ids=[code for code, *_ in SHOWN])
def test_a_line_shows_its_mistake(code, problem, remedy, write):
    found = find_mistake(write(f"{ON_DATA}        {code}\n").on_data, LINE, compiled=True)
    assert found is not None
    assert found.line == LINE
    assert problem in found.problem
    assert remedy in found.remedy


@pytest.mark.parametrize(
    "code",
    [
        "broker.submit_order(data[0].asset, 1, order_type=bs.LIMIT, limit_price=data[0].close)",
        "x = [data[i].close for i in range(data.count)]",
        "x = broker.get_position(0).quantity > 0.0 and np.sqrt(4.0) > math.pi",
        "self.last = -1.0",
    ],
)
def test_a_line_without_a_mistake_shows_none(code, write):
    assert find_mistake(write(f"{ON_DATA}        {code}\n").on_data, LINE, compiled=True) is None


@pytest.mark.parametrize(("code", "problem", "remedy"), SILENT, ids=[code for code, *_ in SILENT])
def test_what_would_pass_in_silence_is_refused_before_it_runs(code, problem, remedy, write):
    cls = write(f"{ON_DATA}        {code}\n")
    with pytest.raises(StrategyError) as caught:
        refuse(cls, cls.on_data)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert caught.value.where.endswith(f"mine.py, line {LINE}")
    assert caught.value.found == f"`{code}`"


@pytest.mark.parametrize(
    ("head", "remedy"),
    [
        ("    def on_data(self, data, broker):", "add timestamp, context"),
        ("    def on_data(self, data, timestamp, context, broker):", "put the arguments in this order"),
        ("    def on_data(timestamp, data, context, broker):", "add self"),
        ("    def on_data(self, timestamp, data, context, broker, extra):", "remove the arguments after broker"),
        ("    @staticmethod\n    def on_data(timestamp, data, context, broker):", "remove the decorator"),
    ],
)
def test_wrong_arguments_of_on_data_are_refused(head, remedy, write):
    cls = write(f"{head}\n        pass\n")
    with pytest.raises(StrategyError, match="on_data has the wrong arguments") as caught:
        refuse(cls, cls.on_data)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("name", ["next", "on_bar", "ondata"])
def test_a_method_that_is_on_data_elsewhere_is_named(name, write):
    cls = write(f"    def {name}(self):\n        pass\n")
    with pytest.raises(StrategyError, match="does not define on_data") as caught:
        refuse(cls, cls.on_data)
    assert caught.value.remedy == f"rename {name} to on_data, with these arguments"


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
def test_the_error_of_a_run_names_file_line_code_and_remedy(compiled, write):
    code = 'broker.submit_order(0, 1, order_type="market")'
    engine = evaluator(bars(*flat(100, 4)), write(f"{ON_DATA}        {code}\n"))
    with pytest.raises(StrategyError) as caught:
        engine.replay(np.empty(0), compiled=compiled)
    error = caught.value
    assert error.problem == "broker.submit_order: order_type is text"
    assert error.where.endswith(f"mine.py, line {LINE}")
    assert (error.found, error.remedy) == (f"`{code}`", "write order_type=bs.MARKET")
    assert "numba" not in str(error).lower()
