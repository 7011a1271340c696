"""The test of an out-of-sample record: one series of returns on which nothing was selected.

All its returns were earned by parameters that were selected on earlier sessions alone. Without skill their expectation
is zero whatever was tried before, so the test needs no correction for the number of trials or for an adaptive sampler,
only for how often such a record was looked at. The p-value is the larger of two: one allows for the distribution of the
returns (1 - probabilistic Sharpe ratio), the other for dependence between them (block bootstrap, as in the reality
check).
Sources: Bailey and Lopez de Prado (2012); White (2000), "A Reality Check for Data Snooping", section 4, on what is left
to test once a model was chosen on other data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep import metrics
from backsweep.statistics.arguments import series, whole
from backsweep.statistics.blocks import FEWEST_SESSIONS, block_sums, standard_blocks
from backsweep.statistics.bootstrap import bootstrap_interval
from backsweep.statistics.normal import quantile
from backsweep.statistics.reality import reality_of_blocks
from backsweep.statistics.sharpe import minimum_track_record_length, probabilistic_sharpe_ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class OutOfSample:
    """An out-of-sample record and its test. Sharpe ratios are annual; NaN is undefined.

    sessions, years    of the record
    sharpe, low, high  its Sharpe ratio, and the interval of 95 % by the stationary bootstrap
    block_length       expected length of that bootstrap's blocks, in sessions
    skew, kurtosis     population moments, kurtosis not in excess
    probabilistic      probability that the true Sharpe ratio is positive
    track_record       years needed to call it positive at 95 %
    looks              how often results of these data with this strategy could be looked at
    p_value            probability that a record without skill does at least as well, times `looks`, at most 1
    critical           the Sharpe ratio per session that is significant at 5 % after so many looks
    active             blocks of time in which it was in the market
    lost               whether any session lost
    """

    sessions: int
    years: float
    sharpe: float
    low: float
    high: float
    block_length: float
    skew: float
    kurtosis: float
    probabilistic: float
    track_record: float
    looks: int
    p_value: float
    critical: float
    active: int
    lost: bool


def judge_out_of_sample(
    returns: ArrayLike, looks: int = 1, periods_per_year: float = 252.0, level: float = 0.05, seed: int = 0
) -> OutOfSample | None:
    """Return the test of per-session returns; NaN dropped. None for fewer than four sessions. Raises BadInput."""
    values = series("returns", returns)
    times = whole("looks", looks, 1)
    if values.size < FEWEST_SESSIONS:
        return None
    kept = block_sums(values[:, None], standard_blocks(values.size))
    check = reality_of_blocks(kept, seed=seed)
    interval = bootstrap_interval(values, seed=seed, periods_per_year=periods_per_year)
    skew, kurtosis = metrics.skew(values), metrics.kurtosis(values)
    sharpe = check.statistic
    probabilistic = probabilistic_sharpe_ratio(sharpe, values.size, skew, kurtosis)
    return OutOfSample(
        sessions=values.size,
        years=values.size / periods_per_year,
        sharpe=sharpe * math.sqrt(periods_per_year),
        low=interval.low,
        high=interval.high,
        block_length=interval.length,
        skew=skew,
        kurtosis=kurtosis,
        probabilistic=probabilistic,
        track_record=minimum_track_record_length(sharpe, skew, kurtosis) / periods_per_year,
        looks=times,
        p_value=_p_value(1.0 - probabilistic, check.p_value, times),
        critical=quantile(1.0 - level / times) / math.sqrt(values.size - 1.0),
        active=int(np.count_nonzero(kept.squares[0])),
        lost=bool((values < 0.0).any()),
    )


def _p_value(by_shape: float, by_blocks: float, looks: int) -> float:
    """Return the larger p-value that is defined, times `looks`; NaN for a record that does not vary."""
    return by_blocks if math.isnan(by_blocks) else min(float(np.fmax(by_shape, by_blocks)) * looks, 1.0)
