"""Statistics of a study: what the best of many trials is worth. Arrays in, numbers out.

Returns are per session; Sharpe ratios are per session unless a docstring says annual. NaN is dropped or undefined.

arguments      what callers pass, checked
normal         the normal distribution in its tails
sharpe         one Sharpe ratio: standard error, probability, record needed
maximum        the best of noise: expected maximum, deflated Sharpe ratio
multiple       p-values and Sharpe ratios adjusted for the number of tests
blocks         sums over fixed blocks of time, all that is kept of a trial
keep           what is kept, from the returns
overfitting    probability of backtest overfitting, what to expect out of sample
reality        block bootstrap of the maximum Sharpe ratio
effective      how many independent trials
bootstrap      intervals for out-of-sample metrics
out_of_sample  one record on which nothing was chosen
paths          combinatorial cross-validation
signed_rank    paired differences, tested by their ranks
verdict        the conclusion in words
findings       all of these for a study
"""

from backsweep.statistics.blocks import BlockSums, Records, block_sums
from backsweep.statistics.bootstrap import Interval, bootstrap_interval, optimal_block_length
from backsweep.statistics.effective import effective_trials
from backsweep.statistics.findings import Findings, NullRank, Scenario, Tried, find
from backsweep.statistics.maximum import (
    Band,
    deflated_sharpe_band,
    deflated_sharpe_ratio,
    expected_maximum,
    minimum_backtest_length,
)
from backsweep.statistics.multiple import benjamini_hochberg, benjamini_yekutieli, bonferroni, haircut_sharpe, holm
from backsweep.statistics.out_of_sample import OutOfSample, judge_out_of_sample
from backsweep.statistics.overfitting import Overfitting, probability_of_backtest_overfitting
from backsweep.statistics.paths import cpcv_assignment, cpcv_paths, cpcv_splits
from backsweep.statistics.reality import RealityCheck, reality_check
from backsweep.statistics.sharpe import (
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_standard_error,
)
from backsweep.statistics.verdict import Verdict

__all__ = [
    "Band",
    "BlockSums",
    "Findings",
    "Interval",
    "NullRank",
    "OutOfSample",
    "Overfitting",
    "RealityCheck",
    "Records",
    "Scenario",
    "Tried",
    "Verdict",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "block_sums",
    "bonferroni",
    "bootstrap_interval",
    "cpcv_assignment",
    "cpcv_paths",
    "cpcv_splits",
    "deflated_sharpe_band",
    "deflated_sharpe_ratio",
    "effective_trials",
    "expected_maximum",
    "find",
    "haircut_sharpe",
    "holm",
    "judge_out_of_sample",
    "minimum_backtest_length",
    "minimum_track_record_length",
    "optimal_block_length",
    "probabilistic_sharpe_ratio",
    "probability_of_backtest_overfitting",
    "reality_check",
    "sharpe_standard_error",
]
