"""The records of one run, as frames under the names that users know."""

import numpy as np
import polars as pl
import pytest
from scenarios.scripted import FIRST_DAY, bars, close, evaluator, flat, run
from scenarios.scripted import market as at_market

from backsweep.metrics.summary import METRICS
from backsweep.strategy import Strategy, param

TIME = pl.Datetime("ns")
FILLS = {
    "order_id": pl.Int64,
    "timestamp": TIME,
    "asset": pl.String,
    "quantity": pl.Float64,
    "price": pl.Float64,
    "commission": pl.Float64,
    "slippage": pl.Float64,
    "reason": pl.String,
}
TRADES = {
    "asset": pl.String,
    "quantity": pl.Float64,
    "entry_timestamp": TIME,
    "entry_price": pl.Float64,
    "exit_timestamp": TIME,
    "exit_price": pl.Float64,
    "pnl": pl.Float64,
    "commission": pl.Float64,
    "slippage": pl.Float64,
    "bars_held": pl.Int64,
    "exit_reason": pl.String,
    "max_favourable": pl.Float64,
    "max_adverse": pl.Float64,
}
EQUITY = {
    "timestamp": TIME,
    "cash": pl.Float64,
    "equity": pl.Float64,
    "drawdown": pl.Float64,
    "exposure": pl.Float64,
}
ORDERS = {
    "order_id": pl.Int64,
    "parent_id": pl.Int64,
    "asset": pl.String,
    "order_type": pl.String,
    "quantity": pl.Float64,
    "status": pl.String,
    "reject_reason": pl.String,
    "submitted": TIME,
    "closed": TIME,
    "limit_price": pl.Float64,
    "stop_price": pl.Float64,
    "last_price": pl.Float64,
}


class Follow(Strategy):
    """Buys where its signal is positive and sells where it is negative."""

    size: float = param(1.0, 10.0, default=2.0)

    def features(self):
        return {"doubled": pl.col("pred") * 2.0}

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        for i in range(data.count):
            bar = data[i]
            held = broker.get_position(bar.asset).quantity
            if bar.pred > 0.0 and held == 0.0:
                broker.submit_order(bar.asset, self.size)
            elif bar.pred < 0.0 and held != 0.0:
                broker.close_position(bar.asset)


@pytest.fixture(scope="module")
def result():
    # B does not trade on day 2: what the strategy saw last before its fill on day 3 is day 1.
    frame = bars(*flat(100, 5), B=[(50, 50, 50, 50), (50, 50, 50, 50), None, (51, 51, 51, 51), (52, 52, 52, 52)])
    pred = {"A": [0.5, 0.6, -0.7, -0.8, 0.0], "B": [-0.1, 0.25, None, -0.35, 0.0]}
    signals = frame.select("timestamp", "asset").with_columns(
        pl.struct("timestamp", "asset")
        .map_elements(lambda row: pred[row["asset"]][(row["timestamp"] - FIRST_DAY).days], return_dtype=pl.Float64)
        .alias("pred")
    )
    context = pl.DataFrame({"timestamp": frame["timestamp"].unique().sort(), "vix": [10.0, 11.0, 12.0, 13.0, 14.0]})
    engine = evaluator(frame, Follow, signals=signals, context=context, params=("size",))
    return engine.replay(np.array([2.0]), compiled=False)


@pytest.mark.parametrize(("name", "schema"), [("fills", FILLS), ("equity", EQUITY), ("orders", ORDERS)])
def test_frames_have_their_columns(result, name, schema):
    assert dict(getattr(result, name).schema) == schema


def test_trades_have_their_columns_and_what_was_seen(result):
    schema = dict(result.trades.schema)
    assert list(schema)[: len(TRADES)] == list(TRADES)
    assert {name: schema.pop(name) for name in TRADES} == TRADES
    seen = {f"{moment}_{name}" for moment in ("entry", "exit") for name in ("pred", "doubled", "vix")}
    assert schema == dict.fromkeys(seen, pl.Float64)


def test_frames_without_a_row_have_the_same_columns():
    empty = run(bars(*flat(100, 2)))
    assert dict(empty.fills.schema) == FILLS
    assert dict(empty.trades.schema) == TRADES
    assert dict(empty.orders.schema) == ORDERS


def test_a_trade_shows_the_signals_last_seen_before_its_fills(result):
    rows = {row["asset"]: row for row in result.trades.to_dicts()}
    # A is bought at the open of day 1 on what day 0 showed, and sold on day 3 on what day 2 showed.
    assert (rows["A"]["entry_pred"], rows["A"]["entry_doubled"], rows["A"]["entry_vix"]) == (0.5, 1.0, 10.0)
    assert (rows["A"]["exit_pred"], rows["A"]["exit_doubled"], rows["A"]["exit_vix"]) == (-0.7, -1.4, 12.0)
    # B is bought on day 3 on what its own bar of day 1 showed; the context moved on meanwhile.
    assert (rows["B"]["entry_pred"], rows["B"]["entry_doubled"], rows["B"]["entry_vix"]) == (0.25, 0.5, 12.0)
    assert (rows["B"]["exit_pred"], rows["B"]["exit_vix"]) == (-0.35, 13.0)


def test_every_metric_is_there_and_has_a_value_or_a_reason(result):
    assert tuple(result.metrics) == METRICS
    assert set(result.reasons) == {name for name, value in result.metrics.items() if value is None}
    assert all(result.reasons.values())


def test_undefined_is_none_with_a_reason_and_never_zero():
    result = run(bars(*flat(100, 3)))
    assert result.metrics["sharpe"] is None
    assert result.metrics["win_rate"] is None
    assert result.metrics["total_return"] == 0.0


def test_orders_come_in_order_of_submission():
    result = run(bars(*flat(100, 4)), [at_market(0, 1), at_market(1, 1), close(2)])
    assert result.orders["order_id"].to_list() == [1, 2, 3]
    assert result.orders["parent_id"].null_count() == 3
