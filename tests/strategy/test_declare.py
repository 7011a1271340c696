import math
import sys
from typing import Literal

import pytest

from backsweep.errors import StrategyError
from backsweep.strategy import (
    CommissionModel,
    Param,
    PerAsset,
    SlippageModel,
    Strategy,
    choice,
    numbers_of,
    param,
    state,
    to_row,
)


class Declared(Strategy):
    entry: float = param(0.5, 3.0)
    window: int = param(4, 100, log=True)
    step: float = param(0.0, 1.0, step=0.25, default=0.5)
    side: int = choice([1, -1])
    trail: bool = choice([True, False])
    both: float = choice([1, 2.5], default=2.5)
    count: int = state(3)
    last: float = state(-1.0, per_asset=True)


def test_declared_parameters_keep_their_order_and_what_was_said_of_them():
    assert Declared.declared() == {
        "entry": Param(low=0.5, high=3.0, default=1.75),
        "window": Param(low=4, high=100, log=True, default=20, integer=True),
        "step": Param(low=0.0, high=1.0, step=0.25, default=0.5),
        "side": Param(choices=(1, -1), default=1, integer=True),
        "trail": Param(choices=(True, False), default=True),
        "both": Param(choices=(1, 2.5), default=2.5),
    }


def test_variables_of_the_run_are_not_parameters():
    assert set(Declared._states) == {"count", "last"}
    assert Declared._states["last"].per_asset


def test_an_instance_holds_its_values_in_their_types():
    strategy = Declared(entry=2, window=7.0, trail=0)
    values = strategy.values()
    assert values == {"entry": 2.0, "window": 7, "step": 0.5, "side": 1, "trail": False, "both": 2.5}
    assert [type(value) for value in values.values()] == [float, int, float, int, bool, float]


def test_a_default_is_the_middle_or_the_first_choice():
    values = Declared().values()
    assert values["entry"] == 1.75
    assert values["window"] == round(math.sqrt(4 * 100))
    assert values["side"] == 1


def test_a_default_on_a_grid_is_on_the_grid():
    class Gridded(Strategy):
        level: float = param(1.0, 2.0, step=0.3)

    assert Gridded().values()["level"] == pytest.approx(1.6)


def test_a_type_follows_from_the_value_where_none_is_written():
    class Bare(Strategy):
        whole = param(1, 5)
        fraction = param(1.0, 5.0)
        flag = choice([False, True])

    assert [each.integer for each in Bare.declared().values()] == [True, False, False]
    assert type(Bare().values()["flag"]) is bool


def test_texts_and_none_are_choices_and_keep_their_types():
    class Coded(Strategy):
        kind: str = choice(["sma", "ema"], default="ema")
        stop: float | None = choice([None, 1, 2.5])
        bars: "int | None" = choice([5, None])
        side: bool | None = choice([None, True])
        exit = choice([None, "cross"], default="cross")
        mode: Literal["a", "b"] = choice(["a", "b"])

    values = Coded().values()
    assert values == {"kind": "ema", "stop": None, "bars": 5, "side": None, "exit": "cross", "mode": "a"}
    assert Coded.declared()["stop"].choices == (None, 1.0, 2.5)
    assert type(Coded.declared()["stop"].choices[1]) is float
    assert numbers_of(Coded(stop=2.5, side=True)) == {"kind": 1, "stop": 2, "bars": 0, "side": 1, "exit": 1, "mode": 0}
    assert Coded.declared()["stop"].value(2.0) == 2.5
    assert to_row({"kind": "sma", "costs.rate": 0.5}, Coded.declared(), ["kind", "stop", "costs.rate"]).tolist()[
        ::2
    ] == [
        0.0,
        0.5,
    ]
    for wrong in ({"kind": "wma"}, {"kind": None}, {"stop": 3.0}, {"side": 1}, {"bars": "5"}):
        with pytest.raises(StrategyError, match=rf"Coded\.{next(iter(wrong))} cannot be"):
            Coded(**wrong)


def test_choices_fit_their_annotation():
    with pytest.raises(StrategyError, match="another type than its choices have"):

        class Wrong(Strategy):
            kind: int = choice(["sma", "ema"])

    with pytest.raises(StrategyError, match=r"is an int, and cannot be 2\.5"):

        class Fraction(Strategy):
            bars: int | None = choice([None, 2.5])


def test_a_subclass_inherits_and_overrides():
    class Wider(Declared):
        entry: float = param(0.0, 10.0)
        extra: float = param(0.0, 1.0)

    assert Wider.declared()["entry"].high == 10.0
    assert set(Wider.declared()) == {*Declared.declared(), "extra"}
    assert "extra" not in Declared.declared()
    assert Declared.declared()["entry"].high == 3.0


def test_a_boolean_parameter_has_two_choices():
    class Flag(Strategy):
        on: bool = param(0, 1)

    assert Flag.declared()["on"].choices == (False, True)


@pytest.mark.parametrize(
    ("declare", "problem"),
    [
        (lambda: param(2.0, 1.0), "range is empty"),
        (lambda: param(0.0, math.inf), "parameter's high is not a finite number"),
        (lambda: param(math.nan, 1.0), "parameter's low is not a finite number"),
        (lambda: param(0.0, 1.0, step=math.nan), "parameter's step is not a finite number"),
        (lambda: param(0.0, 1.0, default=math.nan), "parameter's default is not a finite number"),
        (lambda: param("a", "b"), "parameter's low is not a finite number"),
        (lambda: choice([0.02, math.nan]), "choice is not a finite number"),
        (lambda: choice([0.02, -math.inf]), "choice is not a finite number"),
        (lambda: choice([0.02, 10**400]), "choice is not a finite number"),
        (lambda: choice([0.02], default=math.nan), "choice is not a finite number"),
        (lambda: param(0.0, 1.0, default=5.0), "default is outside of its range"),
        (lambda: choice([0.02, 0.05], default=0.03), "default is not one of its alternatives"),
        (lambda: choice(0.02), "among numbers, booleans or texts"),
        (lambda: state(None), "must begin with a number"),
        (lambda: param(0.0, 1.0, log=True), "must be positive"),
        (lambda: param(0.0, 1.0, step=0.0), "step must be positive"),
        (lambda: choice([]), "among numbers, booleans or texts"),
        (lambda: choice([None]), "among numbers, booleans or texts"),
        (lambda: choice(["fast", 2]), "among numbers, booleans or texts"),
        (lambda: choice([None, True, 2]), "among numbers, booleans or texts"),
        (lambda: choice(["fast", "fast"]), "a choice is there twice"),
        (lambda: choice(["fast", "slow"], default="medium"), "default is not one of its alternatives"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_an_error(declare, problem):
    with pytest.raises(StrategyError, match=problem):
        declare()


def test_a_declaration_is_refused_with_its_line_and_its_code():
    line = sys._getframe().f_lineno + 2
    with pytest.raises(StrategyError) as caught:
        param(3, 1)
    assert caught.value.where == f"{__file__}, line {line}"
    assert caught.value.found == "`param(3, 1)`: 3 to 1"
    assert caught.value.remedy == "write bs.param(1, 3)"


def test_a_whole_number_cannot_be_declared_by_fractions():
    with pytest.raises(StrategyError, match=r"Half\.window is an int, and cannot be 0\.5") as caught:

        class Half(Strategy):
            window: int = param(0.5, 3.0)

    assert caught.value.found == "`window: int = param(0.5, 3.0)`: 0.5"


def test_an_init_that_leaves_out_the_parameters_is_refused():
    class Own(Declared):
        def __init__(self):
            self.orders = 0

    with pytest.raises(StrategyError, match="leaves the parameters without values"):
        Own().values()


def test_a_type_that_compiled_code_cannot_hold_is_an_error():
    with pytest.raises(StrategyError, match=r"Texts\.name has a type that compiled code cannot hold"):

        class Texts(Strategy):
            name: str = param(0, 1)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"entri": 1.0}, "no parameter 'entri'"),
        ({"entry": "high"}, "entry cannot be 'high'"),
        ({"window": 2.5}, "window cannot be 2.5"),
        ({"window": math.nan}, "window cannot be nan"),
        ({"window": math.inf}, "window cannot be inf"),
        ({"window": 2**63}, "window cannot be 9223372036854775808"),
        ({"entry": math.nan}, "entry cannot be nan"),
        ({"entry": -math.inf}, "entry cannot be -inf"),
        ({"trail": math.nan}, "trail cannot be nan"),
        ({"count": 5}, "no parameter 'count'"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error(values, problem):
    with pytest.raises(StrategyError, match=problem):
        Declared(**values)


def test_values_beyond_the_range_are_the_sweeps_business():
    assert Declared(entry=99.0).values()["entry"] == 99.0


PER_ASSET = [PerAsset[float], "PerAsset[float]", "bs.PerAsset[float]", "float", float]


@pytest.mark.parametrize("annotation", PER_ASSET, ids=str)
def test_a_variable_for_each_asset_is_annotated_by_its_value_or_as_what_it_is(annotation):
    body = {"last": state(0, per_asset=True), "__annotations__": {"last": annotation}}
    assert type("Annotated", (Strategy,), body)._kinds == {"last": "f8"}


@pytest.mark.parametrize("base", [Strategy, CommissionModel, SlippageModel])
def test_a_type_that_compiled_code_cannot_hold_is_refused_with_its_line(base):
    with pytest.raises(StrategyError) as raised:

        class Texts(base):
            name: str = param(0, 1)

    assert raised.value.where.startswith(f"{__file__}, line ")
    assert raised.value.found.startswith("`name: str = param(0, 1)`")


@pytest.mark.parametrize("declared", [param(0, 1), state(0)])
@pytest.mark.parametrize(
    ("base", "name"),
    [(Strategy, "fitted"), (Strategy, "fit"), (Strategy, "values"), (CommissionModel, "charge"), (Declared, "wake")],
)
def test_the_name_of_what_the_base_has_is_refused(base, name, declared):
    with pytest.raises(StrategyError, match=f"Taken.{name} has a name that is taken"):
        type("Taken", (base,), {name: declared})


@pytest.mark.parametrize("declared", [state(0, per_asset=True), state(0)])
def test_an_annotation_for_each_asset_has_to_fit(declared):
    annotation = "bs.PerAsset[str]" if declared.per_asset else "bs.PerAsset[int]"
    with pytest.raises(StrategyError, match="a type that compiled code cannot hold"):
        type("Wrong", (Strategy,), {"last": declared, "__annotations__": {"last": annotation}})


def test_a_strategy_without_on_data_says_so():
    class Idle(Strategy):
        pass

    with pytest.raises(StrategyError, match="Idle does not define on_data"):
        Idle().on_data(0, None, None, None)


def test_a_value_that_is_set_later_has_to_fit_as_well():
    strategy = Declared()
    strategy.entry = math.nan
    with pytest.raises(StrategyError, match="entry cannot be nan"):
        strategy.values()
