"""The broker interface that a strategy sees, and what a session needs of a venue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from backsweep.broker import NAN
from backsweep.engine.codes import GTC, MARKET
from backsweep.live.timestep import Timestep


class StrategyBroker(Protocol):
    """The methods of `backsweep.broker.Broker`, which documents each; every broker of a strategy has them all."""

    def get_position(self, asset: int) -> Any: ...
    def get_cash(self) -> float: ...
    def get_equity(self) -> float: ...
    def get_buying_power(self) -> float: ...
    def size_by_risk(self, asset: int, distance: float, risk: float) -> float: ...
    def size_by_volatility(self, asset: int, volatility: float, target: float) -> float: ...
    def count_assets(self) -> int: ...
    def count_positions(self) -> int: ...
    def count_open_orders(self, asset: int) -> int: ...
    def submit_order(
        self,
        asset: int,
        quantity: float,
        order_type: int = MARKET,
        limit_price: float = NAN,
        stop_price: float = NAN,
        trail_amount: float = NAN,
        trail_percent: float = NAN,
        tif: int = GTC,
        good_till: int = 0,
        parent: int = 0,
        oca_group: int = 0,
    ) -> int: ...
    def submit_bracket(
        self,
        asset: int,
        quantity: float,
        stop_loss: float = NAN,
        take_profit: float = NAN,
        order_type: int = MARKET,
        limit_price: float = NAN,
        stop_price: float = NAN,
    ) -> int: ...
    def find_child(self, order_id: int, order_type: int) -> int: ...
    def update_order(
        self,
        order_id: int,
        quantity: float = NAN,
        limit_price: float = NAN,
        stop_price: float = NAN,
        trail_amount: float = NAN,
        trail_percent: float = NAN,
    ) -> bool: ...
    def cancel_order(self, order_id: int) -> bool: ...
    def get_order(self, order_id: int) -> Any: ...
    def close_position(self, asset: int) -> int: ...
    def flatten(self, asset: int) -> int: ...
    def order_target_quantity(self, asset: int, target: float) -> int: ...
    def order_target_value(self, asset: int, target: float) -> int: ...
    def order_target_percent(self, asset: int, target: float) -> int: ...


class Venue(Protocol):
    """Where a session's requests go."""

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets, ascending; the position is the asset's code."""
        ...

    def step(self, timestep: Timestep, decide: Callable[[StrategyBroker], None]) -> None:
        """Process a timestep's bars, call the strategy's `decide`, and act on what it asked for."""
        ...
