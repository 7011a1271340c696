"""The statistics of a study, from block sums and two moments of each trial.

What the verdict is about, and on which test it is based, depends on how the study was made, not on any result:

- With walk-forward or a holdout, the stitched out-of-sample record: nothing was selected on it, so it needs no
  correction for the number of trials (see `out_of_sample`).
- A cross-validation has no such record. Its trainings lie on both sides of its tests, so a fold's choice depends on the
  sessions on which the other folds are tested, and the tests add up to a selection in hindsight: with two groups
  and two opposite trials a path earns |x| + |y| wherever the two groups x and y agree, and passes a test at 5 % in
  9.5 % of cases, with more trials more often. So it is judged like a study without folds: a path is mostly what the
  best trials earned over the whole record, and the distribution of the best of noise there is known. Where folds have
  trials of their own, the mean of the paths is judged, and every trial counts as a separate test.
- Groups of assets that each chose a trial on the record itself: the portfolio of their choices is the best of as many
  portfolios as there are choices of one trial for each group, and each of them counts as a separate test (Bonferroni).
  Counting trials alone would let noise survive: for groups that do not move together, the best of N trials in each of
  G groups makes sqrt(G) times the Sharpe ratio of the best of N, nearly what the best of N^G tests is expected to be.
- Otherwise the selected trial, against the best of noise over all trials at once (see `reality`). That bootstrap takes
  the trials as given, but an adaptive search places them where this very noise was best: one whose sampler learns, or
  that begins with the best trials of an earlier study. So every trial counts as a separate test there as well: the
  p-value is at least the trial's own times the number tried. Even that takes them as placed beforehand: a good search
  of N trials finds what the best of many more random ones would show. So such a study does not survive by it, however
  small it is (see `ADAPTIVE`); where it is large, noise explains the result all the more.
- Either is multiplied by the looks at these data with this strategy (Bonferroni), and without walk-forward by one plus
  the share of pruned trials, whose full records are unknown: they may have been as lucky.
- A null study of 19 histories or more has the only p-value that is valid for any search. Multiplied by the looks as
  well, it replaces the weaker ones of a cross-validation and of a selected trial under an adaptive sampler; elsewhere
  it can only raise the p-value, as where a study begins with trials of an earlier one: that search is not repeated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from backsweep.statistics.effective import effective_of_blocks
from backsweep.statistics.maximum import Band, deflated_sharpe_band, expected_maximum, minimum_backtest_length
from backsweep.statistics.multiple import benjamini_yekutieli, haircut_sharpe, holm
from backsweep.statistics.normal import upper_quantile
from backsweep.statistics.overfitting import Overfitting, overfitting_of_blocks
from backsweep.statistics.reality import RealityCheck, reality_of_blocks
from backsweep.statistics.sharpe import minimum_track_record_length, probabilistic_sharpe_ratio
from backsweep.statistics.study_records import COUNTABLE, Look, NullRank, Scenario, Tried
from backsweep.statistics.verdict import (
    INCONCLUSIVE,
    LEVEL,
    SURVIVES,
    SignificanceTest,
    Verdict,
    detectable_sharpe,
    reach_verdict,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backsweep.statistics.blocks import BlockSums, Records
    from backsweep.statistics.out_of_sample import OutOfSample

SPLIT_BLOCKS = 16
LEARNED = (
    "The search adapts to earlier results, and the figures of all trials take them as placed beforehand: they are too "
    "kind where it followed noise. Only {remedy} tests for that."
)
ADAPTIVE = (
    "An adaptive search finds more in noise than as many trials placed beforehand, for which the probability is {p}: "
    "only {remedy} can tell."
)
CROSSED = (
    "Cross-validation trains on both sides of its tests, so its paths are not an out-of-sample record, and the verdict "
    "corrects for all trials. Rolling or anchored folds, or a null study, give a more powerful test."
)

GROUPED = (
    "Every group chose in hindsight, so every portfolio of one trial for each group counts as a separate test. "
    "`walk_forward` gives a more powerful test."
)


@dataclass(frozen=True)
class Findings:
    """The statistics of a study. Sharpe ratios are annual; NaN is undefined.

    tried, judged         trials of this and earlier studies, failed and pruned ones included; those of this study with
                          a Sharpe ratio
    looks                 how often a result of these data and this strategy could be looked at, this one included
    sessions, years       of a trial's record, which with folds consists of its tests
    subject               what is judged among the trials: "the selected trial", "the last fold's choice", ...
    trial                 its number; -1 where it is not one trial, or there is none
    groups                groups of assets whose choices are judged together, as the only record; 0 without groups
    sharpe, lower_bound   its Sharpe ratio; the 95 % lower confidence bound, simultaneous for all trials and looks
    p_value               of the reality check: probability that the best of noise does at least as well
    corrected             the same, corrected for `corrections`: other looks, pruned trials, separate tests
    adaptive              whether the search adapted to the record that is judged: `corrected` and the other figures
                          take its trials as placed beforehand all the same
    survivors             trials significant by the step-down test, at a family-wise error of 5 %
    expected_noise        expected maximum Sharpe ratio of `tried` trials without skill
    detectable            true Sharpe ratio that is detected with a power of 0.8
    effective             effective number of independent trials
    probabilistic         probability that the subject's true Sharpe ratio is positive, if it were the only trial
    deflated              the same against the best of noise, as a band: for all trials, and for the effective number
    track_record          years that the subject needs to be significant, if it were the only trial
    backtest_length       years below which the best of `tried` trials without skill is expected to reach `sharpe`
    haircut               Sharpe ratio after the correction for `tried` trials
    holm, yekutieli       trials significant at 5 % by Holm and by Benjamini and Yekutieli
    overfitting_probability   PBO; without skill 0.5, with a standard deviation of 0.14
    what_to_expect, expect_low, expect_high   out-of-sample Sharpe ratio of what half the record selects: mean, 5th and
                          95th percentile
    out_of_sample         the stitched tests of a walk-forward; None without
    null                  the null study; None without
    sensitivity           scenarios of the stress test, the unchanged one first; empty where it was not run
    verdict               the verdict in words
    before                the other studies that `tried` and `looks` count: those before the verdict
    later                 later looks, which do not change it
    counted               when the looks were counted: ISO 8601, UTC; empty where the study has no record of that, and
                          all studies that the registry knows now count
    """

    tried: int
    judged: int
    looks: int
    sessions: int
    years: float
    subject: str
    trial: int
    sharpe: float
    lower_bound: float
    p_value: float
    corrected: float
    corrections: tuple[str, ...]
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
    out_of_sample: OutOfSample | None
    null: NullRank | None
    sensitivity: tuple[Scenario, ...]
    verdict: Verdict
    groups: int = 0
    adaptive: bool = False
    before: tuple[Look, ...] = ()
    later: tuple[Look, ...] = ()
    counted: str = ""


def compute_findings(
    records: Records,
    tried: Tried,
    periods_per_year: float,
    *,
    selected: int | None = None,
    out_of_sample: OutOfSample | None = None,
    null: NullRank | None = None,
    sensitivity: tuple[Scenario, ...] = (),
    seed: int = 0,
) -> Findings:
    """Compute the findings on the trials of `records`; `selected` is the number of the selected trial, if any."""
    kept, skew, kurtosis = records.block_sums, records.skew, records.kurtosis
    own = kept.sharpe()
    judged, count = int(np.count_nonzero(~np.isnan(own))), tried.tests
    hidden = 1.0 if tried.portfolios else 1.0 + tried.pruned / max(judged, 1)  # portfolios count those of pruned trials
    level = LEVEL / (tried.looks * hidden)
    check = reality_of_blocks(kept, seed=seed, level=level, chosen=_place(records, selected), widened=True)
    years, root = kept.sessions / periods_per_year, math.sqrt(periods_per_year)
    effective = effective_of_blocks(kept) if judged else math.nan
    place = check.best
    moments = (float(skew[place]), float(kurtosis[place])) if place >= 0 else (math.nan, math.nan)
    alone = _p_values(own, skew, kurtosis, kept.sessions)
    separate, apart = 0.0, -math.inf  # p-value and critical value if every one counts as a separate test
    if (tried.learned or tried.portfolios) and place >= 0:
        separate = min(float(alone[place]) * count, 1.0) if count < COUNTABLE else 1.0
        apart = upper_quantile(LEVEL / count) / math.sqrt(kept.sessions - 1.0)
    p_values = np.ones(max(tried.trials, own.size))
    p_values[: own.size] = alone
    if tried.portfolios:  # of which there is one record
        p_values = np.maximum(alone, separate)
        bound = min(check.lower_bound, check.statistic - apart)
        check = replace(
            check, p_value=max(check.p_value, separate), lower_bound=bound, survivors=int(separate <= LEVEL)
        )
    corrected = max(min(check.p_value * tried.looks * hidden, 1.0), separate)
    critical = max(check.critical, apart)
    splits = _splits(kept)
    subject = _subject(tried, selected, followed=out_of_sample is not None)
    detectable = detectable_sharpe(critical, kept.sessions, periods_per_year)
    if out_of_sample is None:
        test = SignificanceTest(
            subject=_sentence(subject),
            chance=f"without skill, the best of this many {'portfolios' if tried.portfolios else 'trials'} does "
            "at least as well with probability {p}",
            p_value=corrected,
            detectable=detectable,
            over=f"{tried.trials:,} trial{'s' * (tried.trials != 1)}"
            + " placed beforehand" * tried.adaptive
            + (f" in {tried.groups:,} groups" if tried.groups else "")
            + f" over {years:.1f} years",
            skew=moments[0],
            active=int(np.count_nonzero(kept.squares[place])) if place >= 0 else 0,
            lost=bool(records.lost[place]) if place >= 0 else True,
        )
    else:
        test = _out_of_sample_test(out_of_sample, periods_per_year)
    return Findings(
        tried=tried.trials,
        judged=judged,
        looks=tried.looks,
        sessions=kept.sessions,
        years=years,
        subject=subject,
        trial=int(records.numbers[place]) if place >= 0 and not tried.stitched else -1,
        sharpe=check.statistic * root,
        lower_bound=check.lower_bound * root,
        p_value=check.p_value,
        corrected=corrected,
        corrections=tried.corrections,
        survivors=check.survivors,
        expected_noise=expected_maximum(count) / math.sqrt(kept.sessions) * root,
        detectable=detectable,
        effective=effective,
        probabilistic=probabilistic_sharpe_ratio(check.statistic, kept.sessions, *moments),
        deflated=_band(check, kept.sessions, count, count if tried.portfolios else effective, moments),
        track_record=minimum_track_record_length(check.statistic, *moments) / periods_per_year,
        backtest_length=minimum_backtest_length(count, check.statistic * root),
        haircut=haircut_sharpe(check.statistic * root, years, count),
        holm=int(np.count_nonzero(holm(p_values) <= LEVEL)),
        yekutieli=int(np.count_nonzero(benjamini_yekutieli(p_values) <= LEVEL)),
        overfitting_probability=splits.pbo if splits else math.nan,
        what_to_expect=splits.expected * root if splits else math.nan,
        expect_low=splits.expected_range[0] * root if splits else math.nan,
        expect_high=splits.expected_range[1] * root if splits else math.nan,
        out_of_sample=out_of_sample,
        null=null,
        sensitivity=sensitivity,
        groups=tried.groups,
        adaptive=tried.adaptive and out_of_sample is None,
        verdict=_conclude(test, null, tried, followed=out_of_sample is not None),
    )


def _place(records: Records, selected: int | None) -> int | None:
    """Return the position of the selected trial; None where none was selected, or it has no record."""
    places = [] if selected is None else np.flatnonzero(records.numbers == selected).tolist()
    return int(places[0]) if places else None


def _out_of_sample_test(record: OutOfSample, periods_per_year: float) -> SignificanceTest:
    return SignificanceTest(
        subject="The out-of-sample record",
        chance="without skill, an out-of-sample record does at least as well with probability {p}"
        + _corrected(record.looks),
        p_value=record.p_value,
        detectable=detectable_sharpe(record.critical, record.sessions, periods_per_year),
        over=f"{record.years:.1f} years out of sample" + _corrected(record.looks),
        skew=record.skew,
        active=record.active,
        lost=record.lost,
    )


def _corrected(looks: int) -> str:
    return f", corrected for {looks:,} looks at these data" if looks > 1 else ""


def _subject(tried: Tried, selected: int | None, *, followed: bool) -> str:
    if tried.groups:
        return "the portfolio of the groups' choices"
    if tried.stitched:
        return "the cross-validated record"
    if selected is None:
        return "the trial with the largest Sharpe ratio"
    return "the last fold's choice" if followed or tried.crossed else "the selected trial"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _conclude(test: SignificanceTest, null: NullRank | None, tried: Tried, *, followed: bool) -> Verdict:
    """Return the verdict; a null study only raises the p-value where tests `followed` the choices or nothing adapts.

    Where the search adapts to the record that is judged, nothing but a null study that repeats it lets it survive.
    """
    remedy = "a null study or `walk_forward`" if tried.repeatable else "`walk_forward`"
    learned = LEARNED.format(remedy=remedy) if tried.learned else ""
    reason = GROUPED if tried.portfolios else CROSSED if tried.crossed else learned
    weak = () if followed or not reason else (reason,)
    decided = followed or not tried.adaptive
    if null is not None and null.decides:
        p_value = min(null.p_value * tried.looks, 1.0)
        if (weak and tried.repeatable) or p_value > test.p_value:
            chance = (
                f"on {null.histories:,} permuted histories the same search does at least as well with probability {{p}}"
            )
            chance += _corrected(tried.looks)
            test = replace(test, p_value=p_value, chance=chance)
        if tried.repeatable:
            weak, decided = (), True
    verdict = reach_verdict(test)
    if verdict.verdict == SURVIVES and not decided:
        reason = ADAPTIVE.format(p=f"{test.p_value:.1%}", remedy=remedy)
        verdict = replace(verdict, verdict=INCONCLUSIVE, reason=reason)
    return replace(verdict, warnings=(*verdict.warnings, *weak))


def _band(check: RealityCheck, sessions: int, tried: float, effective: float, moments: tuple[float, float]) -> Band:
    if check.best < 0:
        return Band(math.nan, math.nan)
    return deflated_sharpe_band(check.statistic, sessions, tried, min(effective, tried), *moments)


def _splits(kept: BlockSums) -> Overfitting | None:
    """Return the cross-validation over up to 16 blocks; None for fewer than two trials or blocks."""
    blocks = min(SPLIT_BLOCKS, kept.blocks)
    if kept.trials < 2 or blocks % 2:
        return None
    return overfitting_of_blocks(kept.merged(blocks))


def _p_values(
    own: NDArray[np.float64], skew: NDArray[np.float64], kurtosis: NDArray[np.float64], sessions: int
) -> NDArray[np.float64]:
    """Return the p-value of each trial's Sharpe ratio if it were the only one; 1 where it is undefined."""
    spread = 1.0 - skew * own + (kurtosis - 1.0) / 4.0 * own * own
    z = own * np.sqrt((sessions - 1.0) / np.where(spread > 0.0, spread, np.nan))
    return np.array([1.0 if math.isnan(value) else math.erfc(value / math.sqrt(2.0)) / 2.0 for value in z.tolist()])
