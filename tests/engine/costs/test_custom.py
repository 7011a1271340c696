"""Cost models of the user's own: what they see, what they answer, and what becomes of an answer that is no cost."""
# ruff: noqa: ARG002 - the protocol has two arguments and a self, used or not

import math
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from numba import config
from scenarios.random_scripts import ACCOUNTS, random_scenario
from scenarios.scripted import (
    Script,
    assert_same_bits,
    bars,
    bracket,
    close,
    compose,
    evaluator,
    fills,
    flat,
    limit,
    market,
    run,
    stop,
)

import backsweep as bs
from backsweep.engine.compile import compiler
from backsweep.errors import StrategyError
from backsweep.strategy import load_class, models
from backsweep.trial.runner import Runner

QUIET = (100, 100, 100, 100)


def squared(number):
    return number * number


class Percentage(bs.CommissionModel):
    rate: float = bs.param(0.0, 0.1, default=0.001)

    def charge(self, fill, bar):
        return self.rate * fill.value


class PerShare(bs.CommissionModel):
    rate: float = bs.param(0.0, 1.0, default=0.25)

    def charge(self, fill, bar):
        return self.rate * abs(fill.quantity)


class MakerTaker(bs.CommissionModel):
    """Counts what it charges: once an order, more for takers, less once the month has seen units."""

    base: int = bs.param(0, 10, default=2)
    halved: bool = bs.choice([False, True])

    def charge(self, fill, bar):
        due = 0.0 if fill.order_filled != 0.0 else float(self.base)
        due += 0.001 * fill.value if fill.maker == 0 else -0.0005 * fill.value
        return self.reduced(due) if fill.month_units >= 15.0 else due

    def reduced(self, due):
        return due / 2 if self.halved else due


class AtLeast(bs.CommissionModel):
    """Charges an order 3 at least, however many fills it takes."""

    def charge(self, fill, bar):
        return max(3.0, 0.002 * (fill.order_value + fill.value)) - fill.order_fees


class ByMonth(bs.CommissionModel):
    """Charges what the month has seen so far."""

    def charge(self, fill, bar):
        return 2.0 + fill.month_units + fill.month_value


FIELDS = {  # of the second fill, two units at 50 of a contract of 5, of an order for twelve that filled ten
    "asset": 1.0,
    "quantity": 2.0,
    "price": 50.0,
    "value": 500.0,
    "multiplier": 5.0,
    "share": 0.02,
    "maker": 0.0,
    "stop": 0.0,
    "order_quantity": 12.0,
    "order_filled": 10.0,
    "order_value": 2500.0,
    "month_units": 10.0,
    "month_value": 2500.0,
}


class Reads(bs.CommissionModel):
    """Charges a field of the fill, by its place among `FIELDS`."""

    place: int = bs.param(0, 12, default=0)

    def charge(self, fill, bar):
        mine = (fill.asset, fill.quantity, fill.price, fill.value, fill.multiplier, fill.share, fill.maker, fill.stop)
        orders = (fill.order_quantity, fill.order_filled, fill.order_value, fill.month_units, fill.month_value)
        return 1.0 * (*mine, *orders)[self.place]


class Square(bs.SlippageModel):
    rate: float = bs.param(0.0, 10.0, default=1.0)

    def slip(self, fill, bar):
        return fill.price * self.rate * squared(fill.share)


class HalfSpread(bs.SlippageModel):
    def slip(self, fill, bar):
        return bar.spread / 2 + 0.25 * (bar.high - bar.low)


class Answers(bs.CommissionModel):
    answer: float = bs.param(-1e300, 1e300, default=0.0)

    def charge(self, fill, bar):
        return self.answer * self.answer * fill.quantity


class Favours(bs.SlippageModel):
    def slip(self, fill, bar):
        return -0.01


class Fails(bs.SlippageModel):
    def slip(self, fill, bar):
        if fill.quantity > 0.0:
            raise ValueError("no purchases")
        return 0.0


class Misspelt(bs.SlippageModel):
    def slip(self, fill, bar):
        return bar.sprad


class Unfit(bs.CommissionModel):
    def charge(self, fill, bar):
        return sum(x for x in [fill.value, {}])


class Writes(bs.CommissionModel):
    rate: float = bs.param(0.0, 1.0)

    def charge(self, fill, bar):
        self.rate = 2.0
        return 0.0


class Silent(bs.CommissionModel):
    pass


def custom(cls, **params):
    """Return the section that names a class of this file."""
    return {"kind": "custom", "model": cls, **params}


BOTH = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])


def play(data, steps, *, compiled=True, values=(), **spec):
    table = compose(steps)
    params = ("steps", "count", *(name for name, _ in values))
    engine = evaluator(data, params=params, **spec)
    row = [float(table.ctypes.data), float(len(table)), *(value for _, value in values)]
    return engine.replay(np.array(row), compiled=compiled)


@BOTH
def test_a_commission_model_charges_what_its_method_gives(compiled):
    costs = {"commission": custom(Percentage, rate=0.002), "per_asset": {"B": {"commission": custom(PerShare)}}}
    data = bars(*flat(100, 3), B=flat(50, 3))
    result = play(data, [market(0, 10), market(0, -8, asset=1)], costs=costs, compiled=compiled)
    assert result.fills["commission"].to_list() == [2.0, 2.0]
    assert result.equity["cash"][-1] == 10_000.0 - 1000.0 - 2.0 + 400.0 - 2.0


@BOTH
def test_a_model_sees_the_makers_the_order_and_the_month(compiled):
    # 10 as a taker: 2 + 1. Then the order of 12 fills 10 as a taker, 2 + 1, and once the month has seen 20 units the
    # other 2 as a maker, a rebate of 0.10, halved.
    thin = bars(*flat(100, 4)).with_columns(volume=pl.lit(100.0))
    steps = [market(0, 10), limit(1, 12, 101)]
    costs = {"commission": custom(MakerTaker, halved=True)}
    result = play(thin, steps, costs=costs, execution={"volume_share": 0.1}, compiled=compiled)
    assert result.fills["quantity"].to_list() == [10.0, 10.0, 2.0]
    assert result.fills["commission"].to_list() == pytest.approx([3.0, 3.0, -0.05], abs=1e-12)


@BOTH
def test_a_model_sees_what_it_has_charged_the_order_for(compiled):
    # 10 units of 100: the least, 3. Two more make 1,200 and 2.40 in all, which the 3 cover.
    thin = bars(*flat(100, 3)).with_columns(volume=pl.lit(100.0))
    result = play(
        thin, [market(0, 12)], costs={"commission": custom(AtLeast)}, execution={"volume_share": 0.1}, compiled=compiled
    )
    assert result.fills["commission"].to_list() == [3.0, 0.0]


@pytest.mark.parametrize("place", range(len(FIELDS)), ids=FIELDS)
def test_a_model_sees_every_field_of_the_second_fill_of_an_order(place):
    thin = bars(*flat(100, 4), B=flat(50, 4)).with_columns(volume=pl.lit(100.0))
    costs = {"commission": custom(Reads, place=place)}
    account = {"cash": 1e6, "kind": "margin", "per_asset": {"B": {"multiplier": 5.0}}}
    execution = {"volume_share": 0.1}
    result = play(thin, [market(0, 12, asset=1)], costs=costs, account=account, execution=execution, compiled=False)
    assert result.fills["quantity"].to_list() == [10.0, 2.0]
    assert result.fills["commission"][1] == pytest.approx([*FIELDS.values()][place], rel=1e-15)


@pytest.mark.parametrize(("name", "charged"), [("maker", [0.0, 0.0, 1.0]), ("stop", [0.0, 1.0, 0.0])])
def test_a_model_sees_which_orders_are_stops_and_which_rested(name, charged):
    prices = [(100, 100, 100, 100), (100, 106, 100, 104), (104, 104, 90, 90)]
    steps = [market(0, 1), stop(0, 2, 105), limit(0, 3, 95)]
    costs = {"commission": custom(Reads, place=[*FIELDS].index(name))}
    assert play(bars(*prices), steps, costs=costs, compiled=False).fills["commission"].to_list() == charged


@BOTH
def test_a_month_without_fills_has_seen_nothing(compiled):
    costs = {"commission": custom(ByMonth)}
    result = play(bars(*flat(100, 3)), [market(0, 1), market(1, 1)], costs=costs, compiled=compiled)
    assert result.fills["commission"].to_list() == [2.0, 2.0 + 1.0 + 100.0]


@BOTH
def test_a_new_month_has_seen_nothing_of_the_month_before(compiled):
    # Fills on January 31 and February 1, which is charged as the month's first.
    data = bars(*flat(100, 3)).with_columns(pl.col("timestamp") + timedelta(days=29))
    costs = {"commission": custom(ByMonth)}
    result = play(data, [market(0, 1), market(1, 1)], costs=costs, compiled=compiled)
    assert result.fills["commission"].to_list() == [2.0, 2.0]


def test_minimum_maximum_and_times_hold_for_what_a_model_gives():
    for bound, due in (({"minimum": 5.0}, 5.0), ({"maximum": 0.0005}, 0.5), ({"times": 3.0}, 3.0)):
        result = run(bars(*flat(100, 2)), [market(0, 10)], costs={"commission": custom(Percentage, **bound)})
        assert result.fills["commission"].to_list() == [due]


@BOTH
def test_a_slippage_model_moves_the_price_against_the_trader(compiled):
    data = bars(QUIET, (100, 102, 98, 101), (101, 101, 99, 100), QUIET).with_columns(
        spread=pl.Series([0.1, 0.5, 0.2, 0.0])
    )
    costs = {"slippage": custom(HalfSpread), "stop_slippage": 0.001}
    result = play(data, [market(0, 10), stop(1, -10, 99.5)], costs=costs, compiled=compiled)
    # Bought at 100 + 0.25 + 0.25 x 4; sold by a stop at 99.5 - 0.1 - 0.25 x 2 - 0.0995.
    assert fills(result) == [(1, 10.0, 101.25), (2, -10.0, pytest.approx(98.8005))]
    assert result.fills["slippage"].to_list() == pytest.approx([12.5, 6.995])


def test_limits_do_not_slip_by_a_model_either():
    data = bars(QUIET, (100, 102, 98, 101)).with_columns(spread=pl.lit(1.0))
    assert fills(run(data, [limit(0, 10, 99)], costs={"slippage": custom(HalfSpread)})) == [(1, 10.0, 99.0)]


@pytest.mark.parametrize("seed", range(4))
def test_models_that_say_what_a_kind_says_leave_the_same_bits(seed):
    share = (0.0, 2.0**-15)[seed % 2]
    options = {"length": 40, "steps": 60, "assets": 3, "account": ACCOUNTS[seed], "volume_share": share}
    kinds = {
        "commission": {"kind": "per_share", "rate": 0.1, "minimum": 1.0, "maximum": 0.01},
        "slippage": {"kind": "volume_share", "rate": 1e5, "limit": 1.0},
    }
    models = {
        "commission": custom(PerShare, rate=0.1, minimum=1.0, maximum=0.01),
        "slippage": custom(Square, rate=1e5),
    }
    plain, own = (random_scenario(seed, costs=costs, **options) for costs in (kinds, models))
    compiled = own.play()
    assert compiled.fills.height > 5
    assert_same_bits(compiled, plain.play())
    assert_same_bits(compiled, own.play(compiled=False))


@pytest.mark.parametrize(
    ("key", "value", "changed"),
    [
        ("costs.commission.rate", 0.004, {"commission": custom(Percentage, rate=0.004)}),
        ("costs.commission.times", 3.0, {"commission": custom(Percentage, times=3.0)}),
        ("costs.commission.minimum", 9.0, {"commission": custom(Percentage, minimum=9.0)}),
        ("costs.slippage.rate", 4e4, {"slippage": custom(Square, rate=4e4)}),
        ("costs.per_asset.B.commission.base", 5.0, {"per_asset": {"B": {"commission": custom(MakerTaker, base=5)}}}),
        (
            "costs.per_asset.B.commission.halved",
            1.0,
            {"per_asset": {"B": {"commission": custom(MakerTaker, halved=True)}}},
        ),
    ],
)
def test_a_swept_parameter_of_a_model_is_that_parameter_in_the_file(key, value, changed):
    given = {
        "commission": custom(Percentage),
        "slippage": custom(Square, rate=2e4),
        "per_asset": {"B": {"commission": custom(MakerTaker)}},
    }
    series = [QUIET, (100, 101, 98, 99), (99, 101, 97, 100), (99, 103, 96, 100)]
    data = bars(*series, B=series)
    steps = [
        market(0, 20),
        bracket(1, 30, stop_loss=98),
        market(0, 20, asset=1),
        limit(0, -10, 100.5, asset=1),
        close(2),
    ]
    swept = play(data, steps, costs=given, values=[(key, value)])
    assert_same_bits(swept, play(data, steps, costs={**given, **changed}))
    assert not swept.equity.equals(play(data, steps, costs=given).equity)


@BOTH
@pytest.mark.parametrize("answer", [1e200, math.inf])
def test_a_commission_that_is_no_number_fails_its_trial(answer, compiled):
    costs = {"commission": custom(Answers)}
    values = [("costs.commission.answer", answer)]
    with pytest.raises(StrategyError, match=r"Answers\.charge gave inf") as caught:
        play(bars(*flat(100, 3)), [market(0, 10)], costs=costs, values=values, compiled=compiled)
    assert "test_custom.py, line" in caught.value.where
    assert "10.0 units at 100.0, 2024-01-02" in caught.value.found


@BOTH
def test_a_trial_that_failed_leaves_the_next_ones_alone(compiled):
    table = compose([market(0, 10)])
    names = ("steps", "count", "costs.commission.answer")
    engine = evaluator(bars(*flat(100, 3)), costs={"commission": custom(Answers)}, params=names)
    runner = Runner(engine._market, Script, engine._settings, params=names, compiled=compiled)
    address = [float(table.ctypes.data), float(len(table))]
    for _ in range(2):
        with pytest.raises(StrategyError, match="gave inf"):
            runner.run(np.array([*address, 1e200]))
        runner.run(np.array([*address, 0.5]))
        assert runner.tables.counters[0].commission == 2.5


@BOTH
def test_a_slippage_in_favour_fails_its_trial(compiled):
    with pytest.raises(StrategyError, match=r"Favours\.slip gave -0\.01(.|\n)*0 or more"):
        play(bars(*flat(100, 3)), [market(0, 10)], costs={"slippage": custom(Favours)}, compiled=compiled)


def test_an_exception_in_a_model_fails_its_trial():
    assert fills(run(bars(*flat(100, 3)), [market(0, -10)], costs={"slippage": custom(Fails)})) == [(1, -10.0, 100.0)]
    told = r"raised ValueError(.|\n)*no purchases" if config.DISABLE_JIT else r"gave nan(.|\n)*--interpreted"
    with pytest.raises(StrategyError, match=rf"Fails\.slip {told}"):
        play(bars(*flat(100, 3)), [market(0, 10)], costs={"slippage": custom(Fails)})
    with pytest.raises(StrategyError, match=r"Fails\.slip raised ValueError(.|\n)*no purchases"):
        play(bars(*flat(100, 3)), [market(0, 10)], costs={"slippage": custom(Fails)}, compiled=False)


@BOTH
@pytest.mark.parametrize(
    ("part", "cls", "message"),
    [
        ("slippage", Misspelt, r"unknown signal 'sprad' of bar(.|\n)*did you mean 'spread'"),
        ("commission", Unfit, r"Unfit\.charge (does not compile|raised)|charge is compiled, and cannot use a dict"),
        ("commission", Writes, r"charge assigns Writes\.rate, but a cost model can change nothing"),
    ],
)
def test_a_model_that_cannot_run_is_named_with_its_line(part, cls, message, compiled):
    data = bars(*flat(100, 3)).with_columns(spread=pl.lit(0.1))
    with pytest.raises(StrategyError, match=message) as caught:
        play(data, [market(0, 10)], costs={part: custom(cls)}, compiled=compiled)
    assert "test_custom.py, line" in caught.value.where


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"commission": custom(Percentage, rat=0.1)},
            r"test_custom:Percentage: Percentage has no parameter 'rat'(.|\n)*rate",
        ),
        ({"commission": custom(Square)}, r"has no commission model 'Square'(.|\n)*Percentage"),
        ({"slippage": custom("nowhere.py:Model")}, r"the slippage model's file does not exist"),
        ({"slippage": custom("Model")}, r"the slippage model's reference has no class"),
        ({"commission": custom(Silent)}, r"Silent does not define charge"),
    ],
)
def test_a_model_that_is_not_there_or_wrong_is_refused(section, message):
    with pytest.raises(StrategyError, match=message):
        run(bars(*flat(100, 2)), [], costs=section)


def test_what_a_model_may_not_declare():
    with pytest.raises(StrategyError, match=r"Keeps\.seen is a variable of the run, but a cost model has no memory"):
        type("Keeps", (bs.CommissionModel,), {"seen": bs.state(0.0)})
    with pytest.raises(StrategyError, match=r"Bounded\.minimum has the name of a key"):
        type("Bounded", (bs.CommissionModel,), {"minimum": bs.param(0.0, 1.0)})


FACTOR = 0.5


class Scaled(bs.CommissionModel):
    def charge(self, fill, bar):
        return FACTOR * abs(fill.quantity)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")
def test_a_compiled_model_is_kept_on_disk_until_something_in_it_changes(monkeypatch):
    def made_anew():
        """Compile as another process would, and tell whether it was read, and what it charges."""
        monkeypatch.setattr(models, "_BOUND", {})
        compiler.counts.clear()
        result = play(bars(*flat(100, 2)), [market(0, 10)], costs={"commission": custom(Scaled)})
        return not compiler.counts["compiled"], result.fills["commission"].to_list()

    made_anew()
    assert made_anew() == (True, [5.0])
    factor = float(np.random.default_rng().random())
    loaded = load_class(
        f"{__name__}:Scaled", bs.CommissionModel, "model"
    )  # another module than this, by python -m pytest
    monkeypatch.setitem(loaded.charge.__globals__, "FACTOR", factor)
    read, charged = made_anew()
    assert not read
    assert charged == [10 * factor]
