"""docs/tables.md has the columns that the tables have, and no others."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

import backsweep as bs
from backsweep.metrics import METRICS
from backsweep.study.store.stored_tables import StoredTables
from backsweep.sweepfile.load import load_sweep

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text()
SWEEP = {
    "study": "columns",
    "data": {"bars": "bars.parquet"},
    "strategy": "backsweep.strategies.threshold:Threshold",
    "account": {"mode": "sleeves"},
    "search": {
        "sampler": "sobol",
        "trials": 8,
        "constraints": ["trades >= 30"],
        "asset_groups": {"one": ["A"]},
    },
}


def described(table):
    part = PAGE.partition(f"### {table}\n")[2].partition("\n#")[0]
    return [name for row in re.findall(r"(?m)^\| ([^|]*`[^|]*) \|", part) for name in re.findall(r"`(\w+)`", row)]


class Once(bs.Strategy):
    asked: bool = bs.state(False)

    def on_data(self, timestamp, data, context, broker):  # noqa: ARG002 - the protocol
        if not self.asked:
            self.asked = True
            broker.submit_order(0, 1.0)


class Alone(bs.Combination):
    once: Once = bs.part(Once)


@pytest.fixture(scope="module")
def result():
    """A run whose records have every column: with a part, a signal, a context series and two currencies."""
    days = [datetime(2024, 1, 1) + timedelta(days=day) for day in range(4)]  # noqa: DTZ001 - as a file without a zone
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    bars = pl.DataFrame({"timestamp": days, "asset": "A", **prices, "volume": 1.0, "NAME": 1.0})
    rates = pl.DataFrame({"timestamp": days, "eurusd": 1.1})
    account = {"currency": "USD", "rates": {"EUR": "eurusd"}, "per_asset": {"A": {"currency": "EUR"}}}
    return bs.backtest(bars, Alone(), context=rates, account=account, compiled=False)


@pytest.mark.parametrize("table", ["fills", "trades", "equity", "orders", "cash_flows"])
def test_the_records_of_a_run_have_the_columns_of_the_page(table, result):
    columns = [
        name.replace("eurusd", "NAME").replace("cash_EUR", "cash_CURRENCY").replace("cash_USD", "cash_CURRENCY")
        for name in getattr(result, table).columns
    ]
    assert sorted(described(table)) == sorted(set(columns))


@pytest.mark.parametrize("table", ["trials", "folds", "returns", "blocks"])
def test_the_tables_of_a_study_have_the_columns_of_the_page(table, tmp_path):
    walk = {"walk_forward": {"train": "4y", "test": "1y", "share_proposals": False}}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(SWEEP | walk))
    stored = StoredTables(load_sweep(tmp_path / "sweep.yaml"), 1, lambda: None)._schemas[table]
    columns = {re.sub(rf"_({'|'.join(METRICS)})$", "_METRIC", name) for name in stored}
    assert sorted({*described(table)} - {"values_METRIC", "params_NAME"}) == sorted(columns)
