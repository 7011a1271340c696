"""Statistics of a study: inference on the best of many trials. Arrays in, numbers out.

Returns are per session; Sharpe ratios are per session unless a docstring says annual. NaN is dropped or undefined.

arguments      checks of callers' arguments
normal         the normal distribution in its tails
sharpe         one Sharpe ratio: standard error, probability, minimum track record
maximum        the best of many trials without skill: expected maximum, deflated Sharpe ratio
multiple       p-values and Sharpe ratios adjusted for the number of tests
blocks         sums over fixed blocks of time, the summary of a trial
overfitting    probability of backtest overfitting, expected performance out of sample
reality        block bootstrap of the maximum Sharpe ratio
effective      effective number of independent trials
bootstrap      intervals for out-of-sample metrics
out_of_sample  one record on which nothing was selected
paths          paths of combinatorial cross-validation
signed_rank    the signed-rank test of paired differences
verdict        the verdict in words
findings       all of these for one study
"""

from backsweep.statistics.blocks import BlockSums, Records, block_sums
from backsweep.statistics.bootstrap import Interval, bootstrap_interval, optimal_block_length
from backsweep.statistics.effective import effective_trials
from backsweep.statistics.findings import Findings, compute_findings
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
from backsweep.statistics.study_records import NullRank, Scenario, Tried
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
    "compute_findings",
    "cpcv_assignment",
    "cpcv_paths",
    "cpcv_splits",
    "deflated_sharpe_band",
    "deflated_sharpe_ratio",
    "effective_trials",
    "expected_maximum",
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
