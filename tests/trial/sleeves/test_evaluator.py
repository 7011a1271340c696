"""Sleeves: every asset in an account of its own, and a trial that is their sum whatever holds them."""

import weakref

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import bars, evaluator, flat

from backsweep.dataset import DataSpec
from backsweep.errors import BadInput
from backsweep.metrics.summary import METRICS
from backsweep.strategy import SlippageModel, Strategy, param, state
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.trial import TrialSpec
from backsweep.trial.contract import Chunk
from backsweep.trial.evaluate import make_evaluator
from backsweep.trial.result import Result
from backsweep.trial.sleeves.runner import SleeveMarket

WINDOWS = np.array([[2.0], [5.0], [9.0], [14.0], [20.0]])
CHUNK = Chunk(0, np.arange(5), WINDOWS)
COSTS = {"commission": {"kind": "percentage", "rate": 0.001}, "slippage": {"kind": "percentage", "rate": 0.01}}
SLEEVES = {"mode": "sleeves", "cash": 100_000.0}
FOLDS = {
    "without": None,
    "flat": FoldSpec(train="20s", test="10s"),
    "continuous": FoldSpec(mode="anchored", train="20s", test="10s", purge="2s", state="continuous"),
    "crossed": FoldSpec(mode="cpcv", groups=4, test_groups=2, purge="2s", embargo="3s"),
}


@pytest.fixture(scope="module")
def wide():
    """Return 60 sessions of 30 assets; every third is listed late or leaves early, and has gaps."""
    generator = np.random.default_rng(5)
    frames = []
    for asset in range(30):
        close = 50 * np.exp(np.cumsum(generator.normal(0, 0.03, 60)))
        series = np.stack([np.roll(close, 1), close])
        series[0, 0] = 50.0
        frame = bars(*zip(series[0], series.max(0), series.min(0), close, strict=True))
        kept = np.ones(60, bool)
        if asset % 3 == 0:
            kept[: asset if asset % 2 else 0] = False
            kept[60 - asset if asset % 2 == 0 else 60 :] = False
            kept &= generator.random(60) < 0.9
        frames.append(frame.filter(kept).with_columns(asset=pl.lit(f"A{asset:02d}")))
    frame = pl.concat(frames).sort("timestamp", "asset")
    return frame.with_columns(pred=generator.normal(0, 1, frame.height))


def metric(values, name):
    return values[..., METRICS.index(name)]


def same(one, other):
    names = ("metrics", "reasons", "returns", "segments", "segment_reasons")
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


@pytest.mark.parametrize("folds", FOLDS)
def test_one_asset_in_a_sleeve_is_a_shared_account_bit_for_bit(market, averages, folds):
    alone = market.filter(pl.col("asset") == "A")
    spec = {"params": ("window",), "costs": COSTS, "folds": FOLDS[folds]}
    shared = evaluator(alone, averages, account={"cash": 100_000.0}, **spec).evaluate(CHUNK)
    assert same(shared, evaluator(alone, averages, account=SLEEVES, **spec).evaluate(CHUNK))


@pytest.mark.parametrize("folds", FOLDS)
def test_any_number_of_shards_gives_the_same_bytes(wide, averages, folds):
    spec = {"params": ("window",), "costs": COSTS, "folds": FOLDS[folds], "account": SLEEVES}
    whole = evaluator(wide, averages, **spec)
    expected = whole.evaluate(CHUNK)
    assert not expected.errors
    assert (metric(expected.metrics, "trades") > 0).all()
    for shards in (2, 3, 4, 7, 99):
        divided = evaluator(wide, averages, shards=shards, **spec)
        assert same(expected, divided.evaluate(CHUNK))
        parts = [type(divided).partial_sums(_holding(divided, place), CHUNK) for place in range(min(shards, 8))]
        assert same(expected, whole.finish(parts))


@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize("folds", FOLDS)
def test_with_a_delay_no_sleeve_sees_the_bars_of_the_asset_before_it(wide, averages, folds, delay):
    spec = {"params": ("window",), "costs": COSTS, "account": SLEEVES, "execution": {"delay": delay}}
    whole = evaluator(wide, averages, **spec, folds=FOLDS[folds])
    expected = whole.evaluate(CHUNK)
    for shards in (2, 7, 99):
        assert same(expected, evaluator(wide, averages, shards=shards, **spec, folds=FOLDS[folds]).evaluate(CHUNK))
    if folds == "without":
        result = whole.replay(WINDOWS[0])  # which runs each asset by itself
        metrics = [np.nan if result.metrics[name] is None else result.metrics[name] for name in METRICS]
        assert np.array(metrics).tobytes() == expected.metrics[0].tobytes()


@pytest.mark.parametrize("folds", FOLDS)
def test_the_last_asset_of_a_shard_may_end_before_a_fold_begins(wide, averages, folds):
    ended = wide.filter((pl.col("asset") != "A29") | (pl.col("timestamp") < wide["timestamp"].unique().sort()[15]))
    ended = ended.filter((pl.col("asset") != "A11") | (pl.col("timestamp") < wide["timestamp"].unique().sort()[5]))
    spec = {"params": ("window",), "costs": COSTS, "account": SLEEVES, "folds": FOLDS[folds]}
    expected = evaluator(ended, averages, **spec).evaluate(CHUNK)
    assert not expected.errors
    for shards in (3, 99):  # the first of three ends with A11
        assert same(expected, evaluator(ended, averages, shards=shards, **spec).evaluate(CHUNK))


@pytest.mark.parametrize("folds", FOLDS)
def test_shards_that_are_loaded_for_every_chunk_give_the_same_bytes_and_are_held_one_at_a_time(
    wide, averages, folds, tmp_path, monkeypatch
):
    held, most = weakref.WeakSet(), []

    def note(self, *given, **options):
        init(self, *given, **options)
        held.add(self)
        most.append(len(held))

    init = SleeveMarket.__init__
    monkeypatch.setattr(SleeveMarket, "__init__", note)
    monkeypatch.setattr("backsweep.trial.evaluate.BARS", 300)
    wide.write_parquet(tmp_path / "bars.parquet")
    spec = TrialSpec(
        data=DataSpec(bars=str(tmp_path / "bars.parquet")),
        strategy="written here",
        params=("window",),
        costs=CostsSpec(**COSTS),
        folds=FOLDS[folds],
        account=AccountSpec(**SLEEVES),
    )
    expected = make_evaluator(spec, cls=averages).evaluate(CHUNK)
    most.clear()
    streaming = make_evaluator(spec, cls=averages, streams=True)
    for _ in range(2):
        assert same(expected, streaming.evaluate(CHUNK))
    assert streaming.fills > 0
    assert most == [1] * 2 * len(streaming._shards)
    assert len(streaming._shards) > 4


def _holding(evaluator, place):
    """Return an evaluator of one of another's shards."""
    one = object.__new__(type(evaluator))
    one.__dict__ = {key: value for key, value in evaluator.__dict__.items() if key != "_runners"}
    one._shards = evaluator._shards[place : place + 1]
    return one


def test_a_trial_is_the_sum_of_accounts_with_equal_cash(wide, averages):
    outcome = evaluator(wide, averages, account=SLEEVES, params=("window",), costs=COSTS).evaluate(CHUNK)
    days = wide["timestamp"].unique().sort().cast(pl.Datetime("ns"))
    equity, counted = np.zeros((5, len(days))), {name: np.zeros(5) for name in ("trades", "commission", "slippage")}
    for asset in wide["asset"].unique():
        own = wide.filter(pl.col("asset") == asset)
        alone = evaluator(own, averages, account={"cash": 100_000.0 / 30}, params=("window",), costs=COSTS)
        for row, values in enumerate(WINDOWS):
            result = alone.replay(values)
            curve = days.to_frame().join(result.equity, on="timestamp", how="left")["equity"]
            equity[row] += curve.fill_null(strategy="forward").fill_null(100_000.0 / 30).to_numpy()
            for name, sums in counted.items():
                sums[row] += result.metrics[name]
    np.testing.assert_allclose(metric(outcome.metrics, "final_equity"), equity[:, -1], rtol=1e-12)
    returns = np.diff(equity, axis=1, prepend=100_000.0) / np.append(np.full((5, 1), 100_000.0), equity[:, :-1], 1)
    np.testing.assert_allclose(outcome.returns, returns, atol=1e-8)
    for name, expected in counted.items():
        np.testing.assert_allclose(metric(outcome.metrics, name), expected, rtol=1e-12)


def test_a_replay_has_the_records_of_every_sleeve_and_the_metrics_of_the_trial(wide, averages, monkeypatch):
    engine = evaluator(wide, averages, account=SLEEVES, params=("window",), costs=COSTS)
    expected = engine.evaluate(CHUNK).metrics[1]
    for held in (10**9, 100):
        monkeypatch.setattr("backsweep.trial.sleeves.replay.BARS", held)
        result = engine.replay(WINDOWS[1])
        metrics = [np.nan if result.metrics[name] is None else result.metrics[name] for name in METRICS]
        assert np.array(metrics).tobytes() == expected.tobytes()
    assert result.fills["timestamp"].is_sorted()
    assert result.orders["order_id"].to_list() == list(range(1, result.orders.height + 1))
    assert result.fills.join(result.orders, on=["order_id", "asset"], how="semi").height == result.fills.height
    assert result.trades.height == result.metrics["trades"]
    assert result.equity["equity"][-1] == result.metrics["final_equity"]
    assert result.equity["drawdown"].max() == pytest.approx(result.metrics["max_drawdown"], rel=1e-12)
    held = (
        result.fills.group_by("asset")
        .agg(pl.col("quantity").sum())
        .join(wide.group_by("asset", maintain_order=True).last(), on="asset")
    )
    value = (held["quantity"] * held["close"]).sum()
    assert result.equity["cash"][-1] + value == pytest.approx(result.equity["equity"][-1], rel=1e-12)


@pytest.mark.parametrize("state", ["flat", "continuous"])
def test_the_replay_of_a_test_is_the_test_bit_for_bit(wide, averages, state):
    folds = FoldSpec(train="20s", test="9s", purge="2s", state=state)
    engine = evaluator(wide, averages, account=SLEEVES, params=("window",), costs=COSTS, folds=folds)
    outcome = engine.evaluate(CHUNK)
    ends = np.cumsum([segment.width for segment in engine.info.segments])
    tests = [place for place, segment in enumerate(engine.info.segments) if segment.name == "test"]
    assert len(tests) == 5
    for fold, place in enumerate(tests):
        (result,) = engine.replay_test(WINDOWS[2], fold)
        metrics = [np.nan if result.metrics[name] is None else result.metrics[name] for name in METRICS]
        assert np.array(metrics).tobytes() == outcome.segments[2, place].tobytes()
        earned = outcome.returns[2, ends[place] - len(result.returns) : ends[place]]
        assert result.returns.astype(np.float32).tobytes() == earned.tobytes()
        assert result.trades.height == result.metrics["trades"]
        assert result.equity["equity"][-1] == pytest.approx(result.metrics["final_equity"], rel=1e-12)
        sold = np.allclose(result.equity["cash"][-1], result.equity["equity"][-1], rtol=1e-12)
        assert sold == (state == "flat")


def test_the_replay_of_a_test_in_pieces_has_the_returns_of_each(wide, averages):
    engine = evaluator(wide, averages, account=SLEEVES, params=("window",), costs=COSTS, folds=FOLDS["crossed"])
    outcome = engine.evaluate(CHUNK)
    ends = np.cumsum([segment.width for segment in engine.info.segments])
    results = engine.replay_test(WINDOWS[3], 1)  # the first group of four and the third
    assert [len(result.returns) for result in results] == [15, 15]
    earned = np.concatenate([result.returns for result in results]).astype(np.float32)
    assert earned.tobytes() == outcome.returns[3, ends[3] - 30 : ends[3]].tobytes()
    trades = metric(outcome.segments, "trades")
    assert sum(result.metrics["trades"] for result in results) == trades[3, 3]


def test_a_holdout_of_sleeves_is_a_test_that_begins_there_bit_for_bit(wide, averages):
    spec = {"account": SLEEVES, "params": ("window",), "costs": COSTS}
    sealed = evaluator(wide, averages, folds=FoldSpec(train="20s", test="10s", holdout="15d"), **spec)
    first = sealed.holdout.start
    assert 0 < first < sealed.holdout.stop == len(sealed.info.sessions)
    tested = evaluator(wide, averages, folds=FoldSpec(mode="holdout", train=f"{first}s"), **spec).evaluate(CHUNK)
    metrics = sealed.replay_holdout(WINDOWS[1]).metrics
    assert [np.nan if metrics[name] is None else metrics[name] for name in METRICS] == pytest.approx(
        tested.segments[1, 1].tolist(), rel=0, abs=0, nan_ok=True
    )
    assert sealed.replay(WINDOWS[1]).equity.height == first
    assert max(segment.last for segment in sealed.info.segments) <= first


def test_a_replay_is_the_same_compiled_and_interpreted(market, averages):
    engine = evaluator(market, averages, account=SLEEVES, params=("window",))
    compiled, interpreted = (engine.replay(WINDOWS[2], compiled=each) for each in (True, False))
    assert isinstance(compiled, Result)
    assert compiled.metrics == interpreted.metrics
    assert compiled.trades.equals(interpreted.trades)


class Alone(Strategy):
    """Notes what it sees: one bar, of asset 0, in a market of one asset, with memory of its own."""

    bars_seen: int = state(0, per_asset=True)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        bar = data[0]
        self.bars_seen[bar.asset] += 1
        if data.count == 1 and bar.asset == 0 and broker.count_assets() == 1 and self.bars_seen[0] == 2:
            broker.submit_order(0, broker.get_equity() / 1000.0)


def test_a_sleeve_sees_its_own_asset_and_remembers_nothing_of_the_others():
    market = bars(*flat(100, 4), B=flat(100, 4), C=flat(100, 4))
    result = evaluator(market, Alone, account=SLEEVES).replay(np.empty(0), compiled=False)
    assert result.fills.select("asset", "quantity").rows() == [(name, 100.0 / 3) for name in "ABC"]
    assert result.fills["timestamp"].to_list() == [market["timestamp"].unique().sort().cast(pl.Datetime("ns"))[2]] * 3


def test_costs_and_swept_numbers_of_one_asset_reach_its_sleeve_alone(wide, averages):
    costs = {
        "commission": {"kind": "percentage", "rate": 0.0},
        "per_asset": {"A17": {"commission": {"kind": "percentage", "rate": 0.0}}},
    }
    name = "costs.per_asset.A17.commission.rate"
    spec = {"account": SLEEVES, "costs": costs, "params": ("window", name, "account.cash"), "shards": 7}
    values = np.array([[5.0, 0.0, 100_000.0], [5.0, 0.01, 100_000.0], [5.0, 0.01, 200_000.0]])
    engine = evaluator(wide, averages, **spec)
    outcome = engine.evaluate(Chunk(0, np.arange(3), values))
    fills = engine.replay(values[1]).fills
    paid = fills.filter(pl.col("commission") > 0.0)
    assert paid["asset"].unique().to_list() == ["A17"]
    assert metric(outcome.metrics, "commission").tolist() == pytest.approx([0.0, *[paid["commission"].sum()] * 2])
    assert metric(outcome.metrics, "final_equity")[2] == pytest.approx(
        metric(outcome.metrics, "final_equity")[1] + 100_000.0
    )


def test_costs_of_an_asset_that_is_not_there_are_refused(wide, averages):
    costs = {"per_asset": {"ZZZ": {"commission": {"kind": "none"}}}}
    with pytest.raises(BadInput, match="ZZZ"):
        evaluator(wide, averages, account=SLEEVES, costs=costs)


class Fragile(Strategy):
    """Fails where the price is above its parameter."""

    limit: float = param(0.0, 1000.0)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if data[0].close > self.limit:
            raise ValueError("too high")
        broker.submit_order(0, 1.0)


def test_a_trial_fails_by_its_first_failing_sleeve_and_leaves_the_others_untouched():
    prices = {f"A{i:02d}": flat(100.0 + i, 3) for i in range(1, 20)}
    market = bars(*flat(100, 3), **prices).with_columns(pl.col("asset").replace("A", "A00"))
    chunk = Chunk(0, np.arange(4, 7), np.array([[1000.0], [110.0], [200.0]]))
    one, *others = (
        evaluator(market, Fragile, account=SLEEVES, params=("limit",), shards=shards).evaluate(chunk)
        for shards in (1, 2, 5)
    )
    assert list(one.errors) == [5]
    assert one.errors[5].startswith("sleeve A11: ")
    assert np.isnan(one.metrics[1]).all()
    assert np.isnan(one.returns[1]).all()
    assert one.metrics[0].tobytes() == one.metrics[2].tobytes()
    for other in others:
        assert other.errors == one.errors
        assert same(one, other)


class Spread(SlippageModel):
    part: float = param(0.0, 1.0, default=0.1)

    def slip(self, fill, bar):
        return self.part * (bar.high - bar.low) * fill.share + 10.0 * abs(bar.pred)


def test_sleeves_have_their_own_bars_tiers_funding_and_models(wide, averages):
    tiers = [{"above": 0.0, "rate": 0.01}, {"above": 400.0, "rate": 0.005}]
    costs = {
        "commission": {"kind": "tiered", "by": "monthly_volume", "tiers": tiers},
        "slippage": {"kind": "custom", "model": Spread},
        "financing": {"funding": "pred"},
        "per_asset": {"A03": {"slippage": {"kind": "custom", "model": Spread, "part": 0.5}}},
    }
    data = wide.with_columns(pl.col("pred") / 1000)  # no column of its own, with which the strategy is compiled anew
    names = ("window", "costs.slippage.part", "costs.per_asset.A03.slippage.part")
    values = np.array([[2.0, 0.2, 0.3], [5.0, 0.4, 0.1]])
    chunk = Chunk(0, np.arange(2), values)
    whole = evaluator(data, averages, account=SLEEVES, params=names, costs=costs).evaluate(chunk)
    assert same(whole, evaluator(data, averages, account=SLEEVES, params=names, costs=costs, shards=4).evaluate(chunk))
    figures = ("commission", "slippage", "financing")
    apart = np.zeros(3)
    for asset in (f"A{number:02d}" for number in range(30)):
        own = {**costs, "per_asset": costs["per_asset"] if asset == "A03" else {}}
        params = names if asset == "A03" else names[:2]
        frame = data.filter(pl.col("asset") == asset)
        alone = evaluator(frame, averages, account={"cash": 100_000.0 / 30}, params=params, costs=own)
        found = alone.evaluate(Chunk(0, np.arange(1), values[:1, : len(params)]))
        apart += [metric(found.metrics, name)[0] for name in figures]
    assert [metric(whole.metrics, name)[0] for name in figures] == pytest.approx(apart, rel=1e-9)
