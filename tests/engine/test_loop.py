"""The order of events in one timestamp, and what the strategy sees of it."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import bars, evaluator, fills, flat, limit, market, observe, run, seen

import backsweep
from backsweep.engine.codes import FILLED, WORKING
from backsweep.strategy import Strategy, above, below, param, state
from backsweep.trial.runner import Runner

QUIET = (100, 100, 100, 100)


def test_the_strategy_sees_the_fills_of_its_bar_marked_at_its_close():
    order = market(0, 10)
    steps = [order, observe(1, "status", order=order), observe(1, "unrealized_pnl")]
    assert seen(run(bars(QUIET, (90, 100, 90, 95)), steps)) == [FILLED, 50.0]


def test_a_request_never_meets_the_bar_on_which_it_was_made():
    # The low of day 0 was below the limit, but it is over.
    order = limit(0, 10, 95)
    result = run(bars((100, 100, 90, 100), QUIET), [order, observe(1, "status", order=order)])
    assert fills(result) == []
    assert seen(result) == [WORKING]


def test_the_strategy_is_called_once_a_timestamp_with_the_bars_that_are_there():
    market_data = bars(*flat(100, 3), B=[QUIET, None, QUIET], C=[None, None, QUIET])
    assert seen(run(market_data, [observe(day, "count") for day in range(3)])) == [2.0, 1.0, 3.0]


def test_sessions_are_counted_and_their_last_bar_is_known():
    market_data = bars(*flat(100, 5), step=timedelta(hours=12))
    steps = [observe(bar, name) for bar in range(5) for name in ("session", "last_of_session")]
    assert seen(run(market_data, steps)) == [0, 0, 0, 1, 1, 0, 1, 1, 2, 1]


def test_assets_of_one_timestamp_are_marked_before_the_strategy_decides():
    market_data = bars(*flat(100, 2), B=[(50, 50, 50, 50), (50, 80, 50, 80)])
    result = run(market_data, [market(0, 10, asset=1), observe(1, "equity")])
    assert seen(result) == [10_300.0]


class Impulse(Strategy):
    """Buys above a threshold, sells below its negative, and closes after a while: awake on every bar."""

    entry: float = param(0.0, 3.0, default=1.5)
    hold: int = param(1, 10, default=3)
    calls: int = state(0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        self.calls += 1
        for i in range(data.count):
            bar = data[i]
            position = broker.get_position(bar.asset)
            if position.quantity == 0.0 and broker.count_open_orders(bar.asset) == 0:
                if bar.pred > self.entry and bar.mood > 0.0:
                    broker.submit_order(bar.asset, 10)
                elif bar.pred < -self.entry:
                    broker.submit_bracket(bar.asset, -10, stop_loss=bar.close * 1.02)
            elif position.bars_held >= self.hold:
                broker.close_position(bar.asset)


class WakingImpulse(Impulse):
    """The same, asleep where it has nothing to decide."""

    def wake(self):
        return (above("pred", "entry") & above("mood", 0.0)) | below("pred", "-entry")


class WakingAsItLikes(Impulse):
    """The same, whose wake has none, two or three comparisons, by its parameters."""

    def wake(self):
        if self.entry < 1.0:
            return None
        return below("pred", "-entry") | above("pred", "entry") if self.entry < 2.0 else WakingImpulse.wake(self)


def random_market(count=300, seed=5):
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.01, (2, count)), axis=1))
    opens = close * np.exp(generator.normal(0, 0.005, close.shape))
    high = np.maximum(opens, close) * 1.005
    low = np.minimum(opens, close) * 0.995
    series = [list(zip(*(each[asset] for each in (opens, high, low, close)), strict=True)) for asset in (0, 1)]
    frame = bars(*series[0], B=series[1])
    pred = generator.normal(0, 1, frame.height)
    pred[::17] = np.nan
    return frame.with_columns(pred=pred, mood=generator.normal(0, 1, frame.height))


@pytest.mark.parametrize("compiled", [True, False])
def test_waking_changes_the_speed_and_never_the_result(compiled):
    frame = random_market()
    one, other = (
        evaluator(frame, cls, params=("entry",)).replay(np.array([1.5]), compiled=compiled and cls is not Impulse)
        for cls in (Impulse, WakingAsItLikes)
    )
    assert one.fills.height > 20
    for name in ("fills", "trades", "orders", "equity"):
        assert getattr(one, name).equals(getattr(other, name))
    assert one.metrics == other.metrics


def calls_of(runner, entry):
    runner.run(np.array([entry]))
    return int(runner._values[0]["calls"])


def runner_of(cls, frame, *, compiled=False):
    built = evaluator(frame, cls, params=("entry",))._runner
    return Runner(built.market, cls, built.settings, params=("entry",), compiled=compiled)


def test_a_sleeping_strategy_is_not_called():
    always, sometimes = (calls_of(runner_of(cls, random_market()), 2.0) for cls in (Impulse, WakingImpulse))
    assert always == 300
    assert 0 < sometimes < 150


def test_a_wake_condition_follows_its_parameter():
    runner = runner_of(WakingImpulse, random_market())
    calls = [calls_of(runner, entry) for entry in (2.5, 0.5, 2.5)]
    assert calls[0] == calls[2] < calls[1]


@pytest.mark.parametrize(("compare", "beyond"), [(above, 2.0), (below, 0.0)])
def test_a_comparison_does_not_hold_at_its_threshold(compare, beyond):
    class AtThreshold(Impulse):
        def wake(self):
            return compare("pred", 1.0)

    frame = random_market(20)
    for value, called in ((1.0, 0), (np.nextafter(1.0, beyond), 20)):
        assert calls_of(runner_of(AtThreshold, frame.with_columns(pred=pl.lit(value))), 2.0) == called


@pytest.mark.parametrize("compiled", [True, False])
def test_the_wake_conditions_of_an_earlier_trial_do_not_stay(compiled):
    runners = [runner_of(WakingAsItLikes, random_market(), compiled=compiled) for _ in range(4)]
    alone = {entry: calls_of(runner, entry) for entry, runner in zip((0.5, 1.5, 2.5), runners, strict=False)}
    assert alone[0.5] == 300 > alone[1.5]
    for entry in (2.5, 0.5, 1.5, 2.5, 1.5, 0.5):
        assert calls_of(runners[3], entry) == alone[entry]


class Diary(Strategy):
    """Buys at the first close above 10.5 that it sees."""

    bought = state(0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        """Buy once."""
        if self.bought == 0 and data[0].close > 10.5:
            broker.submit_order(0, 1.0)
            self.bought = 1


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("delay", "filled"), [(0, 2), (1, 3), (2, 4)])
def test_with_a_delay_the_strategy_sees_old_bars_and_the_market_meets_its_orders_now(delay, filled, compiled):
    prices = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    frame = bars(*[(price,) * 4 for price in prices])
    made = backsweep.backtest(frame, Diary(), execution={"delay": delay}, compiled=compiled).fills
    assert made["price"].to_list() == [prices[filled]]
