"""A model for each fold: what it is trained on, who reads it, how often it is trained."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import FIRST_DAY, evaluator

from backsweep.dataset import shard_from_frames
from backsweep.errors import StrategyError
from backsweep.strategy import Strategy, param
from backsweep.sweepfile.folds import FoldSpec
from backsweep.trial.contract import Chunk
from backsweep.trial.features import Features
from backsweep.trial.fold_features import FoldFeatures
from backsweep.trial.folds import divide
from backsweep.trial.lookahead import check_lookahead
from backsweep.trial.market import pack
from backsweep.trial.runner import Runner, Settings

FOLDS = {
    "train": "40s",
    "test": "20s",
    "purge": "3s",
}  # trains on 0-39, 20-59, ..., tests 43-62, 63-82, 83-102, 103-119
FRAMES = []


class Fitted(Strategy):
    """Reads the mean close of A in the training, plus a parameter that only the features read."""

    power: int = param(1, 3, default=1)
    offset: float = param(0.0, 9.0, default=0.0)

    def fit(self, train):
        FRAMES.append(train)
        return train.filter(pl.col("asset") == "A")["close"].mean() ** self.power

    def features(self):
        return {"level": pl.lit(self.fitted) + self.offset + 0.0 * pl.col("close")}

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if bar.close > bar.level + 1.0 and held == 0.0:
                broker.submit_order(bar.asset, 10)
            elif bar.close < bar.level and held != 0.0:
                broker.close_position(bar.asset)


class Peeking(Fitted):
    """Reads the mean of the whole column, not of the training."""

    def features(self):
        return {"level": pl.lit(self.fitted) * 0.0 + pl.col("close").mean()}


class Known(Fitted):
    """Trades as Fitted does, about a level that is given."""

    known: float = param(0.0, 1000.0)
    fit = Strategy.fit

    def features(self):
        return {"level": pl.lit(self.known) + 0.0 * pl.col("close")}


@pytest.fixture(autouse=True)
def _no_frames():
    FRAMES.clear()


def fold_features(market, **spec):
    packed = pack(shard_from_frames(market))
    return packed, FoldFeatures(packed, *divide(packed.sessions.dates, FoldSpec(**FOLDS, **spec)))


def closes(market, first, last):
    a = market.filter(pl.col("asset") == "A").sort("timestamp")["close"].to_numpy()
    return pl.Series(a[first:last]).mean()


def test_fit_sees_the_bars_of_every_asset_in_its_training_and_no_others(market):
    _, features = fold_features(market)
    features.columns(Fitted())
    assert [frame["timestamp"].dt.date().n_unique() for frame in FRAMES] == [40] * 4
    for fold, frame in enumerate(FRAMES):
        assert frame["asset"].unique().sort().to_list() == ["A", "B"]
        assert frame["timestamp"].min() == FIRST_DAY + timedelta(days=20 * fold)
        assert frame["timestamp"].max() == FIRST_DAY + timedelta(days=20 * fold + 39)
        assert frame.columns == ["timestamp", "asset", "open", "high", "low", "close", "volume", "pred"]


def test_a_test_reads_the_model_of_the_training_before_it_and_nothing_is_known_before_the_first(market):
    packed, features = fold_features(market)
    level = features.columns(Fitted())["level"][packed.codes == 0]
    assert np.isnan(level[:43]).all()
    for fold, (first, last) in enumerate([(43, 63), (63, 83), (83, 103), (103, 120)]):
        assert set(level[first:last]) == {closes(market, 20 * fold, 20 * fold + 40)}


def test_the_last_training_is_read_from_the_holdout_on(market):
    packed, features = fold_features(market, holdout="15s")
    level = features.columns(Fitted())["level"][packed.codes == 0]
    assert set(level[105:]) == {closes(market, 62, 102)}  # 40 sessions that end 3 before session 105


def test_other_rows_in_the_test_leave_the_models_as_they_are(market):
    later = pl.col("timestamp") >= FIRST_DAY + timedelta(days=43)
    other = market.with_columns(
        pl.when(later).then(pl.col(name) * 2.0).otherwise(pl.col(name)) for name in ("open", "high", "low", "close")
    )
    (_, one), (_, two) = fold_features(market), fold_features(other)
    assert one.training(0).columns(Fitted())["level"][0] == two.training(0).columns(Fitted())["level"][0]
    assert one.training(3).columns(Fitted())["level"][0] != two.training(3).columns(Fitted())["level"][0]


def test_a_model_is_trained_once_for_each_fold_and_set_of_the_parameters_that_fit_reads(market):
    _, features = fold_features(market)
    for power, offset in [(1, 0.0), (1, 3.0), (2, 0.0), (1, 5.0), (2, 1.0)]:
        features.columns(Fitted(power=power, offset=offset))
    assert len(FRAMES) == 4 * 2


def test_what_a_constructor_makes_of_parameters_is_no_secret_to_the_model(market):
    class Derived(Fitted):
        def __init__(self, **values):
            super().__init__(**values)
            self.exponent = self.power

        def fit(self, train):
            return train["close"].mean() ** self.exponent

    packed, features = fold_features(market)
    one, two = (features.columns(Derived(power=power))["level"][packed.codes == 0] for power in (1, 2))
    assert two[50] == pytest.approx(one[50] ** 2)


READINGS = {
    "getattr": lambda strategy: getattr(strategy, "pow" + "er"),
    "vars": lambda strategy: vars(strategy)["power"],
    "values": lambda strategy: strategy.values()["power"],
    "a method": lambda strategy: strategy.doubled() / 2,
}


@pytest.mark.parametrize("reading", READINGS)
def test_however_fit_reads_a_parameter_its_models_are_kept_apart(market, reading):
    class Reader(Fitted):
        def doubled(self):
            return 2 * self.power

        def fit(self, train):  # noqa: ARG002 - the protocol
            return float(READINGS[reading](self))

    packed, features = fold_features(market)
    levels = [features.columns(Reader(power=power))["level"][packed.codes == 0][50] for power in (1, 2, 1)]
    assert levels == [1.0, 2.0, 1.0]


class Crossing(Fitted):
    """Has a feature of the model, the highest of it over all assets, and what that was a bar before."""

    def features(self):
        return {"level": pl.col("close") + self.fitted, "before": pl.col("top").shift(1)}

    def cross_features(self):
        return {"top": pl.col("level").max()}


def test_cross_features_are_of_the_same_model_as_the_features_that_they_compare(market):
    packed, features = fold_features(market)
    found = {name: values[packed.codes == 0] for name, values in features.columns(Crossing()).items()}
    a, b = (market.filter(pl.col("asset") == name).sort("timestamp")["close"].to_numpy() for name in "AB")
    for fold, (first, last) in enumerate([(43, 63), (63, 83), (83, 103), (103, 120)]):
        model = closes(market, 20 * fold, 20 * fold + 40)
        assert found["top"][first:last].tolist() == (np.maximum(a, b) + model)[first:last].tolist()
        # The bar before the first one of a test is seen by the same model.
        assert found["before"][first:last].tolist() == (np.maximum(a, b) + model)[first - 1 : last - 1].tolist()
    trained = features.training(1).columns(Crossing())["top"][packed.codes == 0]
    assert trained.tolist() == (np.maximum(a, b) + closes(market, 20, 60)).tolist()


def test_a_training_reads_its_own_model_and_a_test_that_of_its_fold(market):
    """What a trial earns is what runs with the fold's mean as a constant earn."""
    engine = evaluator(market, Fitted, folds=FoldSpec(**FOLDS))
    outcome = engine.evaluate(Chunk(0, np.arange(1), np.zeros((1, 0))))
    assert not outcome.errors
    runner = Runner(pack(shard_from_frames(market)), Known, engine._settings, params=("known",), compiled=False)
    for place, segment in enumerate(engine.info.segments):
        runner.take(np.array([closes(market, 20 * segment.fold, 20 * segment.fold + 40)]))
        runner.go(segment.ranges[0], flat=True)
        metrics, reasons = np.zeros(outcome.segments.shape[2]), np.zeros(outcome.segments.shape[2], np.uint8)
        runner.summarise(metrics, reasons, segment.ranges[0])
        metrics[reasons != 0] = np.nan
        np.testing.assert_allclose(outcome.segments[0, place], metrics, rtol=1e-12)


def test_a_replay_begins_with_the_first_test_and_a_tests_replay_earns_what_the_trial_did(market):
    engine = evaluator(market, Fitted, folds=FoldSpec(**FOLDS))
    outcome = engine.evaluate(Chunk(0, np.arange(1), np.zeros((1, 0))))
    ends = np.cumsum([segment.width for segment in engine.info.segments])
    assert engine.replay(np.zeros(0)).equity["timestamp"].min() >= FIRST_DAY + timedelta(days=43)
    for fold in range(4):
        (result,) = engine.replay_test(np.zeros(0), fold)
        assert result.trades.height > 0 or fold
        earned = outcome.returns[0, ends[2 * fold] : ends[2 * fold + 1]]
        assert result.returns.astype(np.float32).tobytes() == earned.tobytes()


def test_tests_that_carry_on_change_the_model_with_the_fold(market):
    engine = evaluator(market, Fitted, folds=FoldSpec(**FOLDS, state="continuous"))
    outcome = engine.evaluate(Chunk(0, np.arange(1), np.zeros((1, 0))))
    ends = np.cumsum([segment.width for segment in engine.info.segments])
    stitched = np.concatenate([outcome.returns[0, ends[place - 1] : ends[place]] for place in (1, 3, 5, 7)])
    assert stitched.tobytes() == engine.replay(np.zeros(0)).returns.astype(np.float32).tobytes()


def test_compiled_and_interpreted_models_leave_the_same_bits(market):
    engine = evaluator(market, Fitted, folds=FoldSpec(**FOLDS))
    one, two = (engine.replay(np.zeros(0), compiled=compiled) for compiled in (True, False))
    assert one.trades.height > 0
    assert one.fills.equals(two.fills)
    assert one.equity.equals(two.equity)


def test_the_look_ahead_test_trains_anew_on_every_other_history(market):
    shard, spec = shard_from_frames(market), FoldSpec(**FOLDS)
    found = check_lookahead(shard, Fitted, Settings(), np.zeros((1, 0)), folds=spec, compiled=False)
    assert found.moments > 0
    assert len(FRAMES) > 4
    with pytest.raises(StrategyError, match="looks ahead: feature `level`"):
        check_lookahead(shard, Peeking, Settings(), np.zeros((1, 0)), folds=spec, compiled=False)


class Random(Fitted):
    """Adds another number to the mean each time it is trained."""

    def fit(self, train):
        FRAMES.append(train)
        return float(len(FRAMES))


def test_a_model_that_is_not_trained_the_same_again_is_named_and_not_called_look_ahead(market):
    with pytest.raises(StrategyError, match="feature `level` is another one when it is computed again") as caught:
        check_lookahead(
            shard_from_frames(market), Random, Settings(), np.zeros((1, 0)), folds=FoldSpec(**FOLDS), compiled=False
        )
    assert "fixed seed" in caught.value.remedy
    assert "def fit" in caught.value.where or "line" in caught.value.where


def test_the_look_ahead_test_follows_a_model_into_cross_features(market):
    shard, spec = shard_from_frames(market), FoldSpec(**FOLDS)
    assert check_lookahead(shard, Crossing, Settings(), np.zeros((1, 0)), folds=spec, compiled=False).moments > 0


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({}, "no walk_forward section"),
        ({"folds": FoldSpec(mode="cpcv", groups=4, test_groups=1)}, "mode: cpcv"),
        ({"folds": FoldSpec(**FOLDS), "account": {"mode": "sleeves"}}, "account.mode: sleeves"),
        ({"folds": FoldSpec(**FOLDS), "pruning": {"max_drawdown": 0.5}}, "search.pruning"),
    ],
)
def test_fit_without_a_training_of_its_own_is_refused(market, spec, found):
    with pytest.raises(StrategyError, match="fit cannot be used in this study") as caught:
        evaluator(market, Fitted, **spec)
    assert found in caught.value.found


def test_features_without_folds_are_refused(market):
    with pytest.raises(StrategyError, match="fit has no training"):
        Features(pack(shard_from_frames(market))).columns(Fitted())


def test_an_error_in_fit_names_the_class_and_the_line(market):
    class Broken(Fitted):
        def fit(self, train):
            return train["nothing"]

    _, features = fold_features(market)
    with pytest.raises(StrategyError, match=r"Broken\.fit raised ColumnNotFoundError") as caught:
        features.columns(Broken())
    assert 'train["nothing"]' in caught.value.found


def test_features_with_other_names_in_another_fold_are_refused(market):
    class Renamed(Fitted):
        def features(self):
            return {f"level{len(FRAMES)}": pl.col("close")}

    _, features = fold_features(market)
    with pytest.raises(StrategyError, match="has other names in fold 1"):
        features.columns(Renamed())
