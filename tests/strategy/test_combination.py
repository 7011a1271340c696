import numpy as np
import pytest

import backsweep as bs
from backsweep.errors import StrategyError
from backsweep.strategy import bind, parts_of


class Trend(bs.Strategy):
    window: int = bs.param(5, 50, default=20)
    kind: str = bs.choice(["sma", "ema"])
    held: int = bs.state(3)
    last: bs.PerAsset[float] = bs.state(1.5, per_asset=True)

    def on_data(self, timestamp, data, context, broker):
        pass


class Reversion(bs.Strategy):
    window: int = bs.param(2, 9)

    def on_data(self, timestamp, data, context, broker):
        pass


class Both(bs.Combination):
    trend: Trend = bs.part(Trend, weight=0.6)
    reversion: Reversion = bs.part(Reversion, weight=bs.param(0.1, 0.5))


def test_parameters_are_those_of_the_parts_with_a_weight_each():
    assert list(Both.declared()) == [
        "trend.window",
        "trend.kind",
        "trend.weight",
        "reversion.window",
        "reversion.weight",
    ]
    assert Both.declared()["trend.window"] == Trend.declared()["window"]
    assert Both.declared()["trend.weight"].choices == (0.6,)
    assert (Both.declared()["reversion.weight"].low, Both.declared()["reversion.weight"].high) == (0.1, 0.5)
    assert not Both.declared()["reversion.weight"].integer


def test_values_are_given_by_instances_and_by_dotted_names():
    both = Both(trend=Trend(window=7, kind="ema"), **{"reversion.weight": 0.25})
    assert both.values() == {
        "trend.window": 7,
        "trend.kind": "ema",
        "trend.weight": 0.6,
        "reversion.window": 6,
        "reversion.weight": 0.25,
    }
    assert type(both.trend) is Trend
    assert both.trend.values() == {"window": 7, "kind": "ema"}


def test_a_weight_from_whole_numbers_is_not_a_whole_number():
    class Whole(bs.Combination):
        one: Trend = bs.part(Trend, weight=bs.param(0, 1))

    assert not Whole.declared()["one.weight"].integer
    assert Whole(**{"one.weight": 0.3}).values()["one.weight"] == 0.3


def test_a_parameter_of_the_strategy_called_weight_has_another_name():
    class One(bs.Combination):
        trend: Weighted = bs.part(Weighted, weight=0.5)

    one = One(trend=Weighted(weight=0.125))
    assert list(One.declared()) == ["trend.window", "trend.kind", "trend.own_weight", "trend.weight"]
    assert (one.values()["trend.own_weight"], one.values()["trend.weight"]) == (0.125, 0.5)
    assert one.trend.weight == 0.125
    values = bind(One).new_values(one)["trend"]
    assert (values["values"]["weight"][0], values["weight"][0]) == (0.125, 0.5)


def test_a_subclass_has_the_parts_of_its_base_and_may_replace_them():
    class Other(Both):
        trend: Reversion = bs.part(Reversion)

    assert list(Other.parts()) == ["trend", "reversion"]
    assert "trend.kind" not in Other.declared()
    assert Other(trend=Reversion(window=4)).values()["trend.window"] == 4
    assert list(Both.declared())[1] == "trend.kind"


def test_a_combination_is_bound_with_a_record_for_each_part():
    bound = bind(Both)
    values, memory = bound.new_values(Both(trend=Trend(window=9, kind="ema"))), bound.new_memory(2)
    assert values["trend"]["values"][["window", "kind", "held"]].tolist() == [(9, 1, 3)]
    assert values["trend"]["weight"].tolist() == [0.6]
    assert list(bound.per_asset) == ["trend.last"]
    assert memory[0]["value"].tolist() == [1.5, 1.5]
    first, tables = bound.arguments(values, memory)
    assert first["reversion"]["values"]["window"] == 6
    assert [len(own) for own in tables] == [1, 0]
    assert np.shares_memory(bound.fields(values)["trend.held"], values)


def test_the_digest_of_compiled_code_follows_the_parts_and_their_order():
    class Turned(bs.Combination):
        reversion: Reversion = bs.part(Reversion)
        trend: Trend = bs.part(Trend)

    class Same(bs.Combination):
        trend: Trend = bs.part(Trend)
        reversion: Reversion = bs.part(Reversion)

    digests = [bind(cls).fingerprint for cls in (Both, Turned, Same)]
    assert None not in digests
    assert digests[0] == digests[2] != digests[1]


def test_other_strategies_have_no_parts():
    assert parts_of(Trend) == {}
    assert list(parts_of(Both)) == ["trend", "reversion"]


class Fitted(Trend):
    def fit(self, train):
        return train


class Weighted(Trend):
    weight: float = bs.param(0.0, 1.0)


class OwnWeight(Trend):
    own_weight: float = bs.param(0.0, 1.0)


class Doubling(Trend):
    def __init__(self, **values):
        super().__init__(**values)
        self.window *= 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bs.part(Trend()), "a part is a strategy"),
        (lambda: bs.part(int), "a part is a strategy"),
        (lambda: bs.part(bs.Strategy), "a part is a strategy"),
        (lambda: bs.part(Both), "a combination cannot be a part"),
        (lambda: bs.part(Fitted), "a strategy with `fit` cannot be a part"),
        (lambda: bs.part(OwnWeight), "OwnWeight.own_weight has the name under which"),
        (lambda: bs.part(Doubling), "Doubling sets values in a method of its own"),
        (lambda: bs.part(Trend, weight=-0.1), "weight must be 0 or more"),
        (lambda: bs.part(Trend, weight="half"), "weight must be 0 or more"),
        (lambda: bs.part(Trend, weight=True), "weight must be 0 or more"),
        (lambda: bs.part(Trend, weight=bs.param(-1.0, 1.0)), "weight must be 0 or more"),
        (lambda: bs.part(Trend, weight=bs.choice([0.5, None])), "weight must be 0 or more"),
        (lambda: type("Empty", (bs.Combination,), {}), "Empty has no part"),
        (lambda: type("Named", (bs.Combination,), {"costs": bs.part(Trend)}), "has the name of a section"),
        (lambda: type("Named", (bs.Combination,), {"features": bs.part(Trend)}), "features is a method"),
        (lambda: type("Named", (bs.Combination,), {"values": bs.part(Trend)}), "has a name that is taken"),
        (
            lambda: type("Own", (bs.Combination,), {"one": bs.part(Trend), "span": bs.param(1, 9)}),
            "Own.span is a parameter of a combination itself",
        ),
        (
            lambda: type("Own", (bs.Combination,), {"one": bs.part(Trend), "count": bs.state(0)}),
            "Own.count is a variable of a combination itself",
        ),
        (
            lambda: type("Own", (bs.Combination,), {"one": bs.part(Trend), "on_data": Trend.on_data}),
            "Own.on_data is a method of a combination itself",
        ),
        (lambda: Both(trend=Reversion()), "Both.trend is not of its class"),
        (lambda: Both(trend=Trend), "Both.trend is not of its class"),
        (lambda: Both(**{"trend.span": 3}), "Both has no parameter 'trend.span'"),
        (lambda: Both(**{"trend.weight": -0.5}), "Both.trend.weight cannot be -0.5"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, message):
    with pytest.raises(StrategyError, match=message):
        make()


def test_a_refusal_names_the_line_of_the_part():
    with pytest.raises(StrategyError) as caught:

        class Wrong(bs.Combination):
            trend: Trend = bs.part(Trend, weight=-1.0)

    assert "test_combination.py, line" in str(caught.value)
    assert "bs.part(Trend, weight=-1.0)" in str(caught.value)
