from collections import Counter

import numpy as np
import polars as pl
import pytest
from oracle.account import with_actions
from oracle.currencies import in_currencies
from polars.testing import assert_frame_equal
from scenarios.parts import Two
from scenarios.quoted import with_quotes
from scenarios.random_scripts import ACCOUNTS, COSTS, random_scenario
from scenarios.scripted import Script, compose

import backsweep as bs
from backsweep import live
from backsweep.dataset import shard_from_frames
from backsweep.engine.profiles import OWN_PROFILES, PROFILES
from backsweep.errors import BadInput
from backsweep.strategies.moving_average_cross import MovingAverageCross

pytestmark = pytest.mark.thorough


RECORDS = ("fills", "trades", "equity", "orders", "cash_flows")


def assert_same(paper, backtest):
    for name in RECORDS:
        assert_frame_equal(getattr(paper, name), getattr(backtest, name), check_exact=True)
    assert paper.metrics == backtest.metrics


def replay_script(scenario):
    table = compose(scenario.steps)
    return live.replay(
        scenario.market,
        actions=scenario.corporate_actions,
        context=scenario.context,
        strategy=Script(steps=table.ctypes.data, count=len(table)),
        account=scenario.account,
        costs=scenario.costs,
        execution={"profile": scenario.profile, "limit_fill": scenario.limit_fill, "quotes": bool(scenario.quotes)},
    )


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("seed", range(4))
def test_random_scripts_fill_on_paper_as_in_the_backtest(seed, profile):
    account, costs = ACCOUNTS[seed % len(ACCOUNTS)], COSTS[(3 * seed + len(profile)) % len(COSTS)]
    scenario = random_scenario(
        seed, length=40, steps=50, assets=3, account=account, costs=costs, profile=profile, per_session=1 + seed % 3
    )
    backtest = scenario.play(compiled=False)
    assert backtest.fills.height > 3
    assert_same(replay_script(scenario), backtest)


def test_every_cost_is_the_same_on_paper():
    for costs in COSTS:
        scenario = random_scenario(11, length=40, steps=50, assets=2, account=ACCOUNTS[0], costs=costs)
        assert_same(replay_script(scenario), scenario.play(compiled=False))


@pytest.mark.parametrize("seed", range(3))
def test_the_limits_of_an_account_hold_on_paper(seed):
    limits = {"positions": 2, "exposure": 0.75, "daily_loss": 0.01, "drawdown": 0.05}
    account = {**ACCOUNTS[0], "limits": limits}
    scenario = random_scenario(seed, length=40, steps=50, assets=3, account=account, per_session=1 + seed)
    backtest = scenario.play(compiled=False)
    assert backtest.orders["reject_reason"].str.contains("limit of|reached its").any()
    assert_same(replay_script(scenario), backtest)


class OfTheRange(bs.SlippageModel):
    part: float = bs.param(0.0, 1.0, default=0.125)

    def slip(self, fill, bar):
        return self.part * fill.share * (bar.high - bar.low) + abs(bar.funding if bar.funding == bar.funding else 0.0)


def test_models_of_ones_own_see_the_moments_of_paper():
    costs = {
        "financing": {"funding": "funding"},
        "slippage": {"kind": "custom", "model": OfTheRange},
        "commission": COSTS[6]["commission"],
    }
    scenario = random_scenario(3, length=40, steps=50, assets=2, account=ACCOUNTS[0], costs=costs)
    backtest = scenario.play()
    assert backtest.fills["slippage"].sum() > 0.0
    assert_same(replay_script(scenario), backtest)


def make_bars(days=260):
    """Return two assets, of which the second misses some days."""
    rng = np.random.default_rng(5)
    frames = []
    for name in ("A", "B"):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, days)))
        opens = np.append(50.0, close[:-1]) * np.exp(rng.normal(0, 0.005, days))
        frame = pl.DataFrame(
            {
                "timestamp": np.datetime64("2020-01-01", "us") + np.arange(days) * np.timedelta64(1, "D"),
                "asset": [name] * days,
                "open": opens,
                "high": np.maximum(opens, close) * 1.005,
                "low": np.minimum(opens, close) * 0.995,
                "close": close,
                "volume": np.full(days, 1000.0),
            }
        )
        frames.append(frame.filter(pl.Series(rng.random(days) > 0.1)) if name == "B" else frame)
    return pl.concat(frames)


def test_a_strategy_with_features_trades_on_paper_as_in_the_backtest():
    bars, strategy = make_bars(), MovingAverageCross(fast=5, slow=20)
    given = {"account": {"cash": 1e5, "kind": "margin", "leverage": 2.0, "lot": 1}, "costs": COSTS[1]}
    backtest = bs.backtest(bars, strategy, compiled=False, **given)
    assert backtest.trades.height > 5
    assert_same(live.replay(bars, strategy, **given), backtest)


class Averages(bs.Combination):
    quick: MovingAverageCross = bs.part(MovingAverageCross, weight=0.5)
    slow: MovingAverageCross = bs.part(MovingAverageCross, weight=0.75)


def test_the_parts_of_a_combination_trade_on_paper_as_in_the_backtest():
    bars = make_bars()
    strategy = Averages(quick=MovingAverageCross(fast=3, slow=9), slow=MovingAverageCross(fast=5, slow=20, short=True))
    costs = {**COSTS[1], "per_asset": {"B": {"commission": {"kind": "per_order", "amount": 2.0}}}}
    given = {"account": {"cash": 1e5, "kind": "margin", "leverage": 2.0, "lot": 1}, "costs": costs}
    backtest = bs.backtest(bars, strategy, compiled=False, **given)
    assert backtest.trades["part"].value_counts()["count"].min() > 5
    assert_same(live.replay(bars, strategy, **given), backtest)


def test_random_parts_fill_on_paper_as_in_the_backtest():
    scenario = random_scenario(4, length=40, steps=50, assets=2, account=ACCOUNTS[0], costs=COSTS[6])
    other = random_scenario(5, length=40, steps=50, assets=2)
    steps = [scenario.steps, [step for step in other.steps if step.at < len(scenario.groups)]]
    compose([step for own in steps for step in own])
    tables = [np.array([step.row() for step in own]) for own in steps]
    scripts = [Script(steps=table.ctypes.data, count=len(table)) for table in tables]
    strategy = Two(first=scripts[0], second=scripts[1])
    given = {"account": scenario.account, "costs": scenario.costs, "actions": scenario.corporate_actions}
    backtest = bs.backtest(scenario.market, strategy, compiled=False, **given)
    assert backtest.fills["part"].n_unique() == 2
    assert_same(live.replay(scenario.market, strategy, **given), backtest)


def test_a_venue_without_room_for_the_parts_is_refused():
    with pytest.raises(BadInput, match="Averages is a combination of 2 parts"):
        live.Session(Averages(), live.PaperVenue(["A", "B"]))
    with pytest.raises(BadInput, match="MovingAverageCross has no parts"):
        live.Session(MovingAverageCross(fast=2, slow=3), live.PaperVenue(["A", "B"], parts=2))


def test_moments_that_do_not_ascend_are_refused():
    shard = shard_from_frames(make_bars(5))
    session = live.Session(MovingAverageCross(fast=2, slow=3), live.PaperVenue(shard.assets))
    first, second, *_ = live.timesteps(shard)
    session.on_bars(second)
    with pytest.raises(BadInput, match="ascend in time"):
        session.on_bars(first)


def test_a_history_makes_features_known_from_the_first_moment_and_keep_bounds_it():
    bars, seen = make_bars(60), []

    class Seen(bs.Strategy):
        def features(self):
            return {"average": pl.col("close").rolling_mean(10)}

        def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
            seen.append(data[0].average)

    shard = shard_from_frames(bars)
    days = list(live.timesteps(shard))
    past = shard_from_frames(bars.filter(pl.col("timestamp") < pl.col("timestamp").min() + pl.duration(days=40)))
    session = live.Session(Seen(), live.PaperVenue(shard.assets), history=past, keep=10)
    for timestep in days[40:]:
        session.on_bars(timestep)
    expected = bars.filter(asset="A")["close"].rolling_mean(10)[40:]
    assert seen == pytest.approx(expected.to_list(), rel=1e-12)
    assert session._rows["timestamp"].n_unique() == 10


def test_a_moment_is_made_of_what_a_feed_delivers():
    bars = make_bars(1).filter(asset="A").with_columns(asset=pl.lit("B"))
    context = bars.select("timestamp", vix="close")
    timestep = live.make_timestep(("B", "A"), bars, session=3, last_of_session=True, context=context)
    assert timestep.shard.assets == ("A", "B")
    assert timestep.shard.rows["asset"].to_list() == [1]
    assert timestep.shard.context["vix"].to_list() == bars["close"].to_list()
    with pytest.raises(BadInput, match="unknown asset"):
        live.make_timestep(("A",), bars, session=0, last_of_session=True)
    with pytest.raises(BadInput, match="several timestamps in one timestep"):
        live.make_timestep(("A", "B"), make_bars(2), session=0, last_of_session=True)


def test_currencies_are_valued_on_paper_as_in_the_backtest():
    for seed in range(6):
        drawn = random_scenario(seed, length=40, steps=50, assets=3, account=ACCOUNTS[seed % 4], costs=COSTS[seed])
        scenario = in_currencies(drawn, seed)
        backtest = scenario.play(compiled=False)
        assert_same(replay_script(scenario), backtest)
        assert backtest.metrics["currency_pnl"] != 0.0


def test_quotes_are_met_on_paper_as_in_the_backtest(monkeypatch):
    monkeypatch.setattr("backsweep.live.paper.ROOM", 16)  # so that the columns must grow
    for seed in range(3):
        drawn = random_scenario(
            seed, length=40, steps=50, assets=1 + seed % 3, account=ACCOUNTS[0], profile=OWN_PROFILES[seed % 3]
        )
        scenario = with_actions(with_quotes(drawn, seed), seed)
        backtest = scenario.play(compiled=False)
        assert_same(replay_script(scenario), backtest)
        assert backtest.fills.height > 3


def test_a_moment_without_quotes_is_refused():
    with pytest.raises(BadInput, match="lacks a column"):
        live.replay(make_bars(3), MovingAverageCross(), execution={"quotes": True})


def test_a_moment_without_a_rate_is_refused():
    account = {"currency": "USD", "rates": {"EUR": "eurusd"}, "per_asset": {"A": {"currency": "EUR"}}}
    with pytest.raises(BadInput, match="names a column that the context does not have: 'eurusd'"):
        live.replay(make_bars(3), MovingAverageCross(), account=account)


def test_corporate_actions_are_booked_on_paper_as_in_the_backtest():
    booked = Counter()
    for seed in range(8):
        drawn = random_scenario(
            seed, length=40, steps=50, assets=3, account=ACCOUNTS[seed % len(ACCOUNTS)], per_session=1 + seed % 3
        )
        scenario = with_actions(drawn, seed)
        backtest = scenario.play(compiled=False)
        assert_same(replay_script(scenario), backtest)
        booked.update(backtest.cash_flows["kind"])
        booked.update(backtest.fills["reason"])
    assert booked["dividend"] > 5
    assert booked["delisting"] > 1
    assert booked["cash_in_lieu"] > 1


def test_a_delay_is_a_question_to_a_backtest():
    with pytest.raises(BadInput, match="does not support a delay"):
        live.PaperVenue(("A",), execution={"delay": 1})
