"""Rank the assets by several signals; hold the best, sell the worst short, and rank again every few sessions.

The idea: signals say little about where the market goes, and more about which asset does better than another. A
portfolio that is long some and short as many earns the difference.

Rules, at the last bar of every `every`-th session, which all assets should have: one that has closed before counts as
absent there.

- An asset's score is the weighted sum of its signals. A missing signal is skipped: the signals are centred on zero, so
  it counts as "no opinion". An asset without any signal is not ranked.
- The best `count` assets are bought and the worst `count` sold short; with fewer than twice `count`, half and half.
- The weights of each side add up to half of `gross`. They are equal, or, with `by_score`, in proportion to the distance
  from the middle between the two sides.
- Positions are brought to their weights by market orders, those that shrink first, since they make room for the
  others. Whatever is within `band` of its weight stays as it is.
- What is no longer ranked is closed; what has no bar any more is closed at its next one.

Needs the signals `pred`, `momentum` and `reversal`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

import backsweep as bs

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Bar(bs.Bar):
    """A bar with its signals."""

    pred: float
    momentum: float
    reversal: float


class CrossSection(bs.Strategy):
    """Long the best, short the worst, rebalanced every few sessions.

    Parameters
    ----------
    pred_weight, momentum_weight, reversal_weight : weights of the signals in the score; a negative one turns it round.
    every : sessions from one rebalancing to the next.
    count : assets on each side, at most half of those ranked.
    by_score : whether weights follow the scores; they are equal otherwise.
    gross : value of both sides together, as a multiple of equity.
    band : fraction of equity by which a position may be off its weight without being traded.

    """

    pred_weight: float = bs.param(-1.0, 1.0, default=1.0)
    momentum_weight: float = bs.param(-1.0, 1.0, default=0.5)
    reversal_weight: float = bs.param(-1.0, 1.0, default=0.5)
    every: int = bs.param(1, 63, log=True, default=10)
    count: int = bs.param(1, 20, log=True, default=2)
    by_score: bool = bs.choice([False, True])
    gross: float = bs.param(0.25, 1.5, default=1.0)
    band: float = bs.param(0.0, 0.1, default=0.02)

    known: int = bs.state(0)  # assets met so far have codes below this

    def on_data(self, timestamp: int, data: bs.Data[Bar], context: bs.Context, broker: bs.Broker) -> None:
        """Rebalance when a period of sessions ends."""
        if not data.last_of_session or data.session % self.every != 0:
            return
        weights = np.empty(data.count)
        self.weigh(data, weights)
        self.close_absent(data, broker)
        for shrink in (True, False):
            for i in range(data.count):
                asset = data[i].asset
                self.known = max(self.known, asset + 1)
                if broker.count_open_orders(asset) == 0:
                    self.rebalance(asset, weights[i], shrink, broker)

    def score(self, bar: Bar) -> float:
        """Return the weighted sum of the signals that are there; NaN if none is."""
        total, signals = 0.0, 0
        for weight, signal in (
            (self.pred_weight, bar.pred),
            (self.momentum_weight, bar.momentum),
            (self.reversal_weight, bar.reversal),
        ):
            if not math.isnan(signal):
                total += weight * signal
                signals += 1
        return total if signals > 0 else math.nan

    def weigh(self, data: bs.Data[Bar], weights: NDArray[np.float64]) -> None:
        """Write each bar's target as a signed fraction of equity: its score, then its rank, then its weight."""
        scores = np.empty(data.count)
        ranked = 0
        for i in range(data.count):
            scores[i] = self.score(data[i])
            ranked += not math.isnan(scores[i])
        held = min(self.count, ranked // 2)
        for i in range(data.count):
            weights[i] = side_of(scores, i, held, ranked)
        if self.by_score:
            tilt(weights, scores)
        scale(weights, self.gross / 2.0)

    def rebalance(self, asset: int, weight: float, shrink: bool, broker: bs.Broker) -> None:
        """Bring one position to its weight, if it is to shrink, or else if it is to grow or to turn."""
        held = broker.get_position(asset).market_value / broker.get_equity()
        if (abs(weight) < abs(held) and weight * held >= 0.0) != shrink:
            return
        if abs(weight - held) > self.band or (weight == 0.0 and held != 0.0):
            broker.order_target_percent(asset, weight)

    def close_absent(self, data: bs.Data[Bar], broker: bs.Broker) -> None:
        """Close what is held without a bar at this timestamp; the order waits for the asset's next bar."""
        i = 0
        for asset in range(self.known):
            if i < data.count and data[i].asset == asset:
                i += 1
            elif broker.count_open_orders(asset) == 0:
                broker.close_position(asset)


def side_of(scores: NDArray[np.float64], i: int, held: int, ranked: int) -> float:
    """Return 1 for one of the `held` best scores, -1 for one of the worst, else 0; of equals the first is better."""
    if math.isnan(scores[i]):
        return 0.0
    better = 0
    for j in range(len(scores)):
        better += scores[j] > scores[i] or (scores[j] == scores[i] and j < i)
    if better < held:
        return 1.0
    return -1.0 if better >= ranked - held else 0.0


def tilt(weights: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
    """Replace each weight by its score's distance from the middle between the two sides, unless all are equal."""
    lowest_long, highest_short = math.inf, -math.inf
    for i in range(len(weights)):
        if weights[i] > 0.0:
            lowest_long = min(lowest_long, scores[i])
        elif weights[i] < 0.0:
            highest_short = max(highest_short, scores[i])
    if lowest_long > highest_short:
        for i in range(len(weights)):
            if weights[i] != 0.0:
                weights[i] = scores[i] - (lowest_long + highest_short) / 2.0


def scale(weights: NDArray[np.float64], side: float) -> None:
    """Make the positive weights add up to `side`, and the negative ones to `-side`."""
    longs, shorts = 0.0, 0.0
    for i in range(len(weights)):  # a loop, not np.sum, whose order of addition depends on who compiled it
        longs += max(weights[i], 0.0)
        shorts -= min(weights[i], 0.0)
    for i in range(len(weights)):
        if weights[i] != 0.0:
            weights[i] *= side / (longs if weights[i] > 0.0 else shorts)
