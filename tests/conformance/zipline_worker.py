"""zipline, in an interpreter of its own: reads a scenario a line from standard input, writes its fills a line.

zipline needs a pandas older than vectorbt's, so that the two cannot share an environment; nothing here imports anything
else of this folder. What goes to and fro is JSON: see `sidebyside/peer_zipline.py`.
"""

import json
import logging
import sys
import warnings
from typing import Any

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import numpy as np
import pandas as pd
from exchange_calendars import get_calendar
from sqlalchemy import create_engine
from zipline.algorithm import TradingAlgorithm
from zipline.assets import AssetDBWriter, AssetFinder
from zipline.data.data_portal import DataPortal
from zipline.data.in_memory_daily_bars import InMemoryDailyBarReader
from zipline.finance.blotter import SimulationBlotter
from zipline.finance.commission import EquityCommissionModel, NoCommission, PerDollar, PerShare, PerTrade
from zipline.finance.execution import ExecutionStyle
from zipline.finance.slippage import FixedBasisPointsSlippage, FixedSlippage, NoSlippage, VolumeShareSlippage
from zipline.finance.trading import SimulationParameters

ORDER, CLOSE, CANCEL, TARGET_PERCENT, TARGET_VALUE = "order", "close", "cancel", "target_percent", "target_value"
FIRST = pd.Timestamp("1990-01-01")
CALENDAR = get_calendar("XNYS", side="right", start=FIRST, end=FIRST + pd.Timedelta(days=11_000))


class Bars(InMemoryDailyBarReader):
    """Every asset has a bar on every day; three methods of the peer's own class look for attributes it lacks."""

    @property
    def last_available_dt(self) -> pd.Timestamp:
        return self.sessions[-1]

    def get_value(self, sid: int, dt: pd.Timestamp, field: str) -> float:
        return self._values[field][self.sessions.get_loc(dt), sid]

    def get_last_traded_dt(self, asset: Any, dt: pd.Timestamp) -> pd.Timestamp:  # noqa: ARG002 - the peer's
        return dt


class At(ExecutionStyle):
    """An order at prices that are not rounded to cents."""

    def __init__(self, limit: float | None, stop: float | None) -> None:
        self.limit, self.stop = limit, stop

    def get_limit_price(self, is_buy: bool) -> float | None:  # noqa: ARG002 - the peer's
        return self.limit

    def get_stop_price(self, is_buy: bool) -> float | None:  # noqa: ARG002 - the peer's
        return self.stop


def commission_of(costs: dict[str, Any]) -> EquityCommissionModel:
    """Return zipline's commission model for the keys of a sweep file."""
    given = costs.get("commission", {"kind": "none"})
    if given["kind"] == "percentage":
        return PerDollar(cost=given["rate"])
    if given["kind"] == "per_share":
        return PerShare(cost=given["rate"], min_trade_cost=given.get("minimum", 0.0))
    if given["kind"] == "per_order":
        return PerTrade(cost=given["amount"])
    return NoCommission()


def slippage_of(costs: dict[str, Any], share: float) -> Any:
    """Return zipline's slippage model for the keys of a sweep file and a limit on the share of the volume."""
    given = costs.get("slippage", {"kind": "none"})
    if given["kind"] == "percentage":
        return FixedBasisPointsSlippage(basis_points=given["rate"] * 1e4, volume_limit=share or 1.0)
    if given["kind"] == "fixed":
        return FixedSlippage(spread=2.0 * given["amount"])
    if given["kind"] == "volume_share" or share:
        return VolumeShareSlippage(volume_limit=share, price_impact=given.get("rate", 0.0))
    return NoSlippage()


def play(scenario: dict[str, Any]) -> list[tuple[int, int, float, float, float]]:
    """Return fills as (bar, asset, quantity, price, commission)."""
    prices = np.array(scenario["bars"])  # assets, n, (open, high, low, close, volume)
    sessions = CALENDAR.sessions[: prices.shape[1]]
    sids = pd.Index(range(len(prices)), name="sid")
    frames = {
        name: pd.DataFrame(prices[:, :, column].T, index=sessions, columns=sids)
        for column, name in enumerate(("open", "high", "low", "close", "volume"))
    }
    engine = create_engine("sqlite://")
    AssetDBWriter(engine).write(
        equities=pd.DataFrame(
            {
                "symbol": [f"A{sid:02d}" for sid in sids],
                "start_date": sessions[0],
                "end_date": sessions[-1] + pd.Timedelta(days=9),
                "exchange": "HERE",
            },
            index=sids,
        ),
        exchanges=pd.DataFrame({"exchange": ["HERE"], "country_code": ["US"]}),
    )
    finder = AssetFinder(engine)
    reader = Bars(frames, CALENDAR, pd.Series("USD", index=sids))
    algorithm = TradingAlgorithm(
        sim_params=SimulationParameters(sessions[0], sessions[-1], CALENDAR, scenario["cash"], data_frequency="daily"),
        data_portal=DataPortal(finder, CALENDAR, sessions[0], equity_daily_reader=reader),
        asset_finder=finder,
        initialize=lambda context: _begin(context, finder, scenario),
        handle_data=lambda context, _: _ask(context, scenario),
        blotter=SimulationBlotter(),
        benchmark_returns=pd.Series(0.0, index=sessions),
        metrics_set="none",
    )
    fills = _listen(algorithm, {session.value: bar for bar, session in enumerate(sessions.normalize())})
    for _ in algorithm.get_generator():
        pass
    return fills


def _listen(algorithm: TradingAlgorithm, bars: dict[int, int]) -> list[tuple[int, int, float, float, float]]:
    """Note every transaction of the blotter with its commission."""
    blotter, fills = algorithm.blotter, []
    ask = blotter.get_transactions

    def listening(bar_data: Any) -> Any:
        transactions, commissions, closed = ask(bar_data)
        costs = [(each["order"].id, each["cost"]) for each in commissions]
        for each in transactions:
            cost = sum(cost for order, cost in costs if order == each.order_id)
            day = bars[pd.Timestamp(each.dt).tz_localize(None).normalize().value]
            fills.append((day, int(each.asset.sid), float(each.amount), float(each.price), float(cost)))
        return transactions, commissions, closed

    blotter.get_transactions = listening
    return fills


def _begin(algorithm: TradingAlgorithm, finder: AssetFinder, scenario: dict[str, Any]) -> None:
    algorithm.stocks = finder.retrieve_all(finder.sids)
    algorithm.latest = {}
    algorithm.bar = 0
    algorithm.set_commission(commission_of(scenario["costs"]))
    algorithm.set_slippage(slippage_of(scenario["costs"], scenario["volume_share"]))


def _ask(algorithm: TradingAlgorithm, scenario: dict[str, Any]) -> None:
    for sid, kind, quantity, limit, stop in scenario["intents"].get(str(algorithm.bar), []):
        stock = algorithm.stocks[sid]
        held = algorithm.portfolio.positions[stock].amount if stock in algorithm.portfolio.positions else 0
        if kind == ORDER:
            algorithm.latest[sid] = algorithm.order(stock, int(quantity), style=At(limit, stop))
        elif kind == CLOSE:
            algorithm.order(stock, -held)
        elif kind == CANCEL and sid in algorithm.latest:
            algorithm.cancel_order(algorithm.latest[sid])
        elif kind == TARGET_PERCENT:
            algorithm.order_target_percent(stock, quantity)
        elif kind == TARGET_VALUE:
            algorithm.order_target_value(stock, quantity)
    algorithm.bar += 1


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(play(json.loads(line))), flush=True)
