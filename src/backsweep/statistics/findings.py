"""Everything the statistics say about a study, from block sums and two moments of each trial."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backsweep.statistics.effective import effective_of_blocks
from backsweep.statistics.maximum import Band, deflated_sharpe_band, expected_maximum, minimum_backtest_length
from backsweep.statistics.multiple import benjamini_yekutieli, haircut_sharpe, holm
from backsweep.statistics.overfitting import Overfitting, overfitting_of_blocks
from backsweep.statistics.reality import RealityCheck, reality_of_blocks
from backsweep.statistics.sharpe import minimum_track_record_length, probabilistic_sharpe_ratio
from backsweep.statistics.verdict import LEVEL, Verdict, detectable_sharpe, reach_verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.statistics.blocks import BlockSums

SPLIT_BLOCKS = 16


@dataclass(frozen=True)
class Findings:
    """What a study's Sharpe ratios are worth. Sharpe ratios are annual; NaN is undefined.

    tried, judged         trials of the study's ledger, failed and pruned ones included; those with a Sharpe ratio
    sessions, years       of the record
    best                  number of the trial with the largest Sharpe ratio; -1 without one
    sharpe, lower_bound   its Sharpe ratio; what the true one exceeds at 95 %, for all trials at once
    p_value               reality check: how often noise does as well
    survivors             trials above noise step by step, at a family-wise error of 5 %
    expected_noise        Sharpe ratio that the best of `tried` trials is expected to show by luck
    detectable            true Sharpe ratio that would have been found with a power of 0.8
    effective             number of independent trials that these amount to
    probabilistic         probability that the best trial's true Sharpe is positive, were it the only trial
    deflated              the same against the best of noise, as a band: as many trials as run, and the effective number
    track_record          years that the best trial needs to be called positive, were it the only trial
    backtest_length       years below which `tried` trials of noise are expected to show `sharpe`
    haircut               Sharpe ratio that is left after accounting for `tried`
    holm, yekutieli       trials significant at 5 % by Holm and by Benjamini and Yekutieli
    overfitting_probability   PBO: 0.5, give or take 0.14, means no skill
    what_to_expect, expect_low, expect_high   out-of-sample Sharpe of what half the record selects: mean, 5 and 95 %
    verdict               the verdict in words
    """

    tried: int
    judged: int
    sessions: int
    years: float
    best: int
    sharpe: float
    lower_bound: float
    p_value: float
    survivors: int
    expected_noise: float
    detectable: float
    effective: float
    probabilistic: float
    deflated: Band
    track_record: float
    backtest_length: float
    haircut: float
    holm: int
    yekutieli: int
    overfitting_probability: float
    what_to_expect: float
    expect_low: float
    expect_high: float
    verdict: Verdict


def find(
    kept: BlockSums,
    skew: NDArray[np.float64],
    kurtosis: NDArray[np.float64],
    numbers: NDArray[np.int64],
    tried: int,
    periods_per_year: float,
    losers: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Findings:
    """Return the findings on the trials of `kept`, whose `numbers`, `skew` and `kurtosis` are arrays[trials].

    `tried` counts every trial of the ledger; `losers` says of each trial whether it ever lost.
    """
    own = kept.sharpe()
    check = reality_of_blocks(kept, seed=seed)
    years, root = kept.sessions / periods_per_year, math.sqrt(periods_per_year)
    judged, count = int(np.count_nonzero(~np.isnan(own))), max(tried, 1)
    effective = effective_of_blocks(kept) if judged else math.nan
    place = check.best
    moments = (float(skew[place]), float(kurtosis[place])) if place >= 0 else (math.nan, math.nan)
    p_values = np.ones(max(tried, own.size))
    p_values[: own.size] = _p_values(own, skew, kurtosis, kept.sessions)
    splits = _splits(kept)
    detectable = detectable_sharpe(check.critical, kept.sessions, periods_per_year)
    active = int(np.count_nonzero(kept.squares[place])) if place >= 0 else 0
    lost = bool(losers[place]) if losers is not None and place >= 0 else True
    return Findings(
        tried=tried,
        judged=judged,
        sessions=kept.sessions,
        years=years,
        best=int(numbers[place]) if place >= 0 else -1,
        sharpe=check.statistic * root,
        lower_bound=check.lower_bound * root,
        p_value=check.p_value,
        survivors=check.survivors,
        expected_noise=expected_maximum(count) / math.sqrt(kept.sessions) * root,
        detectable=detectable,
        effective=effective,
        probabilistic=probabilistic_sharpe_ratio(check.statistic, kept.sessions, *moments),
        deflated=_band(check, kept.sessions, count, effective, moments),
        track_record=minimum_track_record_length(check.statistic, *moments) / periods_per_year,
        backtest_length=minimum_backtest_length(count, check.statistic * root),
        haircut=haircut_sharpe(check.statistic * root, years, count),
        holm=int(np.count_nonzero(holm(p_values) <= LEVEL)),
        yekutieli=int(np.count_nonzero(benjamini_yekutieli(p_values) <= LEVEL)),
        overfitting_probability=splits.pbo if splits else math.nan,
        what_to_expect=splits.expected * root if splits else math.nan,
        expect_low=splits.expected_range[0] * root if splits else math.nan,
        expect_high=splits.expected_range[1] * root if splits else math.nan,
        verdict=reach_verdict(check.p_value, detectable, tried, years, moments[0], active, losers=lost),
    )


def _band(check: RealityCheck, sessions: int, tried: int, effective: float, moments: tuple[float, float]) -> Band:
    if check.best < 0:
        return Band(math.nan, math.nan)
    return deflated_sharpe_band(check.statistic, sessions, tried, min(effective, float(tried)), *moments)


def _splits(kept: BlockSums) -> Overfitting | None:
    """Return the cross-validation in up to 16 blocks, of two trials or more."""
    blocks = min(SPLIT_BLOCKS, kept.blocks)
    if kept.trials < 2 or blocks % 2:
        return None
    return overfitting_of_blocks(kept.merged(blocks))


def _p_values(
    own: NDArray[np.float64], skew: NDArray[np.float64], kurtosis: NDArray[np.float64], sessions: int
) -> NDArray[np.float64]:
    """Return each trial's probability of its Sharpe ratio without skill; 1 where it is undefined."""
    spread = 1.0 - skew * own + (kurtosis - 1.0) / 4.0 * own * own
    z = own * np.sqrt((sessions - 1.0) / np.where(spread > 0.0, spread, np.nan))
    return np.array([1.0 if math.isnan(value) else math.erfc(value / math.sqrt(2.0)) / 2.0 for value in z.tolist()])
